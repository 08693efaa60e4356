/**
 * Watches the room on file systems. The kernel tells of no change of it, so it is looked at again and again: rarely while no
 * guest runs, often while one waits for room, and at once when QEMU says that there is none. Rules: `space_rules.ts`.
 */
import type { Clock } from "../ports/clock.ts";
import type { DiskSpace } from "../ports/disk_space.ts";
import {
  type Attempt,
  goingOn,
  type LevelChange,
  levelOf,
  nextStates,
  type SpaceLevel,
  type SpaceSample,
  type SpaceState,
  type SpaceStates,
} from "./space_rules.ts";

/** While a guest waits for room. */
export const WAITING_MS = 1_000;
/** While guests run. */
export const RUNNING_MS = 10_000;
/** While none does: only logs grow. */
export const IDLE_MS = 60_000;

/** A guest that has a process. */
export interface WatchedGuest<Id extends string = string> {
  readonly vm: Id;
  /** Folders in which its disks lie. */
  readonly folders: readonly string[];
  /** Those of the disks for which it waits for room; absent where it waits for none. */
  readonly waitsIn?: readonly string[];
}

/** What the watch looks at, and whom it tells. */
export interface SpaceHost<Id extends string = string> {
  readonly clock: Clock;
  /** Folders that are always watched, the most general one first. */
  readonly places: readonly string[];
  fileSystemOf(path: string): Promise<string | undefined>;
  spaceOf(path: string): Promise<DiskSpace | undefined>;
  guests(): Promise<readonly WatchedGuest<Id>[]>;
  say(change: LevelChange): void;
  /** A guest waits for room on the file system at `path`. */
  waits(vm: Id, path: string): void;
  /** Lets a guest go on, if nothing else stands against it. Must not throw. */
  goOn(vm: Id): void;
}

/** A file system as it was last looked at. */
export interface WatchedSpace extends SpaceSample, SpaceState {
  readonly level: SpaceLevel;
}

export class SpaceWatch<Id extends string = string> {
  #samples: readonly SpaceSample[] = [];
  #states: SpaceStates = new Map();
  #attempts: ReadonlyMap<Id, Attempt> = new Map();
  #started = false;
  #cancel = () => {};
  /** The look that is under way, and the one that was asked for meanwhile. */
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly host: SpaceHost<Id>) {}

  /** Looks for the first time, and from then on again and again. */
  async start(): Promise<void> {
    this.#started = true;
    await this.look();
  }

  /** Nothing is looked at any more. Idempotent. */
  stop(): void {
    this.#started = false;
    this.#cancel();
  }

  /** Looks at once; something has happened. Nothing before {@link start}. */
  lookSoon(): void {
    if (this.#started) void this.look();
  }

  /** Looks, and does what follows. Resolves when that is done; never rejects. One look at a time. */
  look(): Promise<void> {
    if (!this.#current) {
      return this.#current = this.#look().finally(() => {
        this.#current = undefined;
      });
    }
    return this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      return this.look();
    });
  }

  /** All file systems as last looked at. */
  get spaces(): readonly WatchedSpace[] {
    return this.#samples.flatMap((sample) => {
      const state = this.#states.get(sample.fileSystem);
      return state ? [{ ...sample, ...state, level: levelOf(state) }] : [];
    });
  }

  /** How a file system was last judged. */
  stateOf(fileSystem: string): SpaceState | undefined {
    return this.#states.get(fileSystem);
  }

  /** A guest was not let go on after all: what stood against it had nothing to do with room. */
  forget(vm: Id): void {
    this.#attempts = new Map([...this.#attempts].filter(([other]) => other !== vm));
  }

  async #look(): Promise<void> {
    this.#cancel();
    let pause = RUNNING_MS;
    try {
      const guests = await this.host.guests();
      const waiting = guests.filter(({ waitsIn }) => waitsIn !== undefined);
      pause = waiting.length > 0 ? WAITING_MS : guests.length > 0 ? RUNNING_MS : IDLE_MS;
      await this.#measure(guests, waiting);
    } catch {
      /* whatever could not be looked at is looked at again */
    } finally {
      this.#cancel();
      this.#cancel = this.#started ? this.host.clock.after(pause, () => void this.look()) : () => {};
    }
  }

  async #measure(
    guests: readonly WatchedGuest<Id>[],
    waiting: readonly WatchedGuest<Id>[],
  ): Promise<void> {
    const { host } = this;
    const ofGuests = guests.flatMap(({ folders, waitsIn = [] }) => [...folders, ...waitsIn]);
    const folders = [...new Set([...host.places, ...ofGuests])];
    const numbers = await Promise.all(folders.map((folder) => host.fileSystemOf(folder)));
    const numberOf = new Map(folders.map((folder, i) => [folder, numbers[i]]));
    this.#samples = await this.#samplesOf(numberOf);
    const { states, changes } = nextStates(this.#states, this.#samples);
    this.#states = states;
    for (const change of changes) host.say(change);
    const wanted = waiting.map(({ vm, waitsIn = [] }) => ({
      vm,
      fileSystems: [...new Set(waitsIn.map((folder) => numberOf.get(folder)))],
    }));
    for (const { vm, fileSystems } of wanted) {
      const sample = this.#samples.find(({ fileSystem }) => fileSystems.includes(fileSystem));
      if (sample) host.waits(vm, sample.path);
    }
    const { resume, attempts } = goingOn(
      wanted,
      this.#samples,
      states,
      this.#attempts,
      host.clock.monotonic(),
    );
    const present = new Set(guests.map(({ vm }) => vm));
    this.#attempts = new Map([...attempts].filter(([vm]) => present.has(vm)));
    for (const vm of resume) host.goOn(vm);
  }

  /** One for each file system, with the first of the folders on it. */
  async #samplesOf(numberOf: ReadonlyMap<string, string | undefined>): Promise<readonly SpaceSample[]> {
    const first = new Map<string, string>();
    for (const [folder, number] of numberOf) {
      if (number !== undefined && !first.has(number)) first.set(number, folder);
    }
    const samples = await Promise.all([...first].map(async ([fileSystem, path]) => {
      const space = await this.host.spaceOf(path);
      return space ? [{ fileSystem, path, ...space }] : [];
    }));
    return samples.flat();
  }
}
