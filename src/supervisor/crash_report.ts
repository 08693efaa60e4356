/** Reports of guests that died or failed: what was last seen of them, as files under `crash/`. */
import { escapeUnsafe, type Json, type JsonObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import { readTextBounded, removeTree, writeFileAtomic } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import type { ProcessIdentity } from "../ports/processes.ts";
import type { Layout } from "../../registry/layout.ts";
import type { Ended, Guest, GuestRun } from "./guest.ts";
import { linesSince } from "./last_words.ts";
import { revisionOf } from "./policy_source.ts";
import type { Failing } from "./reactions.ts";
import type { Supervisor } from "./supervisor.ts";

/** Reports that are kept of one guest. */
export const MOST_REPORTS = 10;
const MAX_REPORT_BYTES = 1024 * 1024;
const LINES = 100;

/** Why there is a report. `died`: QEMU ended and nobody asked. */
export type ReportKind = "died" | Failing;

export interface ReportInput {
  readonly kind: ReportKind;
  readonly at: Instant;
  /** What QEMU or the guest named as the cause. */
  readonly reason?: string;
  /** Absent while QEMU still runs. */
  readonly ended?: Ended;
}

/** Path of the report that is written of a guest at a moment. */
export function reportPath(layout: Layout, id: string, at: Instant): string {
  return `${layout.crashFolder}/${id}-${formatUtc(at).replace(/[:.]/g, "")}.json`;
}

/**
 * Writes a report and removes the guest's oldest beyond {@link MOST_REPORTS}. A disk that takes no report is no reason to let
 * the guest be: false, and the trail still says what happened.
 */
export async function writeCrashReport(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  input: ReportInput,
): Promise<boolean> {
  const { layout } = s.parts;
  const { history } = guest; // the guest gets another one with its next run
  // Dead, QEMU has nothing more to say on the console; alive, what it said before the event has come by its next answer.
  if (input.ended) await run.serial.ended;
  else await run.qmp.execute("query-status").catch(() => {});
  const logs = guest.kind && layout.guest(guest.kind, guest.id);
  const swtpm = await s.parts.capabilities().then((host) => host.swtpm?.version ?? null, () => null);
  const report: JsonObject = {
    version: 0,
    vm: guest.id,
    kind: input.kind,
    ...(input.reason === undefined ? {} : { reason: sanitizeLine(input.reason) }),
    at: formatUtc(input.at),
    started_at: formatUtc(run.startedAt),
    ran_ms: input.at - run.startedAt,
    state: guest.state,
    pause_reason: guest.pauseReason ?? null,
    exit: input.ended?.exit ? { ...input.ended.exit } : null,
    process: processOf(run.qemu),
    accelerator: run.accelerator,
    limits: run.group ? { ...run.group.limits } : null,
    versions: { rayvisor: s.version, qemu: run.qemuVersion, swtpm: run.swtpm ? swtpm : null },
    policy: revisionOf(s.policy),
    policy_profile: guest.record?.policy_profile ?? null,
    events: history.events as readonly unknown[] as readonly Json[], // notes are plain data
    commands: history.commands as readonly unknown[] as readonly Json[], // as above
    qemu_said: logs ? linesSince(logs.qemuLog, run.logStart.qemu, LINES) : [],
    swtpm_said: logs && run.swtpm ? linesSince(logs.swtpmLog, run.logStart.swtpm, LINES) : [],
    serial_tail: run.serial.lines(LINES).map((line) => sanitizeLine(line, 400)),
  };
  try {
    const text = escapeUnsafe(JSON.stringify(report, null, 2)) + "\n";
    await writeFileAtomic(reportPath(layout, guest.id, input.at), text);
    await removeOldest(layout, guest.id);
    return true;
  } catch {
    return false;
  }
}

/** Paths of a guest's reports, the oldest first. */
export async function reportsOf(layout: Layout, id: string): Promise<string[]> {
  return (await namesOf(layout, id)).filter((name) => name.endsWith(".json"))
    .map((name) => `${layout.crashFolder}/${name}`);
}

/** Whether this very failing of this very process has its report already. */
export async function isReported(
  layout: Layout,
  guest: Guest,
  run: GuestRun,
  kind: Failing,
): Promise<boolean> {
  const newest = (await reportsOf(layout, guest.id)).at(-1);
  if (newest === undefined) return false;
  try {
    const report = JSON.parse(await readTextBounded(newest, MAX_REPORT_BYTES)) as Record<string, unknown>; // compared below
    return report["kind"] === kind && report["reason"] !== "crash-kernel" &&
      JSON.stringify(report["process"]) === JSON.stringify(processOf(run.qemu));
  } catch {
    return false; // gone, or not whole: one report too many does no harm
  }
}

function processOf({ pid, startTicks, bootId }: ProcessIdentity): JsonObject {
  return { pid, start_ticks: startTicks, boot_id: bootId };
}

/** A guest's reports, and what a write that was cut off has left of one. An id is a part of no other name: its end is exact. */
async function namesOf(layout: Layout, id: string): Promise<string[]> {
  const rest = /^\d{4}-\d\d-\d\dT\d{9}Z\.json(\.[0-9a-f]{8}\.tmp)?$/;
  return (await listFolder(layout.crashFolder)).filter((name) =>
    name.startsWith(`${id}-`) && rest.test(name.slice(id.length + 1))
  );
}

async function removeOldest(layout: Layout, id: string): Promise<void> {
  const names = await namesOf(layout, id);
  const reports = names.filter((name) => name.endsWith(".json"));
  const gone = [...names.filter((name) => name.endsWith(".tmp")), ...reports.slice(0, -MOST_REPORTS)];
  for (const name of gone) await removeTree(`${layout.crashFolder}/${name}`);
}
