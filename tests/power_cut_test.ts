/** The power goes, or an operation fails, at every single step of what must survive it. */
import assert from "node:assert/strict";
import { readAudit, unfinishedStarts, verifyAudit } from "../src/audit/files.ts";
import { AuditLog } from "../src/audit/log.ts";
import type { AuditEntry, AuditRecord } from "../src/audit/record.ts";
import { Failure } from "../src/core/problem.ts";
import type { PolicyRevision } from "../src/core/ids.ts";
import { writeFileAtomic } from "../src/ports/files.ts";
import { systemRandom } from "../src/ports/random.ts";
import { LOST_DATA, LOST_NAMES, type Plan, PowerCut, PowerCutFiles } from "./fakes/power_cut_files.ts";
import { ManualClock } from "./fakes/manual_clock.ts";

const AUDIT = "/logs/audit.jsonl";
const HEAD = "/logs/audit.head";
const HUMAN = "/logs/rayos.log";

function openLog(ops: PowerCutFiles, keepFiles = 100): AuditLog {
  return new AuditLog({
    rayosLog: HUMAN,
    auditFile: AUDIT,
    headFile: HEAD,
    clock: new ManualClock(),
    random: systemRandom,
    ops,
    rules: { keepFiles, maxBytes: 3000 },
  });
}

function entry(corr: string, phase: AuditEntry["phase"]): AuditEntry {
  // `none` is the documented value for no policy.
  return { corr, actor: { kind: "local" }, phase, action: "vm.start", policy: "none" as PolicyRevision };
}

/** Nine requests, each with its end: enough for several rotations. Gives the records that it was told are on disk. */
function work(log: AuditLog, told: AuditRecord[], onRefusal?: (error: unknown) => void): void {
  for (let i = 0; i < 9; i++) {
    try {
      told.push(...log.record(entry(`c${i}`, "requested"), entry(`c${i}`, "started")));
      log.emit("supervisor", { event: "RAYOS_VM:start", fields: { vm: `g${i}`, kind: "linux" } });
    } catch (error) {
      if (!onRefusal) throw error;
      onRefusal(error);
      continue;
    }
    log.recordLate(entry(`c${i}`, "finished"));
  }
}

/** The next supervisor: it mends what it finds, and goes on. */
function goOn(ops: PowerCutFiles, keepFiles?: number): void {
  const log = openLog(ops, keepFiles);
  log.record(entry("after", "observed"));
  log.emit("supervisor", { event: "RAYOS_VM:start", fields: { vm: "g1", kind: "linux" } });
  log.close();
}

function stepsOf(use: (ops: PowerCutFiles) => void): number {
  const ops = new PowerCutFiles();
  use(ops);
  return ops.steps;
}

/** The files are whole, nothing that was told is missing, and no request has two ends. */
function assertTrail(ops: PowerCutFiles, told: readonly AuditRecord[], what: string): void {
  const check = verifyAudit(AUDIT, HEAD, ops);
  assert.ok(check.ok, `${what}: ${JSON.stringify(check)}`);
  const records = readAudit(AUDIT, {}, ops);
  const ids = new Set(records.map(({ id }) => id));
  const lost = told.filter(({ id }) => !ids.has(id));
  assert.deepEqual(lost, [], `${what}: records were lost`);
  const ends = records.filter(({ phase }) => phase === "finished").map(({ corr }) => corr);
  assert.equal(new Set(ends).size, ends.length, `${what}: a request has two ends`);
  for (const line of ops.text(HUMAN)?.split("\n").slice(0, -1) ?? []) {
    assert.match(
      line,
      /^\S+ INFO supervisor RAYOS_VM:start vm=g\d kind=linux$|^\S+ WARN audit RAYOS_AUDIT:/,
      what,
    );
  }
}

/** All ways in which the disk can be found after this cut. */
function* outcomes(cut: PowerCutFiles): Generator<[PowerCutFiles, string]> {
  for (const data of LOST_DATA) {
    for (const names of LOST_NAMES) yield [cut.afterPowerCut(data, names), `data ${data}, names ${names}`];
  }
}

/** Runs `use` with the power cut at each step in turn, also in the middle of writes. */
function* cuts<T>(
  steps: number,
  before: ReadonlyMap<string, Uint8Array>,
  use: (ops: PowerCutFiles) => T,
): Generator<[PowerCutFiles, T | undefined, string]> {
  for (let at = 0; at < steps; at++) {
    for (const partly of [false, true]) {
      const ops = new PowerCutFiles(before);
      ops.plan = { at, how: "power", partly };
      let result: T | undefined;
      try {
        result = use(ops);
      } catch (error) {
        assert.ok(error instanceof PowerCut || error instanceof Failure, String(error));
      }
      yield [ops, result, `power cut at step ${at}${partly ? ", in the middle of it" : ""}`];
    }
  }
}

Deno.test("a power cut at any step of the audit log loses no record that was reported written, and the chain verifies", () => {
  const steps = stepsOf((ops) => work(openLog(ops), []));
  assert.ok(steps > 100, `${steps} steps, rotation among them`);
  const told: AuditRecord[] = [];
  const use = (ops: PowerCutFiles) => {
    told.length = 0;
    work(openLog(ops), told);
  };
  for (const [cut, , when] of cuts(steps, new Map(), use)) {
    for (const [found, how] of outcomes(cut)) {
      const what = `${when}; ${how}`;
      const before = verifyAudit(AUDIT, HEAD, found);
      assert.ok(before.ok, `before anything is mended: ${what}: ${JSON.stringify(before)}`);
      goOn(found);
      assertTrail(found, told, what);
      assert.equal(found.handles, 0, `${what}: handles are left open`);
      const mismatches = readAudit(AUDIT, { filter: ({ action }) => action === "audit.mismatch" }, found);
      assert.deepEqual(mismatches, [], `${what}: a crash was taken for tampering`);
    }
  }
});

Deno.test("a second power cut, while the first is being mended, loses nothing either", () => {
  const first = new PowerCutFiles();
  const told: AuditRecord[] = [];
  first.plan = { at: 31, how: "power", partly: true };
  assert.throws(() => work(openLog(first), told));
  assert.ok(told.length > 4);
  for (const data of LOST_DATA) {
    const mend = (ops: PowerCutFiles) => openLog(ops).record(entry("after", "observed"));
    const fresh = () => first.afterPowerCut(data, "kept");
    const probe = fresh();
    mend(probe);
    for (let at = 0; at < probe.steps; at++) {
      const second = fresh();
      second.plan = { at, how: "power", partly: at % 2 === 0 };
      assert.throws(() => mend(second));
      for (const [found, how] of outcomes(second)) {
        const what = `${data}, then at step ${at}, ${how}`;
        goOn(found);
        assertTrail(found, told, what);
      }
    }
  }
});

Deno.test("an operation of the audit log that fails at any step refuses that request alone, and none is lost or told twice", () => {
  const steps = stepsOf((ops) => work(openLog(ops), []));
  for (let at = 0; at < steps; at++) {
    for (const plan of [{}, { partly: true }, { lasting: true }, { partly: true, lasting: true }]) {
      const what = `error at step ${at} ${JSON.stringify(plan)}`;
      const ops = new PowerCutFiles();
      ops.plan = { at, how: "error", ...plan } satisfies Plan;
      const log = openLog(ops);
      const told: AuditRecord[] = [];
      let refused = 0;
      work(log, told, (error) => {
        assert.ok(error instanceof Failure && error.code === "audit_unavailable", String(error));
        refused++;
      });
      if (!("lasting" in plan)) assert.ok(refused <= 1, `${what}: ${refused} requests were refused`);
      ops.plan = undefined; // there is room again
      told.push(...log.record(entry("later", "observed")));
      log.close();
      assertTrail(ops, told, what);
      const records = readAudit(AUDIT, {}, ops);
      const started = records.filter(({ phase, id }) => phase === "started" && told.some((r) => r.id === id));
      for (const { corr } of started) {
        assert.equal(records.filter((r) => r.corr === corr && r.phase === "finished").length, 1, what);
      }
      assert.equal(ops.handles, 0, what);
    }
  }
});

Deno.test("what an error left in the trail is still whole after a power cut right behind it", () => {
  const steps = stepsOf((ops) => work(openLog(ops), []));
  for (let at = 0; at < steps; at += 1) {
    const ops = new PowerCutFiles();
    ops.plan = { at, how: "error", partly: true, lasting: true };
    const told: AuditRecord[] = [];
    const log = openLog(ops);
    work(log, told, () => {});
    for (const [found, how] of outcomes(ops)) {
      goOn(found);
      assertTrail(found, told, `error at step ${at}, then a power cut, ${how}`);
    }
  }
});

Deno.test("a kept head that can't be written for long is never further behind than a crash explains", () => {
  const ops = new PowerCutFiles();
  const log = openLog(ops);
  log.record(entry("first", "observed"));
  ops.plan = { at: 0, how: "error", lasting: true, only: HEAD };
  work(log, [], () => {});
  for (const [found, how] of outcomes(ops)) {
    goOn(found);
    assertTrail(found, [], how);
    assert.deepEqual(
      readAudit(AUDIT, { filter: ({ action }) => action === "audit.mismatch" }, found),
      [],
      how,
    );
  }
});

Deno.test("rotation that pushes old files out keeps a trail that verifies, whenever the power goes", () => {
  const use = (ops: PowerCutFiles) => work(openLog(ops, 2), []);
  for (const [cut, , when] of cuts(stepsOf(use), new Map(), use)) {
    for (const [found, how] of outcomes(cut)) {
      goOn(found, 2);
      assertTrail(found, [], `${when}; ${how}`);
    }
  }
});

Deno.test("what was begun when the power went is found, and only that", () => {
  const ops = new PowerCutFiles();
  const log = openLog(ops);
  log.record({ ...entry("s", "observed"), action: "supervisor.start" });
  log.record(entry("a", "requested"), entry("a", "started"));
  log.record(entry("b", "requested"), entry("b", "started"));
  log.record(entry("a", "finished"));
  assert.deepEqual(unfinishedStarts(AUDIT, ops).map(({ corr }) => corr), ["b"]);
  log.record({ ...entry("s2", "observed"), action: "supervisor.start" });
  assert.deepEqual(unfinishedStarts(AUDIT, ops), [], "the one before has settled what it found");
});

Deno.test("writeFileAtomic() leaves the old file or the new one, whole, whenever the power goes", async () => {
  const file = "/policy/rayos-policy.toml";
  const before = new Map([[file, new TextEncoder().encode("old\n".repeat(50))]]);
  const after = "new\n".repeat(70);
  const probe = new PowerCutFiles(before);
  await writeFileAtomic(file, after, 0o600, probe);
  assert.equal(probe.handles, 0);
  for (let at = 0; at <= probe.steps; at++) { // the last time it is done before the power goes
    for (const partly of [false, true]) {
      const cut = new PowerCutFiles(before);
      cut.plan = { at, how: "power", partly };
      const isDone = await writeFileAtomic(file, after, 0o600, cut).then(() => true, () => false);
      assert.equal(isDone, at === probe.steps);
      for (const [found, how] of outcomes(cut)) {
        const text = found.text(file);
        const expected = isDone ? [after] : ["old\n".repeat(50), after];
        assert.ok(text !== undefined && expected.includes(text), `at step ${at}; ${how}: ${text}`);
        const others = found.names("/policy").filter((name) => name !== "rayos-policy.toml");
        assert.ok(
          others.every((name) => /^rayos-policy\.toml\.[0-9a-f]{8}\.tmp$/.test(name)),
          String(others),
        );
      }
    }
  }
});

Deno.test("writeFileAtomic() that fails at any step leaves the old file, and nothing beside it when it can", async () => {
  const file = "/policy/rayos-policy.toml";
  const before = new Map([[file, new TextEncoder().encode("old")]]);
  const probe = new PowerCutFiles(before);
  await writeFileAtomic(file, "new", 0o600, probe);
  for (let at = 0; at < probe.steps; at++) {
    for (const partly of [false, true]) {
      const ops = new PowerCutFiles(before);
      ops.plan = { at, how: "error", partly };
      await assert.rejects(writeFileAtomic(file, "new", 0o600, ops), /No space left/);
      assert.ok(["old", "new"].includes(ops.text(file) ?? ""));
      assert.deepEqual(ops.names("/policy"), ["rayos-policy.toml"]);
      assert.equal(ops.handles, 0);
    }
  }
});
