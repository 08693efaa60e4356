/**
 * What a guest is, from what is found of it when a supervisor starts: pure. The registry's state is only what was last known,
 * and decides nothing but what is said about it.
 */
import type { RunState } from "../qmp/command_types.ts";
import type { PauseReason } from "./states.ts";

/** What was found of a guest's QEMU. */
export type FoundQemu =
  /** No process of it runs. */
  | { readonly kind: "none" }
  /** A process of it runs, and its QMP socket answers as this guest. */
  | { readonly kind: "answers"; readonly runState: RunState }
  /** A process of it runs, and can't be talked to. */
  | { readonly kind: "silent"; readonly why: string };

export type Derived =
  /** Taken over as it is. */
  | { readonly kind: "adopt"; readonly state: "running" }
  | { readonly kind: "adopt"; readonly state: "paused"; readonly reason: PauseReason }
  /** It never ran: a start that was cut off, which is undone. */
  | { readonly kind: "undo_start" }
  /** The guest has shut itself down and QEMU only stands there: it is ended. */
  | { readonly kind: "finish_shutdown" }
  /** It runs, and nobody can say more: it counts, and can be killed. */
  | { readonly kind: "unreachable"; readonly why: string }
  | { readonly kind: "stopped" };

/**
 * What to make of a guest whose QEMU was found like this.
 *
 * @param hasRun whether the guest ever ran in this QEMU; asked where its state alone does not say it
 */
export function deriveGuest(qemu: FoundQemu, hasRun: () => boolean): Derived {
  if (qemu.kind === "none") return { kind: "stopped" };
  if (qemu.kind === "silent") return { kind: "unreachable", why: qemu.why };
  switch (qemu.runState) {
    case "running":
    case "suspended": // sleeps by ACPI, and is woken by its own timers
      return { kind: "adopt", state: "running" };
    case "prelaunch": // also that of a guest that was reset while it was paused
      return hasRun() ? { kind: "adopt", state: "paused", reason: "operator" } : { kind: "undo_start" };
    case "inmigrate":
      return { kind: "undo_start" };
    case "shutdown":
      return { kind: "finish_shutdown" };
    default:
      return { kind: "adopt", state: "paused", reason: pauseReasonOf(qemu.runState) };
  }
}

/** Why QEMU has stopped a guest that stands still in this run state; `unknown` where QEMU's state does not say it. */
export function pauseReasonOf(runState: RunState): PauseReason {
  switch (runState) {
    case "paused":
      return "operator";
    case "guest-panicked":
      return "panic";
    case "watchdog":
      return "watchdog";
    case "io-error":
      return "io_error";
    default:
      return "unknown";
  }
}
