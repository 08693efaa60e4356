// deno-lint-ignore-file no-console -- a test that can't run here says why
/** The audit trail of the whole program: what is on record, who reads it, and what happens when it can't be written. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AuditLog } from "../../src/audit/log.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { connectHttpUnix } from "../../src/ports/http_unix.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { systemRandom } from "../../src/ports/random.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import { canonicalJson } from "../../src/core/json.ts";
import { layoutOf } from "../../registry/layout.ts";
import {
  defineSmall,
  isRunning,
  POLICY,
  type Rig,
  showUntil,
  start,
  stopSupervisor,
  withRoot,
} from "./rig.ts";
import { mountedBy, smallFs } from "./small_fs.ts";

// deno-lint-ignore no-explicit-any -- records of many shapes
type Any = any;

async function records(rig: Rig, ...which: string[]): Promise<Any[]> {
  const { code, stdout, stderr } = await rig.run("audit", "export", ...which);
  assert.equal(code, 0, stderr);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** What one request has on record, apart from what happened meanwhile. */
async function phasesOf(rig: Rig, action: string): Promise<string[]> {
  return (await records(rig, "--action", action)).filter(({ phase }) => phase !== "observed")
    .map(({ phase }) => phase);
}

Deno.test("a request is on record from its asking to its end: who, what, on which guest, by which policy, and why", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.ok("vm", "kill", "g1");
    const revision = createHash("sha256").update(POLICY).digest("hex");
    const all = await records(rig);
    const start = all.filter(({ action, phase }) => action === "vm.start" && phase !== "observed");
    assert.deepEqual(start.map(({ phase }) => phase), ["requested", "decided", "started", "finished"]);
    for (const record of start) {
      assert.equal(record.corr, start[0].corr);
      assert.equal(record.vm, "g1");
      assert.equal(record.policy, revision);
      assert.equal(record.actor.kind, "local");
      assert.equal(record.actor.claimed.command, "vm start");
      assert.equal(typeof record.actor.claimed.pid, "number");
    }
    assert.deepEqual(start[0].detail.params, { wait: "running" });
    assert.ok(start[1].reasons.length > 0);
    assert.equal(start[3].event, "RAYOS_HOST_ACK:vm.start:ok:done");
    const defined = all.find(({ action, phase }) => action === "vm.define" && phase === "requested");
    assert.equal(defined.detail.params.record.name, "g1");
    const events = all.filter(({ phase }) => phase === "observed").map(({ event }) => event);
    for (
      const event of [
        "RAYOS_SUPERVISOR:start",
        "RAYOS_POLICY:loaded",
        "RAYOS_SUPERVISOR:ready",
        "RAYOS_VM:start",
        "RAYOS_VM:running",
        "RAYOS_VM:kill",
      ]
    ) {
      assert.ok(events.includes(event), `${event} is not among ${events}`);
    }
    const running = all.find(({ event }) => event === "RAYOS_VM:running");
    assert.equal(running.corr, start[0].corr, "what a request brings about has its correlation id");
    // The same event in the human log, with the same names.
    const line = (await Deno.readTextFile(`${rig.root}/logs/rayos.log`)).split("\n")
      .find((line) => line.includes("RAYOS_VM:running"));
    assert.ok(line?.includes(`kind=${running.detail.kind} `) && line.includes("vm=g1"), line);
    await stopSupervisor(rig);
    assert.deepEqual(await phasesOf(rig, "supervisor.stop"), ["requested", "started", "finished"]);
  }));

Deno.test("the chain can be proven with nothing but the files, SHA-256 and JSON", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    let prev = "0".repeat(64);
    for (const [i, { hash, ...rest }] of (await records(rig)).entries()) {
      assert.equal(rest.seq, i + 1);
      assert.equal(rest.prev, prev);
      assert.equal(createHash("sha256").update(canonicalJson(rest)).digest("hex"), hash);
      prev = hash;
    }
    assert.match(await Deno.readTextFile(`${rig.root}/logs/audit.head`), new RegExp(prev));
    const check = await rig.ok("audit", "verify");
    assert.deepEqual([check.valid, check.head.hash, check.begins.seq], [true, prev, 1]);
  }));

Deno.test("a request that can't be understood is on record too, without the values that it gave", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    const http = connectHttpUnix(layoutOf(rig.root).socket);
    const post = async (path: string, body: string) => {
      const response = await http.fetch(path, { method: "POST", body });
      await response.text();
      return response.status;
    };
    try {
      assert.equal(await post("/v1/vms/g1/start", '{"wait": "for ever", "token": "hunter2"}'), 400);
      assert.equal(await post("/v1/vms/g1/start", "{"), 400);
      assert.equal(await post("/v1/vms/x%0Ay/start", "{}"), 400);
    } finally {
      http.close();
    }
    const starts = await records(rig, "--action", "vm.start");
    assert.deepEqual(starts.map(({ phase }) => phase), Array(3).fill(["requested", "failed"]).flat());
    assert.deepEqual(starts[0].masked.sort(), ["id", "token", "wait"]);
    assert.equal(starts[0].vm, "g1");
    assert.equal(starts[1].detail.code, "usage");
    assert.doesNotMatch(JSON.stringify(starts), /hunter2|for ever/);
    assert.deepEqual(starts[0].actor, { kind: "local" }, "a client may say nothing of itself");
  }));

Deno.test("audit export takes records by guest, action and time, each just as it stands in the file", () =>
  withRoot(async (rig) => {
    for (const id of ["a", "b"]) await defineSmall(rig, id);
    await rig.fails(5, "vm", "pause", "a");
    const whole = await rig.run("audit", "export");
    assert.equal(whole.stdout, await Deno.readTextFile(`${rig.root}/logs/audit.jsonl`));
    assert.ok((await records(rig, "--vm", "b")).every(({ vm }) => vm === "b"));
    assert.deepEqual(
      (await records(rig, "--vm", "a", "--action", "vm.pause")).map(({ phase }) => phase),
      ["requested", "failed"],
    );
    const all = await records(rig);
    assert.equal((await records(rig, "--since", "1h")).length, all.length);
    assert.equal((await records(rig, "--since", all[0].time, "--until", all.at(-1).time)).length, all.length);
    assert.equal((await records(rig, "--until", "2020-01-01")).length, 0);
    assert.equal((await rig.fails(2, "audit", "export", "--since", "yesterday")).code, "usage");
  }));

Deno.test("audit verify names file, line, record and fault, and ends with 1", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await stopSupervisor(rig);
    const file = `${rig.root}/logs/audit.jsonl`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace('"name":"g1"', '"name":"g2"'));
    const error = await rig.fails(1, "audit", "verify");
    const line = text.split("\n").findIndex((line) => line.includes('"name":"g1"')) + 1;
    assert.equal(error.code, "audit_broken");
    assert.deepEqual(error.place, { file, line, column: 1 });
    assert.match(
      error.message,
      new RegExp(`audit\\.jsonl:${line} \\(record ${line}\\): its content does not match its hash`),
    );
  }));

/** Puts `count` large records into the trail of a root whose supervisor does not run. */
function fill(rig: Rig, count: number): void {
  const { rayosLog, auditFile, auditHead } = layoutOf(rig.root);
  const rules = { maxBytes: 1024 * 1024 };
  const log = new AuditLog({
    rayosLog,
    auditFile,
    headFile: auditHead,
    clock: systemClock,
    random: systemRandom,
    rules,
  });
  for (let i = 0; i < count; i++) {
    log.record({
      corr: `fill${i}`,
      actor: { kind: "supervisor" },
      phase: "observed",
      action: "test.fill",
      policy: "none" as PolicyRevision, // the documented value for no policy
      detail: { lines: Array.from({ length: 30 }, () => "x".repeat(1000)) },
    });
  }
  log.close();
}

Deno.test("audit tail -f gives each new record once, also across a rotation, and policy says how large a file may be", () =>
  withRoot(async (rig) => {
    fill(rig, 30);
    const follow = start(["--root", rig.root, "--json", "--timeout", "60", "audit", "tail", "-f", "-n", "1"]);
    const lines = follow.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    const seen: Any[] = [];
    try {
      let isAsked = false;
      for await (const line of lines) {
        seen.push(JSON.parse(line));
        if (!isAsked) {
          isAsked = true; // the first line is the last old record: from here on it follows
          await defineSmall(rig, "g1");
          await stopSupervisor(rig);
          fill(rig, 10);
          await rig.fails(5, "vm", "pause", "g1");
        }
        if (seen.at(-1).action === "vm.pause" && seen.at(-1).phase === "failed") break;
      }
    } finally {
      follow.kill("SIGKILL");
      await follow.status;
      await follow.stderr.cancel();
    }
    await Deno.stat(`${rig.root}/logs/audit.jsonl.1`);
    const whole = await records(rig);
    assert.deepEqual(
      seen.map(({ seq }) => seq),
      whole.filter(({ seq }) => seq >= 30).map(({ seq }) => seq).slice(0, seen.length),
    );
    assert.equal(seen.at(-1).action, "vm.pause");
    await rig.ok("audit", "verify");
  }, POLICY.replace("[limits]", "[logging]\nmax_file_mib = 1\n[limits]")));

Deno.test("what a killed supervisor had begun is given its end by the next one", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { supervisor } = await rig.ok("status");
    const events = start(["--root", rig.root, "--json", "events", "-f", "--vm", "g1"]);
    const stop = start(["--root", rig.root, "vm", "stop", "g1", "--grace", "3600"]);
    // Nothing in this guest answers: the stop goes on until the supervisor is killed.
    const lines = events.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    const log = `${rig.root}/logs/audit.jsonl`;
    const isBegun = async () =>
      (await Deno.readTextFile(log)).includes('"phase":"started","policy"') &&
      (await phasesOf(rig, "vm.stop")).includes("started") &&
      await Deno.stat(`${layoutOf(rig.root).intents}/g1.json`).then(() => true, () => false);
    while (!await isBegun()) await new Promise((resolve) => setTimeout(resolve, 20));
    Deno.kill(supervisor.pid, "SIGKILL");
    await stop.output();
    for await (const _ of lines); // ends with the supervisor
    await events.status;
    await events.stderr.cancel();
    while (await isRunning(supervisor.pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(await phasesOf(rig, "vm.stop"), ["requested", "decided", "started"]);
    // The journal has it that the guest was being stopped: that is gone on with, as a request of the supervisor's own.
    await showUntil(rig, "g1", ({ state }) => state === "stopping");
    const all = (await records(rig, "--action", "vm.stop")).filter(({ phase }) => phase !== "observed");
    const [begun] = all.filter(({ phase }) => phase === "started");
    const [, , , end] = all.filter(({ corr }) => corr === begun.corr);
    assert.equal(end.phase, "outcome_unknown");
    assert.equal(end.detail.started, begun.seq);
    const next = all.filter(({ corr }) => corr !== begun.corr);
    assert.deepEqual(next.map(({ phase }) => phase), ["requested", "decided", "started"]);
    assert.equal(next[0].actor.kind, "supervisor");
    await rig.ok("audit", "verify");
  }));

Deno.test("QEMU's last words stay data: in the crash report, the trail and the log", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const marker = "2026-01-01T00:00:00.000Z INFO supervisor RAYOS_VM:running vm=other kind=linux";
    const evil = `\u001b[2J\n${marker}\n\u2028${marker}\u202e\u009b2J\0\n`;
    await Deno.writeTextFile(layoutOf(rig.root).guest("linux", "g1").qemuLog, evil, { append: true });
    const { pid } = (await rig.ok("status")).guests[0];
    const follow = start(["--root", rig.root, "--json", "events", "-f", "--vm", "g1"]);
    const lines = follow.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    const watching = (async () => {
      for await (const line of lines) if (JSON.parse(line).event === "RAYOS_VM:crash") break;
    })();
    const crashed = async () => (await records(rig, "--action", "vm.crash")).length > 0;
    Deno.kill(pid, "SIGKILL");
    while (!await crashed()) await new Promise((resolve) => setTimeout(resolve, 50));
    follow.kill("SIGKILL");
    await watching;
    await follow.status;
    await follow.stderr.cancel();
    const [crash] = await records(rig, "--action", "vm.crash");
    const report = await Deno.readTextFile(crash.detail.report);
    assert.match(JSON.parse(report).qemu_said.join(), /RAYOS_VM:running vm=other/, "they are kept");
    const log = await Deno.readTextFile(`${rig.root}/logs/rayos.log`);
    assert.ok(!log.split("\n").some((line) => line.includes("vm=other")));
    for (
      const text of [
        report,
        log,
        (await rig.run("vm", "show", "g1")).stdout,
        (await rig.run("audit", "tail")).stdout,
      ]
    ) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
    }
    await rig.ok("audit", "verify");
  }));

Deno.test("with the log's file system full, changes are refused and guests go on; with room again all goes on by itself", async (t) => {
  await withRoot(async (rig) => {
    await Deno.mkdir(`${rig.root}/logs`, { recursive: true, mode: 0o700 });
    const small = await smallFs(rig, `${rig.root}/logs`, "size=192k");
    if (typeof small === "string") {
      return console.log(`SKIP ${t.name}: no small file system can be mounted here (${small})`);
    }
    const { inside } = small;
    try {
      await defineSmall(rig, "g1");
      await rig.ok("vm", "start", "g1");
      assert.notEqual((await inside(`cat /dev/zero > "$1/filler"`)).code, 0, "it is full");
      // What is left of the last block takes a few records more.
      for (let n = 0, ran = await rig.run("vm", "pause", "g1"); ran.code === 0 && n < 40; n++) {
        ran = await rig.run("vm", n % 2 ? "pause" : "resume", "g1");
      }
      const { state } = await rig.ok("vm", "show", "g1");
      const verbs = [state === "running" ? "pause" : "resume", "kill", "present"];
      for (const verb of verbs) {
        const error = await rig.fails(1, "vm", verb, "g1");
        assert.equal(error.code, "audit_unavailable", JSON.stringify(error));
        assert.match(error.message, /No space left/);
      }
      assert.equal((await rig.ok("vm", "show", "g1")).state, state, "the guest goes on as it was");
      assert.equal((await inside(`rm "$1/filler"`)).code, 0);
      assert.equal((await rig.ok("vm", "present", "g1")).vm, "g1");
      assert.equal((await rig.ok("audit", "verify")).valid, true);
      const told = (await records(rig, "--vm", "g1")).filter(({ phase, detail }) =>
        phase === "failed" && detail.code === "audit_unavailable"
      );
      assert.deepEqual(told.slice(-3).map(({ action }) => action), verbs.map((verb) => `vm.${verb}`));
      assert.equal((await records(rig, "--action", "audit.available")).length, 1);
      const human = (await inside(`cat "$1/rayos.log"`)).text;
      assert.match(human, /RAYOS_AUDIT:available/);
      assert.match(human, /RAYOS_PRESENTATION:on vm=g1 kind=linux reason=operator\n/);
      assert.ok(human.endsWith("\n") && !human.includes("\0"));
      await rig.ok("vm", "kill", "g1");
      await stopSupervisor(rig);
    } finally {
      await inside(`rm -f "$1/filler"`); // or nothing could be ended
      await rig.run("vm", "kill", "g1");
      await rig.run("serve", "--stop");
      await small.end();
    }
  });
});

Deno.test("a supervisor starts although its log is read-only, shows its guests, and changes nothing", async (t) => {
  await withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await stopSupervisor(rig);
    const readOnly = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"';
    const mounted = await mountedBy(rig, `${rig.root}/logs`, readOnly);
    if (typeof mounted === "string") {
      return console.log(`SKIP ${t.name}: nothing can be mounted here (${mounted})`);
    }
    try {
      assert.equal((await rig.ok("vm", "list"))[0].id, "g1");
      assert.equal((await rig.fails(1, "vm", "start", "g1")).code, "audit_unavailable");
      assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
      const { supervisor } = await rig.ok("status");
      Deno.kill(supervisor.pid, "SIGTERM");
      while (await isRunning(supervisor.pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      await mounted.end();
    }
  });
});
