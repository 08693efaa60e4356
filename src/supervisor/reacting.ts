/** Carries out what `reactions.ts` makes of QEMU's events: the guest's state, markers, reports, and what policy demands. */
import { hasFailed } from "../lifecycle/pause.ts";
import type { PauseReason } from "../lifecycle/states.ts";
import { problemOf } from "../core/problem.ts";
import { REBOOT_ACTION } from "../qemu/machine.ts";
import type { QmpEvent } from "../qmp/events.ts";
import type { OnReboot } from "../../policy/types.ts";
import { isReported, reportPath, writeCrashReport } from "./crash_report.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { clearStall, onIoError } from "./io_errors.ts";
import { rightsInForce } from "./policy_source.ts";
import {
  type Deed,
  type Failing,
  missedEvents,
  react,
  type Reaction,
  type ReactionFacts,
  RESETS_WITHIN_MS,
} from "./reactions.ts";
import type { Supervisor } from "./supervisor.ts";

type Failed = Extract<Reaction, { kind: "failed" }>;

/** Events that wait: a QEMU that is not taken over yet says few. */
const MOST_EARLY = 256;

/**
 * An event of the QEMU whose early events are `early`. One that comes before the guest counts as running waits there for
 * {@link reactToEarly}; of a QEMU that never does, or does no more, it means nothing.
 */
export function onQmpEvent(s: Supervisor, guest: Guest, early: QmpEvent[], event: QmpEvent): void {
  guest.history.event(event, s.parts.clock.now());
  if (guest.run?.early === early) reactTo(s, guest, guest.run, event);
  else if (early.length < MOST_EARLY) early.push(event);
}

/** The guest counts as running now: what QEMU said before is dealt with. */
export function reactToEarly(s: Supervisor, guest: Guest, run: GuestRun): void {
  for (const event of run.early.splice(0)) reactTo(s, guest, run, event);
}

/**
 * Takes over a guest that is found standing still for this reason. One that has failed while no supervisor was there is dealt
 * with now, unless it is to stand still and has its report.
 */
export async function reactToFound(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  reason: PauseReason,
): Promise<void> {
  if (hasFailed(reason) && !await isDealtWith(s, guest, run, reason)) {
    for (const event of missedEvents(reason)) reactTo(s, guest, run, event);
    return;
  }
  guest.apply("paused");
  guest.pauseReason = reason;
}

function isDealtWith(s: Supervisor, guest: Guest, run: GuestRun, failing: Failing): Promise<boolean> {
  const { onPanic, onWatchdog } = factsOf(s, guest);
  const policy = failing === "panic" ? onPanic : onWatchdog;
  return policy === "pause" ? isReported(s.parts.layout, guest, run, failing) : Promise.resolve(false);
}

function reactTo(s: Supervisor, guest: Guest, run: GuestRun, event: QmpEvent): void {
  for (const reaction of react(event, factsOf(s, guest))) carryOut(s, guest, run, reaction);
  s.provisions.event(guest.id, event);
}

function factsOf(s: Supervisor, guest: Guest): ReactionFacts {
  const rights = guest.record && rightsInForce(s.policy, guest.record)?.rights;
  const since = s.parts.clock.now() - RESETS_WITHIN_MS;
  return {
    state: guest.state,
    pauseReason: guest.pauseReason,
    stall: guest.stall?.kind,
    pauseAsked: s.jobs.on(guest.id)?.request.action === "vm.pause",
    onPanic: rights?.onPanic ?? "pause",
    onWatchdog: rights?.onWatchdog ?? "pause",
    recentResets: guest.failureResets.filter((at) => at > since).length,
    crashKernelSaid: guest.crashKernelSaid,
  };
}

function carryOut(s: Supervisor, guest: Guest, run: GuestRun, reaction: Reaction): void {
  switch (reaction.kind) {
    case "apply":
      guest.apply(reaction.event);
      break;
    case "paused_by":
      guest.pauseReason = reaction.reason;
      break;
    case "io_error":
      onIoError(s, guest, reaction.error);
      break;
    case "stall_over":
      clearStall(guest);
      break;
    case "look_at_space":
      s.space.lookSoon();
      break;
    case "expect_end":
      guest.shutdownSeen = true;
      break;
    case "expect_crash":
      guest.crash = { failing: reaction.failing, report: guest.crash?.report ?? guest.lastReport };
      break;
    case "agent_port":
      run.agent.portChanged(reaction.open);
      break;
    case "crash_kernel":
      guest.crashKernelSaid = reaction.runs;
      break;
    case "say":
      say(s, guest, reaction);
      break;
    case "failed":
      void dealWith(s, guest, run, reaction);
  }
}

function say(
  s: Supervisor,
  guest: Guest,
  { event, fields, action, byGuest }: Extract<Reaction, { kind: "say" }>,
) {
  const left = byGuest ? guest.words.take(s.parts.clock.now()) : 0;
  if (left === undefined) return; // counted, and told with the next one
  const marker = {
    event: `RAYOS_VM:${event}`,
    fields: { vm: guest.id, kind: guest.kind ?? "linux", ...fields, ...(left > 0 ? { unsaid: left } : {}) },
  } as const;
  if (action === undefined) s.emit(marker);
  else s.observe(action, marker, guest.id);
}

/** Writes the report of a guest that has failed, says that it has, and then does the deed. Never throws. */
async function dealWith(s: Supervisor, guest: Guest, run: GuestRun, failed: Failed): Promise<void> {
  const { failing, reason, deed, then, note } = failed;
  const at = s.parts.clock.now();
  const report = reportPath(s.parts.layout, guest.id, at);
  guest.lastReport = report;
  if (note !== undefined) guest.lastError = note;
  try {
    const isWritten = await writeCrashReport(s, guest, run, { kind: failing, at, reason });
    const fields = { vm: guest.id, kind: guest.kind ?? "linux", reason, then };
    s.observe(`vm.${failing}`, { event: `RAYOS_VM:${failing}`, fields }, guest.id, {
      report: isWritten ? report : null,
      ...(note === undefined ? {} : { note }),
    });
    await act(s, guest, run, { failing, deed, report });
  } catch (error) {
    // The gate has put it on record; here it is shown with the guest, which stands still.
    guest.lastError = `what policy demands after its ${failing} could not be done: ${
      problemOf(error).message
    }`;
  }
}

interface DeedFor {
  readonly failing: Failing;
  readonly deed: Deed;
  readonly report: string;
}

async function act(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  { failing, deed, report }: DeedFor,
): Promise<void> {
  if (deed === "none") return;
  // Part of the stop that is under way, and on record with it. QEMU may be gone before it answers.
  if (deed === "quit") return await run.qmp.execute("quit").then(() => {}, () => {});
  while (s.jobs.on(guest.id)) await s.jobs.whenFree(guest.id);
  // Somebody may have dealt with it meanwhile.
  if (guest.run !== run || guest.pauseReason !== failing) return;
  const actor = { kind: "supervisor" } as const;
  if (deed === "pause") return void await s.perform("vm.pause", { id: guest.id }, actor);
  if (deed === "reset") {
    guest.failureResets = [...guest.failureResets, s.parts.clock.now()].slice(-MOST_KEPT);
    return void await s.perform("vm.reset", { id: guest.id }, actor);
  }
  guest.crash = { failing, report };
  try {
    await s.perform("vm.stop", { id: guest.id, grace_s: 0 }, actor);
  } catch (error) {
    guest.crash = undefined; // it stands still as before: whoever ends it now does not make a crash of it
    throw error;
  }
}

/** Times of resets that are kept: more than count. */
const MOST_KEPT = 32;

/** What QEMU was last told to do when a guest reboots. */
const toldReboot = new WeakMap<GuestRun, OnReboot>();

/** Tells a running QEMU what policy now makes of the guest's own reboot. */
export function tellReboot(s: Supervisor, guest: Guest): void {
  const { run, record } = guest;
  const onReboot = record && rightsInForce(s.policy, record)?.rights.onReboot;
  if (!run || !onReboot || toldReboot.get(run) === onReboot) return;
  toldReboot.set(run, onReboot);
  run.qmp.execute("set-action", { reboot: REBOOT_ACTION[onReboot] }).catch(() => {
    toldReboot.delete(run); // tried again with the next look at the policy
  });
}
