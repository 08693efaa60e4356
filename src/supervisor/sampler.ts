/**
 * Live figures of all guests, once a second and only while somebody looks. Nothing here runs otherwise.
 *
 * Each sample asks every QEMU that owes no answer, waits a moment for all together, and has the kernel's files about all
 * their processes read by one cat(1). A QEMU that does not answer is not asked again until it has, and is not waited for:
 * its last figures stand, marked stale. A paused guest is asked once, because nothing changes in it. The gateway of a network
 * card is asked beside it.
 */
import type { LiveSample } from "../actions/live_views.ts";
import { formatUtc } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { ProcessIdentity } from "../ports/processes.ts";
import type { QmpClient } from "../qmp/client.ts";
import { CardReadings, type Plugged } from "./cards.ts";
import {
  figuresOf,
  type Known,
  NO_READING,
  parseProcessTimes,
  type ProcessReading,
  type ProcessTimes,
  type QemuReading,
  type Reading,
  sumsOf,
} from "./figures.ts";
import { askBlock, askInside, askThreads, MEMORY_EVERY_S, setMemoryEvery } from "./questions.ts";

/** A guest that may run. `run` is there as long as it does; another object means that QEMU was started anew. */
export interface Subject {
  readonly known: Known;
  readonly run?: { readonly qmp: QmpClient; readonly qemu: ProcessIdentity };
  /** The network that is on. */
  readonly network?: Plugged;
}

export interface SamplerOptions {
  readonly clock: Clock;
  readonly subjects: () => readonly Subject[];
  /** The text of those of the kernel's files that are there. */
  readonly readKernelFiles: (paths: readonly string[]) => Promise<string>;
}

const EVERY_MS = 1_000;
/** So long a sample waits for QEMU's answers, all together. They take a few milliseconds. */
const ANSWERS_WITHIN_MS = 250;
/** Rates over a longer time say nothing of now. */
const MAX_INTERVAL_MS = 60_000;

type Run = NonNullable<Subject["run"]>;

/** What is kept of a run from sample to sample. */
interface Entry {
  readonly run: Run;
  /** Of the last sample. */
  reading: Reading | undefined;
  /** QEMU's last answer. */
  answer: QemuReading | null;
  /** Resolves when QEMU owes no answer. */
  asking: Promise<void> | undefined;
  /** The last question was answered with an error, or not in the time that it has. */
  failed: boolean;
  /** It is paused, and was asked since. */
  settled: boolean;
  /** Threads of the vCPUs, once QEMU has named them. */
  threads: readonly number[] | undefined;
  /** How often the guest tells of its memory, as far as this was changed here. */
  memoryEvery: number;
}

type Listener = (sample: LiveSample) => void;

export class Sampler {
  #entries = new Map<Run, Entry>();
  readonly #cards = new CardReadings();
  readonly #listeners = new Set<Listener>();
  #last: { readonly sample: LiveSample; readonly at: number } | undefined;
  #taking: Promise<LiveSample> | undefined;
  #ticking = false;
  #wake = () => {};

  constructor(private readonly options: SamplerOptions) {}

  /** Somebody follows the figures. */
  get followed(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls `listener` with a sample each second, the first one soon; the returned function ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    const last = this.#fresh();
    if (last) listener(last);
    void this.#tick();
    return () => {
      this.#listeners.delete(listener);
      if (!this.followed) this.#wake(); // to its end
    };
  }

  /** A sample that is not older than a second. Whoever asks meanwhile gets the same. */
  async now(): Promise<LiveSample> {
    return this.#fresh() ?? await this.#take();
  }

  #fresh(): LiveSample | undefined {
    const isFresh = this.#last && this.options.clock.monotonic() - this.#last.at < EVERY_MS;
    return isFresh ? this.#last?.sample : undefined;
  }

  #take(): Promise<LiveSample> {
    return this.#taking ??= this.#sample().finally(() => this.#taking = undefined);
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    const { clock } = this.options;
    try {
      while (this.followed) {
        const began = clock.monotonic();
        const sample = await this.#take();
        for (const listener of this.#listeners) listener(sample);
        if (this.followed) await this.#pause(EVERY_MS - (clock.monotonic() - began));
      }
    } finally {
      this.#ticking = false;
      for (const entry of this.#entries.values()) this.#setMemoryEvery(entry);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(Math.max(0, ms), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async #sample(): Promise<LiveSample> {
    const { clock } = this.options;
    const subjects = this.options.subjects();
    this.#entries = this.#entriesOf(subjects);
    const asked = subjects.flatMap(({ known, run, network }) => {
      const entry = run && this.#entries.get(run);
      return [entry && this.#ask(entry, known.state === "paused"), network && this.#cards.ask(network)];
    });
    await this.#within(ANSWERS_WITHIN_MS, Promise.all(asked));
    const times = await this.#times();
    const at = clock.monotonic(), wallMs = clock.now();
    const previous = this.#last && at - this.#last.at <= MAX_INTERVAL_MS ? this.#last : undefined;
    const guests = subjects.map(({ known, run, network }) => {
      const entry = run && this.#entries.get(run);
      if (!entry) return figuresOf(known, NO_READING, undefined, { at, wallMs });
      const before = previous && entry.reading;
      entry.reading = {
        process: processOf(entry, times, at),
        qemu: entry.answer,
        stale: entry.asking !== undefined || entry.failed,
        network: this.#cards.of(network),
      };
      return figuresOf(known, entry.reading, before, { at, wallMs });
    });
    const interval = previous ? Math.round(at - previous.at) : null;
    const sample = { time: formatUtc(wallMs), interval_ms: interval, sums: sumsOf(guests), guests };
    this.#last = { sample, at };
    return sample;
  }

  /** Entries of the runs that are there; the others are forgotten. */
  #entriesOf(subjects: readonly Subject[]): Map<Run, Entry> {
    const entries = new Map<Run, Entry>();
    for (const { run } of subjects) {
      if (run) entries.set(run, this.#entries.get(run) ?? newEntry(run));
    }
    return entries;
  }

  /** Asks QEMU what it alone knows. Undefined when it still owes an answer, or has nothing new to say. */
  #ask(entry: Entry, isPaused: boolean): Promise<void> | undefined {
    if (!isPaused) entry.settled = false;
    if (entry.asking || entry.settled) return undefined;
    const { qmp } = entry.run;
    this.#setMemoryEvery(entry);
    return entry.asking = (async () => {
      try {
        const [block, inside] = await Promise.all([
          askBlock(qmp),
          askInside(qmp),
          entry.threads ?? askThreads(qmp).then((threads) => entry.threads = threads),
        ]);
        entry.answer = { at: this.options.clock.monotonic(), block, inside };
        entry.failed = false;
        entry.settled = isPaused;
      } catch {
        entry.failed = true; // it shows as stale, and the next sample asks again
      } finally {
        entry.asking = undefined;
      }
    })();
  }

  /** The guest is woken for its memory's figures, so it is seldom done while nobody looks. */
  #setMemoryEvery(entry: Entry): void {
    const seconds = this.followed ? MEMORY_EVERY_S.followed : MEMORY_EVERY_S.idle;
    if (entry.memoryEvery === seconds || entry.asking) return; // a QEMU that is silent is not asked more
    entry.memoryEvery = seconds;
    void setMemoryEvery(entry.run.qmp, seconds);
  }

  /** Waits for `answers`, but no longer than `ms`. */
  async #within(ms: number, answers: Promise<unknown>): Promise<void> {
    let cancel = () => {};
    const late = new Promise<void>((resolve) => cancel = this.options.clock.after(ms, resolve));
    await Promise.race([answers, late]);
    cancel();
  }

  async #times(): Promise<ReadonlyMap<number, ProcessTimes>> {
    const paths = [...this.#entries.values()].flatMap(({ run: { qemu }, threads }) => [
      `/proc/${qemu.pid}/stat`,
      ...(threads ?? []).map((thread) => `/proc/${qemu.pid}/task/${thread}/stat`),
    ]);
    if (paths.length === 0) return new Map();
    // A main thread has the number of its process: the process comes first, and stays.
    const times = new Map<number, ProcessTimes>();
    for (const each of parseProcessTimes(await this.options.readKernelFiles(paths))) {
      if (!times.has(each.pid)) times.set(each.pid, each);
    }
    return times;
  }
}

function newEntry(run: Run): Entry {
  return {
    run,
    reading: undefined,
    answer: null,
    asking: undefined,
    failed: false,
    settled: false,
    threads: undefined,
    memoryEvery: MEMORY_EVERY_S.idle,
  };
}

/** Null when the process is gone, or another one has its number. */
function processOf(
  { run, threads }: Entry,
  times: ReadonlyMap<number, ProcessTimes>,
  at: number,
): ProcessReading | null {
  const process = times.get(run.qemu.pid);
  if (!process || process.startTicks !== run.qemu.startTicks) return null;
  const ofThreads = threads?.map((thread) => times.get(thread)?.ticks);
  const vcpuTicks = ofThreads?.every((ticks) => ticks !== undefined)
    ? ofThreads.reduce((sum, ticks) => sum + ticks, 0)
    : null;
  return { at, ticks: process.ticks, vcpuTicks, rssBytes: process.rssBytes };
}
