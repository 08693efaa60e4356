/**
 * What becomes of a guest that a new supervisor finds, as far as its saved state goes: from facts alone, whatever the last
 * one was doing when it died. Pure.
 */
import type { RunState } from "../qmp/command_types.ts";

/** What is found. */
export interface Found {
  /** The manifest is there, readable or not. */
  readonly manifest: boolean;
  /**
   * A suspend or resume was under way: the guest stands still because of it, and is to run on, or to stay paused as the
   * operator had it. Absent: nothing was.
   */
  readonly standstill: "run" | "stay" | undefined;
  /** Run state of the guest's QEMU; absent: it has none. */
  readonly qemu: RunState | undefined;
}

export type Verdict =
  /** No process and no state. */
  | "stopped"
  /** No process; the state is whole. */
  | "suspended"
  /** The state is whole, and QEMU, which has not run since, is left over: end it. Two of one guest must never be. */
  | "end_qemu"
  /** QEMU runs or has run since the state was saved: the state is of the past and must not be used. */
  | "drop_state"
  /** The guest was only stopped to be saved, or is loaded and was about to run: let it. */
  | "let_run"
  /** QEMU waits for a state that is not there: end it. */
  | "end_empty"
  /** Nothing to do with a saved state. */
  | "as_it_is";

/** States of a QEMU that executes nothing and has not since it was stopped for saving, or was started for loading. */
const STILL: readonly RunState[] = [
  "prelaunch",
  "inmigrate",
  "paused",
  "postmigrate",
  "finish-migrate",
  "restore-vm",
  "save-vm",
];

export function verdictOf({ manifest, standstill, qemu }: Found): Verdict {
  if (qemu === undefined) return manifest ? "suspended" : "stopped";
  if (manifest) return STILL.includes(qemu) ? "end_qemu" : "drop_state";
  if (qemu === "inmigrate") return "end_empty";
  return standstill === "run" && STILL.includes(qemu) ? "let_run" : "as_it_is";
}
