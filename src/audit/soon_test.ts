/** Observations are told first and written a moment later, and the trail shows nothing of it. */
import assert from "node:assert/strict";
import { systemRandom } from "../ports/random.ts";
import { entry } from "../../tests/fakes/audit_rig.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { readAudit, verifyAudit } from "./files.ts";
import { AuditLog } from "./log.ts";

interface Rig {
  readonly log: AuditLog;
  readonly clock: ManualClock;
  readonly folder: string;
  /** Correlation ids of the records on disk. */
  written(): string[];
}

async function withLog(use: (rig: Rig) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-soon-" });
  const [auditFile, headFile] = [`${folder}/audit.jsonl`, `${folder}/audit.head`];
  const clock = new ManualClock();
  const log = new AuditLog({ rayosLog: `${folder}/r.log`, auditFile, headFile, clock, random: systemRandom });
  try {
    await use({ log, clock, folder, written: () => readAudit(auditFile).map(({ corr }) => corr) });
    log.close();
    assert.ok(verifyAudit(auditFile, headFile).ok);
  } finally {
    log.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what is recorded soon is on disk in the next turn, all of it together", () =>
  withLog(({ log, clock, written }) => {
    for (let n = 0; n < 3; n++) log.recordSoon(entry(n, { phase: "observed" }));
    assert.deepEqual([written(), clock.armed], [[], 1]);
    clock.advance(0);
    assert.deepEqual([written(), clock.armed], [["c0", "c1", "c2"], 0]);
  }));

Deno.test("whatever is recorded next comes after it", () =>
  withLog(({ log, clock, written }) => {
    log.recordSoon(entry(0, { phase: "observed" }));
    log.record(entry(1));
    assert.deepEqual(written(), ["c0", "c1"]);
    log.recordSoon(entry(2, { phase: "observed" }));
    log.recordLate(entry(3, { phase: "finished" }));
    assert.deepEqual(written(), ["c0", "c1", "c2", "c3"]);
    clock.advance(0);
    assert.deepEqual(written(), ["c0", "c1", "c2", "c3"], "each once");
  }));

Deno.test("a flood of observations is not put off without bound, and the end of the log writes the rest", () =>
  withLog(({ log, clock, written }) => {
    for (let n = 0; n < 20; n++) log.recordSoon(entry(n, { phase: "observed" }));
    assert.equal(written().length, 16);
    log.close();
    assert.equal(written().length, 20);
    assert.equal(clock.armed, 0);
  }));

Deno.test("an observation that can't be written in time says when it was, also when a request finds that out", () =>
  withLog(async ({ log, clock, folder, written }) => {
    log.record(entry(0));
    for (const finds of [() => clock.advance(0), () => assert.throws(() => log.record(entry(9)))]) {
      await Deno.rename(folder, `${folder}.away`);
      log.recordSoon(entry(1, { phase: "observed" }));
      finds();
      await Deno.rename(`${folder}.away`, folder);
      clock.advance(60_000);
      log.record(entry(2));
    }
    assert.deepEqual(written().filter((corr) => /^c\d$/.test(corr)), ["c0", "c1", "c2", "c1", "c2"]);
    const late = readAudit(`${folder}/audit.jsonl`).filter(({ corr }) => corr === "c1");
    for (const { detail } of late) assert.equal(typeof detail?.happened_at, "string");
  }));
