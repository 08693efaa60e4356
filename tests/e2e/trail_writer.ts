/** Puts records into the trail of a root whose supervisor does not run, as a dead one would have left them. */
import { AuditLog } from "../../src/audit/log.ts";
import type { PolicyRevision, VmId } from "../../src/core/ids.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { systemRandom } from "../../src/ports/random.ts";
import { layoutOf } from "../../registry/layout.ts";

/** A start of the guest that was begun. */
export function recordStart(root: string, vm: string): void {
  const { rayosLog, auditFile, auditHead: headFile } = layoutOf(root);
  const log = new AuditLog({ rayosLog, auditFile, headFile, clock: systemClock, random: systemRandom });
  const head = {
    corr: crypto.randomUUID(),
    actor: { kind: "local" },
    action: "vm.start",
    vm: vm as VmId, // the test names a guest that is there
    policy: "none" as PolicyRevision, // the documented value for no policy
  } as const;
  log.record({ ...head, phase: "requested" }, { ...head, phase: "started" });
  log.close();
}
