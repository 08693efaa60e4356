/**
 * A guest that stands still because QEMU could not write or read one of its disks (`werror=stop`, `rerror=stop`): QEMU keeps
 * the requests that failed, and makes them again when the guest goes on. Pure; `io_errors.ts` acts.
 */
import { sanitizeLine } from "../core/sanitize.ts";

/**
 * `no_space`: the host's fault, the guest goes on by itself when there is room. `io_error`: nobody knows whether it is over
 * before somebody tries.
 */
export type StallKind = "no_space" | "io_error";

export interface Stall {
  readonly kind: StallKind;
  /** Its disks that failed, by their names in the registry. */
  readonly disks: readonly string[];
  /** QEMU's words; empty where they were said to a supervisor before this one. */
  readonly reason: string;
  /** The operator paused it too: it goes on only when asked to. */
  readonly held: boolean;
  /** Path of the file system that has no room, as soon as it is known. */
  readonly where?: string;
  /** Why policy does not let it go on, though there is room. */
  readonly refused?: string;
}

/** One request that QEMU could not carry out. */
export interface IoError {
  readonly disk: string;
  readonly noSpace: boolean;
  readonly reason: string;
}

/** The stall after one more error. One error that is not for want of room is enough: to go on would be to try it again. */
export function withError(before: Stall | undefined, error: IoError, held: boolean): Stall {
  const kind: StallKind = error.noSpace && before?.kind !== "io_error" ? "no_space" : "io_error";
  const disks = before?.disks ?? [];
  return {
    ...before,
    kind,
    disks: disks.includes(error.disk) ? disks : [...disks, error.disk],
    // What is told is the error that keeps it from going on.
    reason: before && (before.kind === kind || error.noSpace)
      ? before.reason
      : sanitizeLine(error.reason, 120),
    held: before?.held ?? held,
  };
}

/** Whether it goes on by itself as soon as there is room. */
export function waitsForRoom(stall: Stall | undefined): stall is Stall {
  return stall?.kind === "no_space" && !stall.held;
}

/** What the operator is told of it. */
export function stallText(id: string, stall: Stall): string {
  const disks = `${stall.disks.length === 1 ? "disk" : "disks"} ${stall.disks.join(", ")}`;
  const resume = `\`rayvisor vm resume ${id}\``;
  if (stall.kind === "io_error") {
    const why = stall.reason === "" ? "" : ` (${stall.reason})`;
    return `stands still: ${disks} could not be read or written${why}; ${resume} tries again`;
  }
  const where = stall.where === undefined ? "" : ` on ${stall.where}`;
  const then = stall.held
    ? `it was paused too: ${resume} lets it go on`
    : stall.refused === undefined
    ? "goes on by itself when there is room"
    : `policy does not let it go on: ${stall.refused}`;
  return `stands still: no space left${where} for ${disks}; ${then}`;
}
