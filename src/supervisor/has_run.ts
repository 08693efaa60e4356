/** Whether a guest's QEMU that stands before its first instruction ever left it, by the audit trail. */
import { recordsBackward } from "../audit/files.ts";
import type { AuditRecord } from "../audit/record.ts";
import type { VmId } from "../core/ids.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * QEMU says `prelaunch` of a guest that has not run yet, and of one that was reset while it was paused. The trail tells them apart:
 * a start is on it before it begins, and that the guest runs before anything else can be asked of it. Where it tells nothing
 * (it was set aside, or can't be read), the guest counts as one that has run: nothing is ended on a guess.
 *
 * @param lastFirst records of the trail, the last one first
 */
export function hasRun(lastFirst: Iterable<Pick<AuditRecord, "vm" | "action" | "phase">>, vm: VmId): boolean {
  for (const record of lastFirst) {
    if (record.vm !== vm) continue;
    if (record.action === "vm.running") return true;
    if (record.action === "vm.start" && record.phase === "started") return false;
  }
  return true;
}

/** As {@link hasRun}, from the supervisor's own trail. */
export function hasRunByTrail(s: Supervisor, vm: VmId): boolean {
  function* records() {
    for (const { record } of recordsBackward(s.parts.layout.auditFile)) yield record;
  }
  try {
    return hasRun(records(), vm);
  } catch {
    return true;
  }
}
