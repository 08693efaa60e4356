/** Waiting for a migration of QEMU's, which is told by events alone. QEMU docs/interop/qemu-qmp-ref, MIGRATION. */
import { fail, Failure } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { Clock } from "../ports/clock.ts";
import type { QmpClient } from "../qmp/client.ts";

/** Nothing flowed for so long: QEMU or the disk hangs. Generous, because a slow disk may flush for long. */
const IDLE_MS = 120_000;

/** How a migration ends. */
const ENDS = ["completed", "failed", "cancelled"] as const;
export type MigrationEnd = typeof ENDS[number];

/** QEMU tells of migrations only when it is asked to; the limit of its speed is meant for networks. */
export async function prepareMigration(qmp: QmpClient): Promise<void> {
  await qmp.execute("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
  await qmp.execute("migrate-set-parameters", { "max-bandwidth": 2 ** 50 });
}

/** The end of the migration that is about to be asked for. */
export interface Watch {
  readonly ended: Promise<MigrationEnd>;
  /** Idempotent. */
  stop(): void;
}

export function watchMigration(qmp: QmpClient): Watch {
  const end = Promise.withResolvers<MigrationEnd>();
  const stop = qmp.listen((event) => {
    if (event.name !== "MIGRATION") return;
    const found = ENDS.find((status) => status === event.data.status);
    if (found) end.resolve(found);
  });
  return { ended: end.promise, stop };
}

/** What QEMU says of a migration that failed, as half a sentence. */
export async function whyFailed(qmp: QmpClient, end: MigrationEnd): Promise<string> {
  const told = await qmp.execute("query-migrate").then((m) => m["error-desc"], () => undefined);
  return told === undefined ? `QEMU says '${end}'` : `QEMU says: ${sanitizeLine(told, 300)}`;
}

/** Ends a migration that was begun after `prepareMigration()`, and waits for its end; none under way is fine. */
export async function cancelMigration(qmp: QmpClient, clock: Clock): Promise<void> {
  const watch = watchMigration(qmp);
  const stall = stallAfter(clock, "the end of a migration that was called off");
  try {
    await qmp.execute("migrate_cancel");
    const { status } = await qmp.execute("query-migrate");
    const going = status !== undefined && status !== "none" && !ENDS.some((end) => end === status);
    if (going) await Promise.race([watch.ended, stall.stalled]);
  } finally {
    stall.end();
    watch.stop();
  }
}

/** Notices that nothing goes on any more. */
export interface Stall {
  /** Rejects when nothing has gone on for too long; never resolves. */
  readonly stalled: Promise<never>;
  /** Something has gone on. */
  touch(): void;
  end(): void;
}

export function stallAfter(clock: Clock, what: string, ms = IDLE_MS): Stall {
  const stalled = Promise.withResolvers<never>();
  stalled.promise.catch(() => {}); // whoever waits for it hears of it
  const arm = () =>
    clock.after(ms, () =>
      stalled.reject(
        new Failure({ code: "failed", message: `${what} has not come on for ${ms / 1000} s` }),
      ));
  let disarm = arm(), over = false;
  return {
    stalled: stalled.promise,
    touch() {
      disarm();
      if (!over) disarm = arm();
    },
    end() {
      over = true;
      disarm();
    },
  };
}

/** A promise that rejects with the signal's reason when it aborts, and what ends the waiting. */
export function aborted(signal: AbortSignal): { readonly happens: Promise<never>; end(): void } {
  const happens = Promise.withResolvers<never>();
  happens.promise.catch(() => {});
  const abort = () => happens.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return { happens: happens.promise, end: () => signal.removeEventListener("abort", abort) };
}

/** Failure `failed` unless the migration was completed. */
export async function mustBeComplete(qmp: QmpClient, end: MigrationEnd, what: string): Promise<void> {
  if (end !== "completed") fail("failed", `${what}: ${await whyFailed(qmp, end)}`);
}
