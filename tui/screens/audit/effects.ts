/** What the audit screen does outside the API: it reads the trail itself, as `rayvisor audit` does. */
import { recordsBackward, type StoredRecord, TrailFollower, verifySteps } from "../../../src/audit/files.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { problemOf } from "../../../src/core/problem.ts";
import { type Clock, systemClock } from "../../../src/ports/clock.ts";
import { exists } from "../../../src/ports/files.ts";
import { watchFolder } from "../../../src/ports/watch.ts";
import type { Layout } from "../../../registry/layout.ts";
import { type Filter, passes } from "./filter.ts";
import type { AuditMessage, AuditWork } from "./state.ts";

/** Longest time that reading holds everything else up, milliseconds. */
const SLICE_MS = 8;

type Files = Pick<Layout, "auditFile" | "auditHead">;

/**
 * Does one piece of work until it is done or `signal` aborts; what it finds goes to `send`. Never rejects: what can't be read
 * is told.
 */
export async function runAuditWork(
  work: AuditWork,
  files: Files,
  send: (message: AuditMessage) => void,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const { run } = work;
  const tell = (message: AuditMessage) => {
    if (!signal.aborted) send(message);
  };
  try {
    if (work.kind === "verify") await verify(run, files, tell, signal, clock);
    else await follow(work, files.auditFile, tell, signal, clock);
  } catch (error) {
    const why = problemOf(error).message;
    tell(
      work.kind === "verify"
        ? { kind: "unverified", run, why, at: clock.now() }
        : { kind: "unreadable", run, why },
    );
  }
}

type Tell = (message: AuditMessage) => void;

async function verify(run: number, files: Files, tell: Tell, signal: AbortSignal, clock: Clock) {
  const steps = verifySteps(files.auditFile, files.auditHead);
  let percent = 0;
  try {
    for (let slice = clock.monotonic();;) {
      const step = steps.next();
      if (step.done) return tell({ kind: "verified", run, check: step.value, at: clock.now() });
      if (clock.monotonic() - slice < SLICE_MS) continue;
      const now = Math.min(99, Math.floor(100 * step.value.bytes / Math.max(1, step.value.of)));
      if (now > percent) tell({ kind: "verifying", run, percent: percent = now });
      await turn(clock);
      if (signal.aborted) return;
      slice = clock.monotonic();
    }
  } finally {
    steps.return({ ok: false, fault: { file: files.auditFile, line: 0, why: "called off" } }); // closes the files
  }
}

/** Lets everything else have its turn. */
function turn(clock: Clock): Promise<void> {
  return new Promise((done) => clock.after(0, done));
}

async function follow(
  { run, filter, limit }: Extract<AuditWork, { kind: "follow" }>,
  auditFile: string,
  tell: Tell,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  const follower = new TrailFollower(auditFile); // before the last ones are read, so that none is missed between
  try {
    const found: AuditRecord[] = [];
    for await (const { record, slice } of backward(auditFile, filter, signal, clock)) {
      if (record) found.push(record);
      if (slice) tell({ kind: "records", run, records: found.toReversed(), searching: true });
      if (found.length >= limit) break;
    }
    follower.skipTo(found[0]?.seq ?? 0);
    tell({ kind: "records", run, records: found.toReversed(), searching: false });
    if (!signal.aborted) await newOnes(run, follower, auditFile, filter, tell, signal);
  } finally {
    follower.close();
  }
}

/** The records that pass, the last one first, and now and then a pause (`slice`), in which what was found can be shown. */
async function* backward(
  auditFile: string,
  filter: Filter,
  signal: AbortSignal,
  clock: Clock,
): AsyncGenerator<{ readonly record?: AuditRecord; readonly slice?: true }> {
  let slice = clock.monotonic();
  for (const { record } of recordsBackward(auditFile)) {
    if (passes(filter, record)) yield { record };
    if (clock.monotonic() - slice < SLICE_MS) continue;
    yield { slice: true };
    await turn(clock);
    if (signal.aborted) return;
    slice = clock.monotonic();
  }
}

/** Tells each record that is written from now on, until `signal` aborts. */
async function newOnes(
  run: number,
  follower: TrailFollower,
  auditFile: string,
  filter: Filter,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  if (!await exists(follower.folder)) {
    return tell({ kind: "unreadable", run, why: `there is no folder ${follower.folder}` });
  }
  const over = Promise.withResolvers<void>();
  const look = () => {
    const records = [...follower.next()].filter((stored: StoredRecord) => passes(filter, stored.record))
      .map(({ record }) => record);
    if (records.length > 0) tell({ kind: "more", run, records });
  };
  const stop = watchFolder(follower.folder, (paths) => {
    if (!paths.some((path) => path.startsWith(auditFile))) return;
    try {
      look();
    } catch (error) {
      over.reject(error);
    }
  });
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  try {
    look(); // what came before the watch began
    if (!signal.aborted) await over.promise;
  } finally {
    stop();
  }
}
