/** A policy that changes while guests run: what it takes away, what it only marks, and how it is put in force. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { layoutOf } from "../../registry/layout.ts";
import { defineSmall, POLICY, type Rig, stopSupervisor, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

const DESK = `${POLICY}
[profiles.desk]
kind = "linux"
present = true
input = true
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 50
tpm = "allowed"
secure_boot = "allowed"
guest_agent = ["ping"]
`;
const PRESENT = 'kind = "linux"\npresent = true';

async function records(rig: Rig): Promise<Any[]> {
  const { stdout } = await rig.run("--json", "audit", "tail", "-n", "1000");
  return stdout.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

async function eventNames(rig: Rig): Promise<string[]> {
  const { stdout } = await rig.run("--json", "events", "-n", "1000");
  return stdout.trim().split("\n").map((line) => JSON.parse(line).event);
}

/** Follows the events while `during` runs, up to the first with one of these names. */
async function untilEvent(
  rig: Rig,
  names: readonly string[],
  during: () => Promise<unknown> | void,
): Promise<string> {
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 60_000);
  try {
    const stream = await client.events(undefined, limit.signal);
    await during();
    for await (const { event } of stream) if (names.includes(event)) return event;
    return assert.fail(`none of ${names.join(", ")} within a minute`);
  } finally {
    clearTimeout(timer);
    limit.abort();
    client.close();
  }
}

/** A guest of the profile `desk` that runs. */
async function withDesk(use: (rig: Rig) => Promise<void>): Promise<void> {
  await withRoot(async (rig) => {
    await defineSmall(rig, "g1", { policy_profile: "desk" });
    await rig.ok("vm", "start", "g1");
    await use(rig);
  }, DESK);
}

async function apply(rig: Rig, text: string): Promise<Any> {
  await rig.write("next.toml", text);
  return await rig.ok("policy", "apply", `${rig.root}/next.toml`);
}

Deno.test("a presented guest is hidden at once when a policy forbids it, and the trail says why", () =>
  withDesk(async (rig) => {
    await rig.ok("vm", "present", "g1");
    const next = DESK.replace(PRESENT, 'kind = "linux"\npresent = false');
    await rig.write("next.toml", next);
    const dry = await rig.ok("policy", "apply", "--dry-run", `${rig.root}/next.toml`);
    assert.equal(dry.applied, false);
    assert.equal((await rig.ok("status")).presented, "g1", "a dry run does nothing");
    assert.equal(await Deno.readTextFile(layoutOf(rig.root).policyFile), DESK);
    const applied = await rig.ok("policy", "apply", `${rig.root}/next.toml`);
    assert.deepEqual([applied.applied, applied.difference, applied.consequences], [
      true,
      dry.difference,
      dry.consequences,
    ]);
    const line = next.split("\n").indexOf("present = false", next.split("\n").indexOf("[profiles.desk]")) + 1;
    assert.deepEqual(applied.difference.guests, [{
      vm: "g1",
      changes: [{
        right: "present",
        from: true,
        to: false,
        where: `profile: profiles.desk.present (line ${line})`,
      }],
    }]);
    assert.deepEqual(applied.consequences[0].steps.map((step: Any) => step.kind), ["hide"]);
    assert.equal((await rig.ok("status")).presented, null);
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
    assert.equal((await rig.fails(3, "vm", "present", "g1")).reasons[0].rule, "presentation_not_allowed");
    const trail = await records(rig);
    const own = trail.filter((record) => record.action === "policy.apply");
    assert.deepEqual(own.map((record) => record.phase), ["requested", "decided", "started", "finished"]);
    assert.deepEqual(
      [own[0].detail.from, own[0].detail.to, own[3].detail.from, own[3].detail.to],
      [applied.from, applied.to, applied.from, applied.to],
    );
    const narrowed = trail.find((record) => record.action === "policy.narrowed");
    assert.deepEqual([narrowed.vm, narrowed.event, narrowed.detail.rule], [
      "g1",
      "RAYOS_PRESENTATION:off",
      "presentation_not_allowed",
    ]);
    const reloaded = trail.find((record) => record.action === "policy.reloaded");
    assert.deepEqual([reloaded.detail.from, reloaded.detail.to], [applied.from, applied.to]);
    const log = await Deno.readTextFile(layoutOf(rig.root).rayosLog);
    assert.match(log, /RAYOS_PRESENTATION:off vm=g1 kind=linux reason=policy/);
    assert.match(log, new RegExp(`RAYOS_POLICY:reloaded revision=${applied.to}`));
    await rig.ok("audit", "verify");
  }));

Deno.test("what can't be taken away from a running guest is marked, refused at a start, and forgotten when allowed again", () =>
  withDesk(async (rig) => {
    const strict = DESK.replace("max_memory_mb = 512", "max_memory_mb = 64").replace(
      'tpm = "allowed"',
      'tpm = "required"',
    );
    await apply(rig, strict);
    const shown = await rig.ok("vm", "show", "g1");
    assert.equal(shown.state, "running");
    assert.match(shown.notes.join("\n"), /policy: vtpm_required: .*profiles\.desk\.tpm \(line \d+\)/);
    assert.match((await rig.run("vm", "show", "g1")).stdout, /note: policy: vtpm_required/);
    assert.ok(
      (await eventNames(rig)).some((name) => name.startsWith("RAYOS_POLICY_VIOLATION:vtpm_required:")),
    );
    const marked = (await records(rig)).filter((record) => record.action === "policy.narrowed");
    assert.deepEqual(marked.map(({ vm, phase, detail }) => [vm, phase, detail.rule]), [[
      "g1",
      "observed",
      "vtpm_required",
    ]]);
    await stopSupervisor(rig);
    assert.match(
      (await rig.ok("vm", "show", "g1")).notes.join("\n"),
      /vtpm_required/,
      "another supervisor marks it too",
    );
    await apply(rig, DESK);
    assert.doesNotMatch((await rig.ok("vm", "show", "g1")).notes.join("\n"), /policy:/);
    assert.ok((await records(rig)).some((record) => record.action === "policy.mark_cleared"));
    await apply(rig, strict);
    await rig.ok("vm", "kill", "g1");
    assert.doesNotMatch((await rig.ok("vm", "show", "g1")).notes.join("\n"), /policy:/);
    assert.equal((await rig.fails(3, "vm", "start", "g1")).reasons[0].rule, "vtpm_required");
  }));

Deno.test("of guests whose sum is too much the youngest is marked, and no longer when another one ends", () =>
  withDesk(async (rig) => {
    await defineSmall(rig, "g2", { policy_profile: "desk" });
    await rig.ok("vm", "start", "g2");
    const applied = await apply(rig, DESK.replace("max_running = 3", "max_running = 1"));
    assert.deepEqual(applied.consequences.map((one: Any) => one.vm), ["g2"]);
    assert.equal(
      (await rig.ok("vm", "show", "g1")).notes.some((note: string) => note.startsWith("policy:")),
      false,
    );
    assert.match((await rig.ok("vm", "show", "g2")).notes.join("\n"), /max_running/);
    await rig.ok("vm", "kill", "g1");
    assert.doesNotMatch((await rig.ok("vm", "show", "g2")).notes.join("\n"), /max_running/);
  }));

Deno.test("with on_narrowed = stop a guest that has too much is stopped in the orderly way, by the supervisor", () =>
  withDesk(async (rig) => {
    const strict = DESK.replace("[limits]", '[limits]\non_narrowed = "stop"').replace(
      'tpm = "allowed"',
      'tpm = "required"',
    );
    await rig.ok("vm", "pause", "g1"); // there is nobody in a small guest who could shut it down in time
    await untilEvent(rig, ["RAYOS_VM:stopped"], () => apply(rig, strict));
    assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
    const stop = (await records(rig)).filter((record) => record.action === "vm.stop");
    assert.equal(stop[0].actor.kind, "supervisor");
    assert.deepEqual(stop.map((record) => record.phase).slice(0, 3), ["requested", "decided", "started"]);
  }));

Deno.test("a policy that is refused leaves the old file in force, with every problem told at its place", () =>
  withDesk(async (rig) => {
    const before = (await rig.ok("status")).policy.revision;
    await rig.write(
      "next.toml",
      DESK.replace("present = true", "presnt = true").replace("[limits]", "[limits]\ncpu = 1"),
    );
    const error = await rig.fails(8, "policy", "apply", `${rig.root}/next.toml`);
    assert.equal(error.problems.length, 2);
    assert.ok(error.problems.every((problem: Any) => problem.place.file === `${rig.root}/next.toml`));
    const { policy } = await rig.ok("status");
    assert.deepEqual([policy.revision, policy.safe_mode], [before, false]);
    assert.equal(await Deno.readTextFile(layoutOf(rig.root).policyFile), DESK);
    assert.equal((await rig.fails(4, "policy", "apply", `${rig.root}/none.toml`)).code, "not_found");
    const client = new ApiClient(layoutOf(rig.root).socket);
    try {
      const asked = client.perform("policy.apply", { text: "version = 0\nx = 1\n" });
      await assert.rejects(asked, { code: "invalid_policy" }, "the supervisor does not trust its client");
      const large = client.perform("policy.apply", { text: `#${"x".repeat(1024 * 1024)}\n` });
      await assert.rejects(large, { code: "invalid_policy" });
    } finally {
      client.close();
    }
    assert.equal(await Deno.readTextFile(layoutOf(rig.root).policyFile), DESK);
    const own = (await records(rig)).filter((record) => record.action === "policy.apply");
    assert.deepEqual(own.map((record) => record.phase), ["requested", "failed", "requested", "failed"]);
  }));

Deno.test("a good file ends safe mode, and every command for people warns of it until then", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.ok("vm", "present", "g1");
    await stopSupervisor(rig);
    await rig.write("policy/rayos-policy.toml", "nonsense\n");
    const listed = await rig.run("vm", "list");
    assert.equal(listed.code, 0);
    assert.match(listed.stderr, /^warning: safe mode: .*refused: 1 problem\n$/);
    assert.equal((await rig.run("--json", "vm", "list")).stderr, "");
    assert.equal((await rig.run("--quiet", "vm", "list")).stderr, "");
    const shown = await rig.ok("vm", "show", "g1");
    assert.deepEqual([shown.state, shown.presented, shown.network], ["running", false, "off"]);
    assert.match(shown.notes.join("\n"), /safe_mode: no policy is in force/);
    const denied = await rig.run("vm", "present", "g1");
    assert.equal(denied.code, 3);
    assert.equal(denied.stderr.match(/warning: safe mode/g)?.length, 1);
    const applied = await apply(rig, POLICY);
    assert.equal(applied.from, "none");
    const { policy } = await rig.ok("status");
    assert.deepEqual([policy.safe_mode, policy.revision], [false, applied.to]);
    assert.equal((await rig.run("vm", "list")).stderr, "");
    assert.deepEqual(
      (await rig.ok("vm", "show", "g1")).notes.filter((note: string) => note.startsWith("policy:")),
      [],
    );
    await rig.ok("vm", "present", "g1");
    const names = await eventNames(rig);
    assert.ok(names.lastIndexOf("RAYOS_SAFE_MODE:off") > names.lastIndexOf("RAYOS_SAFE_MODE:on"));
    assert.deepEqual(
      (await records(rig)).filter(({ action }) => /^policy\.(loaded|rejected|reloaded)$/.test(action))
        .map(({ action, detail }) => [action, detail.from, detail.to]),
      [["policy.loaded", "none", applied.to], ["policy.rejected", "none", "none"], [
        "policy.reloaded",
        "none",
        applied.to,
      ]],
    );
  }));

Deno.test("SIGHUP reads the policy again, also where it is a link into its folder whose target changed", () =>
  withDesk(async (rig) => {
    const { policyFile } = layoutOf(rig.root);
    await Deno.mkdir(`${rig.root}/policy/versions`);
    await rig.write("policy/versions/a.toml", DESK);
    await rig.write("policy/versions/b.toml", DESK.replace(PRESENT, 'kind = "linux"\npresent = false'));
    await Deno.symlink("versions/a.toml", `${rig.root}/policy/link`);
    await Deno.rename(`${rig.root}/policy/link`, policyFile);
    await rig.ok("vm", "present", "g1");
    await Deno.copyFile(`${rig.root}/policy/versions/b.toml`, `${rig.root}/policy/versions/a.toml`);
    const { supervisor } = await rig.ok("status");
    await untilEvent(rig, ["RAYOS_POLICY:reloaded"], () => Deno.kill(supervisor.pid, "SIGHUP"));
    assert.equal((await rig.ok("status")).presented, null);
  }));

Deno.test("a link that leads out of the policy folder is safe mode, with the last good policy for what runs", () =>
  withDesk(async (rig) => {
    await rig.ok("vm", "present", "g1");
    await rig.write("outside.toml", DESK);
    await Deno.symlink("../outside.toml", `${rig.root}/policy/link`);
    await untilEvent(
      rig,
      ["RAYOS_SAFE_MODE:on"],
      () => Deno.rename(`${rig.root}/policy/link`, layoutOf(rig.root).policyFile),
    );
    const status = await rig.ok("status");
    assert.equal(status.policy.problem.reasons[0].rule, "policy_file_permissions");
    assert.equal(status.presented, "g1", "what already runs goes by the last good policy");
    assert.equal((await rig.fails(3, "vm", "reset", "g1")).reasons[0].rule, "safe_mode");
    await rig.ok("vm", "hide");
    await rig.ok("vm", "kill", "g1");
    await apply(rig, DESK);
    assert.equal((await Deno.lstat(layoutOf(rig.root).policyFile)).isSymlink, false, "the link is replaced");
    await rig.ok("vm", "start", "g1");
  }));
