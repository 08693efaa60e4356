/**
 * The life of a guest as a table: states, events, and which event leads from which state to which. Pure. Everything
 * that is not in the table is an illegal transition, and that is a value with a reason.
 */
import { err, ok, type Result } from "../core/result.ts";

export const GUEST_STATES = [
  "stopped",
  "starting",
  "running",
  "paused",
  "suspending",
  "suspended",
  "resuming",
  "stopping",
  "crashed",
  "broken",
] as const;
export type GuestState = typeof GUEST_STATES[number];

/** Why a guest that is paused stands still. */
export const PAUSE_REASONS = [
  "operator",
  /** The guest's system has panicked. */
  "panic",
  /** The guest's watchdog ran out. */
  "watchdog",
  /** A disk image could not grow. */
  "no_space",
  /** An image could not be read or written. */
  "io_error",
  /** Its TPM emulator has ended. */
  "tpm_lost",
  /** QEMU does not say. */
  "unknown",
] as const;
export type PauseReason = typeof PAUSE_REASONS[number];

export const GUEST_EVENTS = [
  /** The operator's start is being carried out. */
  "start",
  /** QEMU runs the guest's processors. */
  "started",
  /** The start failed and everything it had begun is gone again. */
  "start_failed",
  /** QEMU says STOP. */
  "paused",
  /** QEMU says RESUME. */
  "resumed",
  /** An orderly stop or a kill is being carried out. */
  "stop",
  /** An orderly stop was called off while the guest still runs. */
  "stop_called_off",
  /** The guest powers itself off. */
  "guest_shutdown",
  /** QEMU ended, as it was asked to or by the guest's own shutdown. */
  "ended",
  /** QEMU ended and nobody asked. */
  "died",
  /** QEMU was ended because the guest had failed by itself (panic, watchdog). */
  "failed",
  /** The state is being saved. */
  "suspend",
  /** QEMU ended, and the state is on disk. */
  "suspended",
  "suspend_failed",
  /** The saved state is given up. */
  "dropped",
  /** The record or the files can't be used. */
  "found_broken",
  /** The record and the files can be used again. */
  "mended",
] as const;
export type GuestEvent = typeof GUEST_EVENTS[number];

const TRANSITIONS: Readonly<Record<GuestState, Partial<Record<GuestEvent, GuestState>>>> = {
  stopped: { start: "starting", found_broken: "broken" },
  starting: { started: "running", start_failed: "stopped", stop: "stopping", died: "crashed" },
  running: {
    paused: "paused",
    resumed: "running",
    stop: "stopping",
    guest_shutdown: "stopping",
    ended: "stopped",
    died: "crashed",
    failed: "crashed",
    suspend: "suspending",
  },
  paused: {
    paused: "paused",
    resumed: "running",
    stop: "stopping",
    guest_shutdown: "stopping",
    ended: "stopped",
    died: "crashed",
    failed: "crashed",
    suspend: "suspending",
  },
  suspending: {
    paused: "suspending",
    resumed: "suspending",
    suspended: "suspended",
    suspend_failed: "running",
    stop: "stopping",
    guest_shutdown: "stopping",
    ended: "stopped",
    died: "crashed",
  },
  suspended: { start: "resuming", dropped: "stopped", found_broken: "broken" },
  resuming: { started: "running", start_failed: "suspended", stop: "stopping", died: "crashed" },
  stopping: {
    paused: "stopping",
    resumed: "stopping",
    stop: "stopping",
    stop_called_off: "running",
    guest_shutdown: "stopping",
    ended: "stopped",
    died: "stopped",
    // It was killed when its state was safely on disk already.
    suspended: "suspended",
    failed: "crashed",
  },
  crashed: { start: "starting", found_broken: "broken" },
  broken: { mended: "stopped" },
};

/** An event that means nothing in a state. */
export interface IllegalTransition {
  readonly state: GuestState;
  readonly event: GuestEvent;
  readonly why: string;
}

/** The state after `event`, or why there is none. */
export function transition(state: GuestState, event: GuestEvent): Result<GuestState, IllegalTransition> {
  const next = TRANSITIONS[state][event];
  return next === undefined
    ? err({ state, event, why: `'${event}' means nothing for a guest that is ${state}` })
    : ok(next);
}

/** Whether a QEMU process belongs to a guest in this state. */
export function hasProcess(state: GuestState): boolean {
  return state !== "stopped" && state !== "suspended" && state !== "crashed" && state !== "broken";
}
