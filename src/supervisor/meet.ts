/** Connecting to a QEMU that lives, to see what it is. */
import type { FoundQemu } from "../lifecycle/derive.ts";
import { problemOf } from "../core/problem.ts";
import type { ProcessIdentity } from "../ports/processes.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import { guestUuid } from "../qemu/machine.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { attachTo } from "./launch.ts";
import { agentRightsOf, listenersOf } from "./run_guest.ts";
import { groupLeft } from "./limits.ts";
import type { RunRecord } from "./run_record.ts";
import type { Supervisor } from "./supervisor.ts";

/** What is needed to talk to a guest's processes. */
export interface Parts {
  readonly qemu: ProcessIdentity;
  readonly swtpm: ProcessIdentity | undefined;
  readonly known: RunRecord | undefined;
  readonly ready: PromiseWithResolvers<void>;
}

export interface Met {
  readonly found: FoundQemu;
  readonly run: GuestRun;
  readonly record: RunRecord;
}

export type Meeting = Met | { readonly found: FoundQemu; readonly run?: undefined };

/** Connects to a QEMU that lives, and asks what it is. */
export async function meet(
  s: Supervisor,
  guest: Guest,
  { qemu, swtpm, known, ready }: Parts,
  greetMs: number,
): Promise<Meeting> {
  if (!guest.record) return { found: { kind: "silent", why: "its record in the registry can't be used" } };
  const runtime = s.parts.layout.runtime(guest.id);
  const group = known ? known.group : await groupLeft(s, guest);
  const record: RunRecord = known ?? {
    version: 0,
    vm: guest.id,
    qemu,
    ...(swtpm ? { swtpm } : {}),
    uuid: guestUuid(guest.record.id),
    accelerator: "tcg",
    startedAt: s.parts.clock.now(),
    share: shareAsked(guest),
    notes: ["its run record was lost: since when it runs is not known"],
    ...(group ? { group } : {}),
  };
  let run: GuestRun | undefined;
  try {
    run = await attachTo({
      id: guest.id,
      runtime,
      serialLog: s.parts.layout.guest(guest.record.type, guest.id).serialLog,
      clock: s.parts.clock,
      listeners: listenersOf(s, guest, ready),
      agentRights: () => agentRightsOf(s, guest),
      qemu,
      swtpm: swtpm ?? known?.swtpm, // one that has ended is found out at once
      uuid: record.uuid,
      accelerator: known?.accelerator ?? "tcg",
      startedAt: record.startedAt,
      notes: record.notes,
      group,
      history: guest.history,
      logStart: record.logStart ?? { qemu: 0, swtpm: 0 },
      greetMs,
    }, await connectUnix(runtime.qmp));
    const { status } = await run.qmp.execute("query-status");
    if (known) return { found: { kind: "answers", runState: status }, run, record };
    const { enabled } = await run.qmp.execute("query-kvm");
    const accelerator = enabled ? "kvm" : "tcg";
    return {
      found: { kind: "answers", runState: status },
      run: { ...run, accelerator },
      record: { ...record, accelerator },
    };
  } catch (error) {
    run?.qmp.close();
    run?.agent.close();
    run?.serial.close();
    return { found: { kind: "silent", why: problemOf(error).message } };
  }
}

/** What a guest whose run record is lost counts for: what its record asks for. */
export function shareAsked(guest: Guest): NonNullable<Guest["share"]> {
  const { record } = guest;
  return {
    vcpu: record?.devices.vcpu ?? 1,
    memoryMib: record?.devices.memory_mb ?? 0,
    cpuPercent: 1,
  };
}
