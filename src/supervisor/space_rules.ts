/**
 * What the room on file systems means: levels with hysteresis, and which guests that stand still for want of room go on.
 * Pure; `space_watch.ts` looks and acts.
 */
import { GIB, MIB } from "../core/units.ts";
import type { DiskSpace } from "../ports/disk_space.ts";

/** `low` warns. `full`: nothing is started, and what stands still for want of room stays so. */
export const SPACE_LEVELS = ["ok", "low", "full"] as const;
export type SpaceLevel = typeof SPACE_LEVELS[number];

/** A mark is a part of the whole, and of a large whole no more than `most`. */
interface Mark {
  readonly part: number;
  readonly most: number;
}

/**
 * Low: time to act, so a tenth, but nobody wants a warning with 100 GiB left. Full: a start writes a few MiB (variables, TPM
 * state, logs), and what a guest that goes on writes until somebody looks again in a second should find room; 64 MiB are a
 * second of a good disk. Small file systems (a tmpfs on `run/`) go by their parts, or they would be full from the beginning.
 */
const BYTES: Readonly<Record<"low" | "full", Mark>> = {
  low: { part: 0.1, most: 2 * GIB },
  full: { part: 0.02, most: 64 * MIB },
};
/** A start makes about 20 files. */
const INODES: Readonly<Record<"low" | "full", Mark>> = {
  low: { part: 0.1, most: 10_000 },
  full: { part: 0.02, most: 100 },
};
/** A level is left only well above the mark at which it began, so that a figure that wavers says nothing. */
const LEAVE = { low: 1.25, full: 2 };

/** Level of each of the two things that run out. */
export interface SpaceState {
  readonly bytes: SpaceLevel;
  readonly inodes: SpaceLevel;
}

/** What was found of one file system. */
export interface SpaceSample extends DiskSpace {
  readonly fileSystem: string;
  /** The most general watched path on it, by which people know it. */
  readonly path: string;
}

export interface LevelChange {
  readonly level: SpaceLevel;
  readonly sample: SpaceSample;
  /** What ran short; of what was short, where the level is `ok`. */
  readonly of: keyof SpaceState;
}

function markOf({ part, most }: Mark, total: number): number {
  return Math.min(part * total, most);
}

function levelFor(
  free: number,
  total: number,
  marks: typeof BYTES,
  before: SpaceLevel | undefined,
): SpaceLevel {
  if (total <= 0) return "ok"; // it has no bound, or tells none
  const full = markOf(marks.full, total), low = markOf(marks.low, total);
  if (free < (before === "full" ? LEAVE.full * full : full)) return "full";
  const wasShort = before === "low" || before === "full";
  return free < (wasShort ? LEAVE.low * low : low) ? "low" : "ok";
}

/** Judges one file system. `before` is how it was judged last. */
export function judge(space: DiskSpace, before?: SpaceState): SpaceState {
  return {
    bytes: levelFor(space.freeBytes, space.totalBytes, BYTES, before?.bytes),
    inodes: levelFor(space.freeInodes, space.totalInodes, INODES, before?.inodes),
  };
}

const rank = (level: SpaceLevel) => SPACE_LEVELS.indexOf(level);

/** The worse of the two. */
export function levelOf({ bytes, inodes }: SpaceState): SpaceLevel {
  return rank(inodes) > rank(bytes) ? inodes : bytes;
}

/** Which of the two is worse; the room, where they are the same. */
export function shortOf({ bytes, inodes }: SpaceState): keyof SpaceState {
  return rank(inodes) > rank(bytes) ? "inodes" : "bytes";
}

/** How file systems are judged, by their number. */
export type SpaceStates = ReadonlyMap<string, SpaceState>;

/**
 * Judges all that is watched, and tells what changed. A file system that is new counts as one that was well before; one that is
 * no longer watched is forgotten without a word.
 */
export function nextStates(
  before: SpaceStates,
  samples: readonly SpaceSample[],
): { readonly states: SpaceStates; readonly changes: readonly LevelChange[] } {
  const states = new Map<string, SpaceState>();
  const changes: LevelChange[] = [];
  for (const sample of samples) {
    const was = before.get(sample.fileSystem);
    const is = judge(sample, was);
    states.set(sample.fileSystem, is);
    const level = levelOf(is);
    if (level === (was ? levelOf(was) : "ok")) continue;
    changes.push({ level, sample, of: shortOf(level === "ok" && was ? was : is) });
  }
  return { states, changes };
}

/** A guest that stands still for want of room. */
export interface WaitingGuest<Id extends string = string> {
  readonly vm: Id;
  /** Where it wants to write. One that could not be looked at is undefined. */
  readonly fileSystems: readonly (string | undefined)[];
}

/** The last time that a guest was let go on. */
export interface Attempt {
  /** Monotonic, milliseconds. */
  readonly at: number;
  /** Time until the next attempt, unless there is more room by then. */
  readonly pauseMs: number;
  /** The least room since then, bytes. */
  readonly leastFree: number;
}

export const FIRST_PAUSE_MS = 2_000;
export const LONGEST_PAUSE_MS = 60_000;

/** The room that a guest must find to go on, bytes: that at which its file system is no longer full. */
export function roomToGoOn(totalBytes: number): number {
  return LEAVE.full * markOf(BYTES.full, totalBytes);
}

/** What is to be done after a look, and what is to be remembered of it. */
export interface Going<Id extends string> {
  readonly resume: readonly Id[];
  readonly attempts: ReadonlyMap<Id, Attempt>;
}

/**
 * Which guests go on now. There must be room; and where a guest came to stand still again directly after it was let go on, more
 * of it than since then, or a time that doubles: statfs(2) promises room that a quota, a thin pool or a snapshot below
 * refuses. Not more guests at once than there is room for, those that wait longest first.
 *
 * @param now monotonic, milliseconds
 */
export function goingOn<Id extends string>(
  waiting: readonly WaitingGuest<Id>[],
  samples: readonly SpaceSample[],
  states: SpaceStates,
  attempts: ReadonlyMap<Id, Attempt>,
  now: number,
): Going<Id> {
  const byNumber = new Map(samples.map((sample) => [sample.fileSystem, sample]));
  const free = new Map(samples.map(({ fileSystem, freeBytes }) => [fileSystem, freeBytes]));
  const next = new Map(attempts);
  const resume: Id[] = [];
  const lastAt = ({ vm }: WaitingGuest<Id>) => attempts.get(vm)?.at ?? -Infinity;
  for (const guest of waiting.toSorted((a, b) => lastAt(a) - lastAt(b) || 0)) {
    const places = guest.fileSystems.map((number) => number === undefined ? undefined : byNumber.get(number));
    const known = places.filter((place) => place !== undefined);
    if (known.length === 0 || known.length < places.length) continue;
    const least = Math.min(...known.map(({ freeBytes }) => freeBytes));
    const last = attempts.get(guest.vm);
    if (last) next.set(guest.vm, { ...last, leastFree: Math.min(last.leastFree, least) });
    const hasRoom = known.every(({ fileSystem, totalBytes }) =>
      states.get(fileSystem)?.bytes !== "full" && (free.get(fileSystem) ?? 0) >= roomToGoOn(totalBytes)
    );
    if (!hasRoom || (last && !mayTryAgain(last, known, least, now))) continue;
    resume.push(guest.vm);
    for (const { fileSystem, totalBytes } of known) {
      free.set(fileSystem, (free.get(fileSystem) ?? 0) - roomToGoOn(totalBytes));
    }
    next.set(guest.vm, { at: now, pauseMs: pauseAfter(last, now), leastFree: least });
  }
  return { resume, attempts: next };
}

function mayTryAgain(last: Attempt, places: readonly SpaceSample[], least: number, now: number): boolean {
  const more = Math.max(...places.map(({ totalBytes }) => roomToGoOn(totalBytes)));
  return now - last.at >= last.pauseMs || least >= last.leastFree + more;
}

/** Doubles from one attempt to the next, and begins anew after one that went well for some time. */
function pauseAfter(last: Attempt | undefined, now: number): number {
  if (!last || now - last.at >= 2 * LONGEST_PAUSE_MS) return FIRST_PAUSE_MS;
  return Math.min(2 * last.pauseMs, LONGEST_PAUSE_MS);
}

/** The room of a sample for people: what is short of what. */
export function roomText(sample: DiskSpace, of: keyof SpaceState): string {
  const mib = (bytes: number) => Math.floor(bytes / MIB);
  return of === "bytes"
    ? `${mib(sample.freeBytes)} of ${mib(sample.totalBytes)} MiB free`
    : `${sample.freeInodes} of ${sample.totalInodes} inodes free`;
}
