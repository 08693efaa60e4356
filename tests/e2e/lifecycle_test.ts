/** Small guests through the whole of their life, with real QEMU, by the compiled program. */
import assert from "node:assert/strict";
import { defineSmall, isRunning, POLICY, showUntil, stopSupervisor, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

Deno.test("a guest is defined, started, paused, resumed, presented, hidden, stopped and deleted", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    const started = await rig.ok("vm", "start", "g1");
    assert.equal(started.state, "running");
    const shown = await rig.ok("vm", "show", "g1");
    assert.equal(shown.live.status, "running");
    assert.equal(shown.live.vcpus.length, 1);
    assert.equal(shown.live.memory.assigned_mib, 64);
    assert.deepEqual(shown.live.unanswered, []);
    assert.equal((await rig.ok("vm", "pause", "g1")).state, "paused");
    assert.equal((await rig.ok("vm", "resume", "g1")).state, "running");
    await rig.ok("vm", "present", "g1");
    assert.equal((await rig.ok("status")).presented, "g1");
    await rig.ok("vm", "hide");
    assert.equal((await rig.ok("status")).presented, null);
    const stopped = await rig.ok("vm", "stop", "g1", "--grace", "0");
    assert.equal(stopped.state, "stopped");
    assert.match(stopped.notes[0], /^ended by: quit, after \d/);
    assert.equal(await isRunning(shown.pid), false);
    await rig.ok("vm", "delete", "g1", "--disks", "--yes");
    assert.deepEqual(await rig.ok("vm", "list"), []);
    await assert.rejects(Deno.stat(`${rig.root}/vm/linux/g1`), Deno.errors.NotFound);
  }));

Deno.test("all guests that run are stopped at once, with what each was ended by; where none runs there is nothing to do", () =>
  withRoot(async (rig) => {
    assert.deepEqual((await rig.ok("vm", "stop", "--all")).stopped, []);
    for (const id of ["a", "b", "c"]) await defineSmall(rig, id);
    for (const id of ["a", "b"]) await rig.ok("vm", "start", id);
    await rig.ok("vm", "pause", "b");
    await rig.fails(2, "vm", "stop");
    await rig.fails(2, "vm", "stop", "a", "--all");
    const { stopped } = await rig.ok("vm", "stop", "--all", "--grace", "0");
    assert.deepEqual(stopped.map(({ vm, state }: Any) => [vm, state]), [["a", "stopped"], ["b", "stopped"]]);
    // A supervisor that does not run is started for guests that do.
    await rig.ok("vm", "start", "c");
    await stopSupervisor(rig);
    assert.equal((await rig.ok("vm", "stop", "--all", "--grace", "0")).stopped.length, 1);
    await stopSupervisor(rig);
    assert.deepEqual((await rig.ok("vm", "stop", "--all")).stopped, []);
    assert.equal((await rig.ok("status")).supervisor, null, "for nothing none is started");
  }));

Deno.test("at most one guest is presented, and hiding follows its end", () =>
  withRoot(async (rig) => {
    for (const id of ["a", "b"]) {
      await defineSmall(rig, id);
      await rig.ok("vm", "start", id);
    }
    await rig.ok("vm", "present", "a");
    const error = await rig.fails(3, "vm", "present", "b");
    assert.equal(error.reasons[0].rule, "presentation_busy");
    await rig.ok("vm", "kill", "a");
    assert.equal((await rig.ok("status")).presented, null);
    await rig.ok("vm", "present", "b");
    const events = (await rig.run("--json", "events", "-n", "100")).stdout;
    assert.match(events, /RAYOS_PRESENTATION:off.*guest ended/);
  }));

Deno.test("a guest that gets no input is hidden after the time that policy names, and a policy that says never keeps it shown", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "a");
    await rig.ok("vm", "start", "a");
    await rig.ok("vm", "present", "a");
    await rig.write("releasing.toml", `${POLICY}[presentation]\nrelease_after_s = 1\n`);
    await rig.ok("policy", "apply", `${rig.root}/releasing.toml`); // also for what is shown already
    await showUntil(rig, "a", ({ presented }) => !presented);
    await rig.ok("vm", "present", "a");
    await showUntil(rig, "a", ({ presented }) => !presented);
    const events = (await rig.run("--json", "events", "-n", "100")).stdout;
    assert.equal(events.match(/RAYOS_PRESENTATION:off.*no_input/g)?.length, 2);
    await rig.write("never.toml", POLICY);
    await rig.ok("policy", "apply", `${rig.root}/never.toml`);
    await rig.ok("vm", "present", "a");
    assert.equal((await rig.ok("vm", "show", "a")).presented, true);
  }));

Deno.test("a network is denied with its rule, whatever profile is asked for; off is always possible", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const error = await rig.fails(3, "net", "set", "g1", "restricted");
    assert.ok(error.reasons.some((reason: Any) => reason.rule === "network_default_off"));
    assert.ok(error.reasons.every((reason: Any) => reason.why.length > 0));
    await rig.ok("net", "set", "g1", "off");
    const explained = await rig.run("--json", "policy", "explain", "g1", "net.set", "profile=restricted");
    assert.equal(explained.code, 3);
    assert.equal(explained.json().decision.effect, "deny");
    const { qemu } = { qemu: (await rig.ok("vm", "argv", "g1")).at(-1) };
    assert.doesNotMatch(qemu.args.join(" "), /netdev|virtio-net|e1000/);
  }));

Deno.test("guests outlive the supervisor, and the next one takes them over, hidden", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.ok("vm", "present", "g1");
    const before = await rig.ok("vm", "show", "g1");
    const { supervisor } = await rig.ok("status");
    Deno.kill(supervisor.pid, "SIGKILL");
    const after = await rig.ok("vm", "show", "g1");
    assert.equal(after.pid, before.pid);
    assert.equal(after.state, "running");
    assert.equal(after.presented, false);
    assert.equal(after.live.status, "running");
    assert.match((await rig.run("--json", "events", "-n", "100")).stdout, /RAYOS_RECOVERED/);
    await rig.ok("vm", "stop", "g1", "--grace", "0");
    assert.equal(await isRunning(before.pid), false);
    await rig.ok("audit", "verify");
  }));

Deno.test("a guest that died while no supervisor ran is found stopped", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { pid } = await rig.ok("vm", "show", "g1");
    await stopSupervisor(rig);
    assert.equal(await isRunning(pid), true);
    Deno.kill(pid, "SIGKILL");
    assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
    await rig.ok("vm", "start", "g1");
  }));

Deno.test("a QEMU that is killed shows as crashed, with a report, and can be started again", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { pid } = await rig.ok("vm", "show", "g1");
    const reports = Deno.watchFs(`${rig.root}/crash`);
    Deno.kill(pid, "SIGKILL");
    for await (const event of reports) if (event.paths.some((path) => path.endsWith(".json"))) break;
    const shown = await rig.ok("vm", "show", "g1");
    assert.equal(shown.state, "crashed");
    assert.match(shown.problem, /SIGKILL/);
    await rig.ok("vm", "start", "g1");
  }));

Deno.test("a QEMU that refuses to start is reported with its own last words, and nothing is left", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1", { machine: "pc-q35-2.4" });
    const ran = await rig.run("--json", "vm", "start", "g1");
    if (ran.code === 0) return; // a host whose QEMU still has this old machine
    assert.ok([1, 7].includes(ran.code), ran.stdout);
    assert.match(ran.json().error.message, /2\.4/);
    const shown = await rig.ok("vm", "show", "g1");
    assert.equal(shown.state, "stopped");
    assert.equal(shown.pid, null);
  }));

Deno.test("every request leaves its records: asked, decided, begun, ended; and the chain holds", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.fails(3, "net", "set", "g1", "restricted");
    await rig.ok("vm", "kill", "g1");
    const text = (await rig.run("--json", "audit", "tail", "-n", "1000")).stdout.trim();
    const records = text.split("\n").map((line) => JSON.parse(line));
    const byCorr = Map.groupBy(
      records.filter((record: Any) => record.phase !== "observed"),
      (record: Any) => record.corr,
    );
    for (
      const phases of [...byCorr.values()].map((group) => group.map((record: Any) => record.phase).join(" "))
    ) {
      assert.match(phases, /^requested (decided started (finished|failed|outcome_unknown)|refused|failed)$/);
    }
    const refused = records.find((record: Any) => record.phase === "refused");
    assert.equal(refused.action, "net.set");
    assert.ok(refused.reasons.length > 0);
    await rig.ok("audit", "verify");
    const lines = (await Deno.readTextFile(`${rig.root}/logs/audit.jsonl`)).split("\n");
    await Deno.writeTextFile(`${rig.root}/logs/audit.jsonl`, lines.toSpliced(1, 1).join("\n"));
    const error = await rig.fails(1, "audit", "verify");
    assert.match(error.message, /record/);
  }));

Deno.test("deleting wants --yes, and a running guest can't be deleted", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.fails(5, "vm", "delete", "g1", "--yes");
    await rig.fails(2, "vm", "delete", "g1");
    assert.equal((await rig.ok("vm", "list")).length, 1);
  }));
