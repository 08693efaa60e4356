/**
 * What an event of QEMU comes to, by the guest's state and by policy: a table of pure functions. Their answers are data,
 * carried out by `reacting.ts`. An event that has no row here changes nothing; it stands in the run's history like any other.
 */
import type { MarkerFields } from "../audit/markers.ts";
import { hasFailed } from "../lifecycle/pause.ts";
import {
  type GuestEvent,
  type GuestState,
  hasProcess,
  type PauseReason,
  transition,
} from "../lifecycle/states.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import type { QmpEvent, QmpEventName } from "../qmp/events.ts";
import type { OnFailure } from "../../policy/types.ts";
import type { StallKind } from "./stall.ts";

/** How a guest fails by itself. */
export type Failing = "panic" | "watchdog";

/** What is known when an event comes. */
export interface ReactionFacts {
  readonly state: GuestState;
  /** Why it stands still, or is about to. */
  readonly pauseReason: PauseReason | undefined;
  /** Why its disks keep it from going on. */
  readonly stall: StallKind | undefined;
  /** A pause that was asked for is being carried out. */
  readonly pauseAsked: boolean;
  /** What policy says at the moment. */
  readonly onPanic: OnFailure;
  readonly onWatchdog: OnFailure;
  /** How often policy has reset it lately because it had failed. */
  readonly recentResets: number;
  /** It has said since its last reset that its crash kernel runs. */
  readonly crashKernelSaid: boolean;
}

/** More resets of a guest that fails again and again help nobody: it is left standing. */
export const MOST_RESETS = 5;
export const RESETS_WITHIN_MS = 10 * 60_000;

/** What the supervisor does about a guest that has failed. */
export type Deed =
  /** Nothing: it stands still already, or goes on by itself. */
  | "none"
  | "pause"
  /** Ends it; it counts as crashed. */
  | "stop"
  | "reset"
  /** Ends QEMU, because somebody waits for the guest's end, to which it can no longer come by itself. */
  | "quit";

export type Reaction =
  | { readonly kind: "apply"; readonly event: GuestEvent }
  /** Whether it stands still, and why. */
  | { readonly kind: "paused_by"; readonly reason: PauseReason | undefined }
  /** A disk of it could not be read or written: `io_errors.ts` knows what follows. */
  | { readonly kind: "io_error"; readonly error: DataOf<"BLOCK_IO_ERROR"> }
  /** Its disks keep it from nothing any more. */
  | { readonly kind: "stall_over" }
  /** It may wait for room. */
  | { readonly kind: "look_at_space" }
  /** Its end, when it comes, is no crash. */
  | { readonly kind: "expect_end" }
  /** Its end, when it comes, is this crash. */
  | { readonly kind: "expect_crash"; readonly failing: Failing }
  /** The port of the guest agent was opened or closed by the guest. */
  | { readonly kind: "agent_port"; readonly open: boolean }
  /** Its crash kernel runs, or the machine was reset since. */
  | { readonly kind: "crash_kernel"; readonly runs: boolean }
  | {
    readonly kind: "say";
    readonly event: "pause" | "resume" | "stop" | "reset";
    readonly fields: MarkerFields;
    /** Action of the audit record; absent: that of the marker. */
    readonly action?: string;
    /** A guest can cause it as often as it likes. */
    readonly byGuest?: true;
  }
  /** A report is written and the failing said and put on record; then the deed is done. */
  | {
    readonly kind: "failed";
    readonly failing: Failing;
    readonly reason: string;
    readonly deed: Deed;
    /** What the guest's fate is by it, in a word of policy; `none`: it goes on. */
    readonly then: OnFailure | "none";
    /** Why the deed is not what policy names. */
    readonly note?: string;
  };

type DataOf<N extends QmpEventName> = Extract<QmpEvent, { readonly name: N }>["data"];
type Reactors = {
  readonly [N in QmpEventName]?: (data: DataOf<N>, facts: ReactionFacts) => readonly Reaction[];
};

/** One row an event. */
const REACTORS: Reactors = {
  STOP: (_, facts) => {
    const reason = facts.pauseReason ?? facts.stall ?? (facts.pauseAsked ? "operator" : "unknown");
    const apply: Reaction = { kind: "apply", event: "paused" };
    const next = transition(facts.state, "paused");
    if (!next.ok) return [];
    // A stop for saving is told as a suspend, and one on the way to the guest's end as that.
    if (next.value !== "paused") return [apply];
    return [
      apply,
      { kind: "paused_by", reason },
      { kind: "say", event: "pause", fields: { reason } },
      { kind: "look_at_space" },
    ];
  },
  BLOCK_IO_ERROR: (error) => [{ kind: "io_error", error }],
  RESUME: (_, { state }) => {
    const over: readonly Reaction[] = [{ kind: "stall_over" }, { kind: "paused_by", reason: undefined }];
    return state === "paused"
      ? [{ kind: "apply", event: "resumed" }, ...over, { kind: "say", event: "resume", fields: {} }]
      : over;
  },
  RESET: ({ guest, reason }, { pauseReason }) => [
    { kind: "crash_kernel", runs: false },
    // What stood still because it had failed is now a fresh machine that stands still because it was asked to.
    ...(hasFailed(pauseReason) ? [{ kind: "paused_by", reason: "operator" } as const] : []),
    ...(guest
      ? [
        { kind: "say", event: "reset", fields: { reason }, action: "vm.guest_reset", byGuest: true } as const,
      ]
      : []),
  ],
  SHUTDOWN: shutdown,
  GUEST_PANICKED: ({ action, info }, facts) =>
    failed("panic", info?.type ?? "guest-panic", action, facts.onPanic, facts),
  // The guest has a crash kernel of its own, which now saves what is to be saved and then reboots: it is let.
  GUEST_CRASHLOADED: (_, { crashKernelSaid }) =>
    crashKernelSaid ? [] : [
      { kind: "crash_kernel", runs: true },
      { kind: "failed", failing: "panic", reason: "crash-kernel", deed: "none", then: "none" },
    ],
  WATCHDOG: ({ action }, facts) => failed("watchdog", "watchdog", action, facts.onWatchdog, facts),
  VSERPORT_CHANGE: ({ id, open }) => id === QEMU_IDS.agentPort ? [{ kind: "agent_port", open }] : [],
};

/** What an event comes to, in the order in which it is to be carried out. */
export function react(event: QmpEvent, facts: ReactionFacts): readonly Reaction[] {
  if (event.name === "other" || !hasProcess(facts.state)) return [];
  // The compiler can't follow that the row of a name takes the data of just that name.
  const row = REACTORS[event.name] as
    | ((data: unknown, facts: ReactionFacts) => readonly Reaction[])
    | undefined;
  return row?.(event.data, facts) ?? [];
}

/** What QEMU must have said, to a supervisor that was not there, of a guest that is found to have failed. */
export function missedEvents(failing: Failing): readonly QmpEvent[] {
  const failed: QmpEvent = failing === "panic"
    ? { name: "GUEST_PANICKED", data: { action: "pause" } }
    : { name: "WATCHDOG", data: { action: "pause" } };
  return [failed, { name: "STOP", data: {} }];
}

function shutdown({ guest, reason }: DataOf<"SHUTDOWN">, facts: ReactionFacts): readonly Reaction[] {
  // Neither is an orderly end: QEMU gives the guest up.
  if (reason === "guest-panic") return [{ kind: "expect_crash", failing: "panic" }];
  if (reason === "host-error") return [];
  const expected: Reaction = { kind: "expect_end" };
  // Who stops it says so step by step; who suspends it ends QEMU when all is saved.
  if (facts.state === "stopping" || facts.state === "suspending") return [expected];
  const say = (step: string, action: string): Reaction => ({
    kind: "say",
    event: "stop",
    fields: { step, reason },
    action,
  });
  if (guest) {
    const event = "guest_shutdown" as const;
    return [expected, { kind: "apply", event }, say("guest", "vm.guest_shutdown")];
  }
  // Nobody here asked: QEMU was sent a signal, or another client of it said `quit`.
  const step = reason === "host-signal" ? "signal" : "quit";
  return [expected, { kind: "apply", event: "stop" }, say(step, "vm.ended_outside")];
}

/** `action`: what QEMU says that it does by itself. */
function failed(
  failing: Failing,
  reason: string,
  action: string,
  policy: OnFailure,
  facts: ReactionFacts,
): readonly Reaction[] {
  if (action === "poweroff" || action === "shutdown") {
    return [{ kind: "failed", failing, reason, deed: "none", then: "stop" }, {
      kind: "expect_crash",
      failing,
    }];
  }
  const still: Reaction = { kind: "paused_by", reason: failing };
  if (facts.state === "stopping") {
    return [still, { kind: "failed", failing, reason, deed: "quit", then: "stop" }];
  }
  const stay = action === "pause" ? "none" : "pause";
  if (policy === "reset" && facts.recentResets >= MOST_RESETS) {
    const note =
      `it was reset ${facts.recentResets} times within ${RESETS_WITHIN_MS / 60_000} min because it had ` +
      "failed; it is left standing";
    return [still, { kind: "failed", failing, reason, deed: stay, then: "pause", note }];
  }
  return [still, {
    kind: "failed",
    failing,
    reason,
    deed: policy === "pause" ? stay : policy,
    then: policy,
  }];
}
