/** Why a guest stands still, and what its operator is told of it. Pure. */
import type { PauseReason } from "./states.ts";

interface PauseText {
  readonly note: string;
  /** Shown as what is wrong; absent where nothing is. */
  readonly problem?: string;
}

const TEXTS: Readonly<Record<PauseReason, PauseText>> = {
  operator: { note: "paused: an operator asked for it; `vm resume` lets it run on" },
  panic: {
    note: "paused: its system has panicked and can't run on; `vm reset` boots it anew, `vm stop` ends it",
    problem: "its system has panicked",
  },
  watchdog: {
    note:
      "paused: it no longer fed its watchdog; `vm resume` lets it try, `vm reset` boots it anew, `vm stop` ends it",
    problem: "its watchdog has run out",
  },
  no_space: {
    note: "paused: the host has no room for what it writes; it runs on when there is room",
    problem: "the host has no room for what it writes",
  },
  io_error: {
    note: "paused: a disk could not be read or written; mend it, then `vm resume`",
    problem: "a disk could not be read or written",
  },
  tpm_lost: {
    note: "paused: its TPM emulator is gone; `vm stop` and start it again",
    problem: "its TPM emulator is gone",
  },
  unknown: { note: "paused: QEMU does not say why" },
};

/** What is said beside a paused guest; nothing where the reason is not known. */
export function pauseNotes(reason: PauseReason | undefined): string[] {
  return reason === undefined ? [] : [TEXTS[reason].note];
}

/** What is wrong with a guest that is paused for this reason; undefined: nothing. */
export function pauseProblem(reason: PauseReason | undefined): string | undefined {
  return reason === undefined ? undefined : TEXTS[reason].problem;
}

/** Whether only a reset makes it run again: `cont` would let a guest run on that is dead. */
export function isBeyondResume(reason: PauseReason | undefined): boolean {
  return reason === "panic";
}

/** Whether it has failed by itself, so that a reset is meant to let it run again. */
export function hasFailed(reason: PauseReason | undefined): reason is "panic" | "watchdog" {
  return reason === "panic" || reason === "watchdog";
}
