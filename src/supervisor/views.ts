/** The supervisor's guests as its clients see them. */
import type { GuestView, ProvisionView } from "../actions/views.ts";
import { formatUtc } from "../core/time.ts";
import { pauseNotes, pauseProblem } from "../lifecycle/pause.ts";
import type { Guest } from "./guest.ts";
import { cardNotes } from "./network.ts";
import { narrowedNotes } from "./policy_live.ts";
import { limitNotes } from "./limits.ts";
import type { Supervisor } from "./supervisor.ts";
import { stallText } from "./stall.ts";

export function guestView(s: Supervisor, guest: Guest): GuestView {
  const { record, run } = guest;
  const provision = s.provisions.get(guest.id)?.view() ?? null;
  const pauseReason = guest.state === "paused" ? guest.pauseReason : undefined;
  // Without its TPM it goes on never, whatever its disks do.
  const stall = guest.stall && pauseReason !== "tpm_lost" ? stallText(guest.id, guest.stall) : undefined;
  const problem = guest.problems[0]?.message ?? guest.lastError ?? stall ?? pauseProblem(pauseReason) ?? null;
  return {
    id: guest.id,
    name: record?.name ?? guest.id,
    kind: record?.type ?? null,
    state: guest.state,
    problem,
    pause_reason: pauseReason ?? null,
    ready: guest.readySince !== undefined,
    presented: s.presented === guest.id,
    provision,
    network: guest.network?.profile ?? "off",
    policy_profile: record?.policy_profile ?? null,
    vcpu: guest.share?.vcpu ?? record?.devices.vcpu ?? null,
    memory_mib: guest.share?.memoryMib ?? record?.devices.memory_mb ?? null,
    accelerator: run?.accelerator ?? null,
    pid: run?.qemu.pid ?? guest.stray?.pid ?? null,
    started_at: run ? formatUtc(run.startedAt) : null,
    notes: [
      ...provisionNotes(provision),
      ...(stall === undefined ? pauseNotes(pauseReason) : [stall]),
      ...(run?.notes ?? []),
      ...(run ? limitNotes(s, run) : []),
      ...cardNotes(guest),
      ...narrowedNotes(guest.narrowed),
      ...(guest.restart
        ? [`it is started again at ${formatUtc(guest.restart.at)} (restart ${guest.restart.count})`]
        : []),
    ],
  };
}

function provisionNotes(provision: ProvisionView | null): string[] {
  if (!provision) return [];
  const { vm, step, phase, state, why } = provision;
  const where = `step ${step}${phase === null ? "" : `, ${phase}`}`;
  if (state === "running") return [`it is being provisioned: ${where}`];
  const how = state === "failed" ? `failed (${why})` : "was interrupted";
  return [`its provisioning ${how}: ${where}; \`rayvisor provision ${vm}\` goes on with it`];
}
