/**
 * What the terminal UI costs: the compiled program in a pseudo terminal, its supervisor a stand-in with many guests that change
 * again and again. Figures of another machine differ; what is asserted elsewhere is what does not hang on the clock.
 */
import { BusySupervisor } from "../fakes/busy_supervisor.ts";
import { Pty } from "../fakes/pty.ts";
import { parseMemory } from "./memory.ts";
import type { Place } from "./place.ts";
import { compare, type Comparison, percentile, summarize, type Summary } from "./stats.ts";

export interface TuiRounds {
  readonly guests: number;
  readonly changesPerSecond: number;
  /** How long processor time and frames are counted, and then memory is watched. */
  readonly seconds: number;
  readonly memorySeconds: number;
  readonly keys: number;
  readonly starts: number;
}

export interface TuiReport {
  readonly guests: number;
  readonly changesPerSecond: number;
  /** Of one processor, in percent. */
  readonly processor: Summary;
  readonly framesPerSecond: Summary;
  readonly bytesPerSecond: number;
  readonly statusPerSecond: number;
  /** Of the program, in MiB: at the beginning, after half of the time, at the end. */
  readonly memory: readonly [number, number, number];
  /** Milliseconds from a key to its effect on the terminal. */
  readonly keys: { readonly p50: number; readonly p95: number; readonly n: number };
  /** Milliseconds from starting the program to its first frame (subject) against `--version` (yardstick). */
  readonly firstPaint: Comparison;
  /** Milliseconds from starting the program to the list of guests, and to the effect of a key that was pressed right then. */
  readonly list: Summary;
  readonly firstKey: Summary;
}

const COLUMNS = 120;
const ROWS = 40;
/** In these many slices processor time and frames are taken. */
const SLICES = 5;
/** Ink brackets each frame for terminals that draw one at once. */
const FRAME_BEGIN = "\x1b[?2026h";
/** The row of this guest when the cursor is on it. */
const atCursor = (id: string) => new RegExp(`▸ +${id}`);
/** What both the UI and `--version` say first. */
const NAME = "rayvisor";

export async function benchTui(place: Place, rounds: TuiRounds): Promise<TuiReport> {
  const root = `${place.folder}/tui`;
  await Deno.mkdir(`${root}/run`, { recursive: true });
  await using supervisor = new BusySupervisor(root, rounds.guests);
  const started = await starts(place, root, rounds.starts);
  const pty = open(place, root);
  await pty.next("guest-000");
  const pid = await pty.pid;
  supervisor.begin(rounds.changesPerSecond);
  await seconds(3); // the program warms up
  const taken = await take(pty, pid, rounds.seconds);
  const asked = supervisor.asked.get("status") ?? 0;
  const memory = await memories(pid, rounds.memorySeconds);
  const statusPerSecond = ((supervisor.asked.get("status") ?? 0) - asked) / rounds.memorySeconds;
  const keys = await pressed(pty, rounds.keys);
  await pty.type("q");
  await pty.end();
  return {
    guests: rounds.guests,
    changesPerSecond: rounds.changesPerSecond,
    ...taken,
    statusPerSecond,
    memory,
    keys: { p50: percentile(keys, 50), p95: percentile(keys, 95), n: keys.length },
    ...started,
  };
}

function open({ binary, env }: Place, root: string): Pty {
  return new Pty([binary, "--root", root, "tui"], COLUMNS, ROWS, { ...env, LANG: "C.UTF-8", NO_COLOR: "" });
}

async function starts(
  place: Place,
  root: string,
  count: number,
): Promise<Pick<TuiReport, "firstPaint" | "list" | "firstKey">> {
  const first: number[] = [], version: number[] = [], list: number[] = [], key: number[] = [];
  for (let i = -1; i < count; i++) {
    const ui = open(place, root);
    const since = startOf(ui);
    const [said, listed] = await Promise.all([ui.next(NAME).then(since), ui.next("guest-000").then(since)]);
    const moved = ui.next(atCursor("guest-001"));
    await ui.type("j");
    await moved;
    const answered = await since();
    await ui.type("q");
    await ui.end();
    const other = new Pty([place.binary, "--version"], COLUMNS, ROWS, place.env);
    const saidOther = await other.next(NAME).then(startOf(other));
    await other.end();
    if (i < 0) continue; // caches fill
    first.push(said);
    list.push(listed);
    key.push(answered);
    version.push(saidOther);
  }
  return { firstPaint: compare(first, version), list: summarize(list), firstKey: summarize(key) };
}

/** Gives the milliseconds since the program was started; its first words may come with the word that it was. */
function startOf(pty: Pty): () => Promise<number> {
  const began = pty.pid.then(() => performance.now());
  return async () => performance.now() - await began;
}

async function take(
  pty: Pty,
  pid: number,
  total: number,
): Promise<Pick<TuiReport, "processor" | "framesPerSecond" | "bytesPerSecond">> {
  let frames = 0;
  const stop = pty.listen((text) => frames += text.split(FRAME_BEGIN).length - 1);
  const processor: number[] = [], rates: number[] = [];
  const bytes = pty.bytes, began = performance.now();
  for (let slice = 0; slice < SLICES; slice++) {
    const before = await processorSeconds(pid), framesBefore = frames, from = performance.now();
    await seconds(total / SLICES);
    const passed = (performance.now() - from) / 1000;
    processor.push((await processorSeconds(pid) - before) / passed * 100);
    rates.push((frames - framesBefore) / passed);
  }
  stop();
  return {
    processor: summarize(processor),
    framesPerSecond: summarize(rates),
    bytesPerSecond: (pty.bytes - bytes) / ((performance.now() - began) / 1000),
  };
}

async function memories(pid: number, total: number): Promise<[number, number, number]> {
  const now = async () => parseMemory(await Deno.readTextFile(`/proc/${pid}/status`)).rss;
  const first = await now();
  await seconds(total / 2);
  const half = await now();
  await seconds(total / 2);
  return [first, half, await now()];
}

/** Moves the cursor down and up, key by key; a key has come through when the row it goes to is drawn with the cursor. */
async function pressed(pty: Pty, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const isDown = i % 2 === 0;
    const row = pty.next(atCursor(isDown ? "guest-001" : "guest-000"));
    const began = performance.now();
    await pty.type(isDown ? "j" : "k");
    await row;
    took.push(performance.now() - began);
    await seconds(0.05 + (i % 7) * 0.013); // a key comes at any moment between frames
  }
  return took;
}

/** User and system time of a process with all its threads. proc(5) */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** USER_HZ of every Linux on x86_64 and arm64. */
const TICKS = 100;

/** A measurement lasts; nothing is waited for here. */
function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
