import assert from "node:assert/strict";
import fc from "fast-check";
import { GIB, MIB } from "../core/units.ts";
import {
  type Attempt,
  FIRST_PAUSE_MS,
  goingOn,
  judge,
  levelOf,
  LONGEST_PAUSE_MS,
  nextStates,
  roomText,
  roomToGoOn,
  SPACE_LEVELS,
  type SpaceLevel,
  type SpaceSample,
  type SpaceState,
} from "./space_rules.ts";

function sample(freeBytes: number, totalBytes: number, more: Partial<SpaceSample> = {}): SpaceSample {
  return {
    fileSystem: "1",
    path: "/srv",
    freeBytes,
    totalBytes,
    freeInodes: 1e6,
    totalInodes: 1e6,
    ...more,
  };
}

const WELL: SpaceState = { bytes: "ok", inodes: "ok" };

Deno.test("judge() marks what is short: a tenth or 2 GiB is low, a fiftieth or 64 MiB is full", () => {
  const table: readonly [free: number, total: number, before: SpaceLevel, is: SpaceLevel][] = [
    // Large: the absolute marks.
    [3 * GIB, 500 * GIB, "ok", "ok"],
    [2 * GIB - 1, 500 * GIB, "ok", "low"],
    [64 * MIB, 500 * GIB, "ok", "low"],
    [64 * MIB - 1, 500 * GIB, "ok", "full"],
    // Back only well above the mark.
    [100 * MIB, 500 * GIB, "full", "full"],
    [128 * MIB, 500 * GIB, "full", "low"],
    [2.4 * GIB, 500 * GIB, "low", "low"],
    [2.5 * GIB, 500 * GIB, "low", "ok"],
    [400 * GIB, 500 * GIB, "full", "ok"],
    // Small, as a tmpfs: parts of the whole.
    [64 * MIB, 64 * MIB, "ok", "ok"],
    [6 * MIB, 64 * MIB, "ok", "low"],
    [1 * MIB, 64 * MIB, "ok", "full"],
    [2 * MIB, 64 * MIB, "full", "full"],
    [3 * MIB, 64 * MIB, "full", "low"],
    [9 * MIB, 64 * MIB, "low", "ok"],
    [0, 64 * MIB, "ok", "full"],
    // One that tells no size.
    [0, 0, "ok", "ok"],
  ];
  for (const [free, total, before, is] of table) {
    const state = judge(sample(free, total), { bytes: before, inodes: "ok" });
    assert.equal(levelOf(state), is, `${free} of ${total}, was ${before}`);
  }
});

Deno.test("judge() counts inodes too, and a file system without a bound on them is never short of them", () => {
  const of = (freeInodes: number, totalInodes: number) =>
    judge(sample(GIB, GIB, { freeInodes, totalInodes })).inodes;
  assert.deepEqual([of(500, 1000), of(99, 1000), of(19, 1000)], ["ok", "low", "full"]);
  assert.deepEqual([of(10_000, 1e9), of(9_999, 1e9), of(99, 1e9)], ["ok", "low", "full"]);
  assert.equal(of(0, 0), "ok");
});

Deno.test("nextStates() tells each change once, with what ran short, and forgets what is watched no longer", () => {
  const first = nextStates(new Map(), [sample(GIB, GIB), sample(0, GIB, { fileSystem: "2" })]);
  assert.deepEqual(first.changes.map(({ level, sample: { fileSystem }, of }) => [fileSystem, level, of]), [
    ["2", "full", "bytes"],
  ]);
  const same = nextStates(first.states, [sample(GIB, GIB), sample(0, GIB, { fileSystem: "2" })]);
  assert.deepEqual(same.changes, []);
  const inodes = nextStates(first.states, [sample(GIB, GIB, { freeInodes: 0 })]);
  assert.deepEqual(inodes.changes.map(({ level, of }) => [level, of]), [["full", "inodes"]]);
  assert.deepEqual([...inodes.states.keys()], ["1"]);
  const well = nextStates(inodes.states, [sample(GIB, GIB)]);
  assert.deepEqual(well.changes.map(({ level, of }) => [level, of]), [["ok", "inodes"]]);
});

const level = fc.constantFrom(...SPACE_LEVELS);
const total = fc.integer({ min: 1, max: 2 ** 45 });
const part = fc.double({ min: 0, max: 1, noNaN: true });

Deno.test("more room never makes a level worse, and the level before only holds it back", () => {
  fc.assert(fc.property(total, part, part, level, (all, a, b, before) => {
    const rank = (l: SpaceLevel) => SPACE_LEVELS.indexOf(l);
    const was = { bytes: before, inodes: "ok" } as const;
    const [less, more] = [Math.min(a, b) * all, Math.max(a, b) * all];
    assert.ok(rank(judge(sample(more, all), was).bytes) <= rank(judge(sample(less, all), was).bytes));
    assert.ok(rank(judge(sample(less, all), WELL).bytes) <= rank(judge(sample(less, all), was).bytes));
  }));
});

Deno.test("a figure that stays changes a level at most once", () => {
  fc.assert(fc.property(total, part, level, (all, free, before) => {
    const once = judge(sample(free * all, all), { bytes: before, inodes: before });
    assert.deepEqual(judge(sample(free * all, all), once), once);
  }));
});

const WAITING = [{ vm: "a", fileSystems: ["1"] }];

/** One look: judges, decides, and gives what is remembered. */
function look(
  samples: readonly SpaceSample[],
  waiting: readonly { vm: string; fileSystems: readonly (string | undefined)[] }[],
  attempts: ReadonlyMap<string, Attempt>,
  now: number,
) {
  return goingOn(waiting, samples, nextStates(new Map(), samples).states, attempts, now);
}

Deno.test("goingOn() lets a guest go on as soon as there is room, and not before", () => {
  assert.deepEqual(look([sample(0, 64 * MIB)], WAITING, new Map(), 0).resume, []);
  assert.deepEqual(look([sample(2 * MIB, 64 * MIB)], WAITING, new Map(), 0).resume, []);
  assert.deepEqual(look([sample(3 * MIB, 64 * MIB)], WAITING, new Map(), 0).resume, ["a"]);
  assert.deepEqual(look([sample(3 * MIB, 64 * MIB, { freeInodes: 0 })], WAITING, new Map(), 0).resume, [
    "a",
  ], "a disk that is there needs no inode");
});

Deno.test("goingOn() lets nobody go on whose file systems are not all known and have room", () => {
  const samples = [sample(GIB, 2 * GIB), sample(0, GIB, { fileSystem: "2" })];
  for (const fileSystems of [["1", "2"], ["1", "3"], ["1", undefined], []]) {
    assert.deepEqual(look(samples, [{ vm: "a", fileSystems }], new Map(), 0).resume, [], String(fileSystems));
  }
});

Deno.test("a guest that can't write although there seems to be room is tried again with a pause that doubles", () => {
  let attempts: ReadonlyMap<string, Attempt> = new Map();
  const at: number[] = [];
  for (let now = 0; now <= 300_000; now += 1000) {
    const done = look([sample(GIB, 10 * GIB)], WAITING, attempts, now);
    attempts = done.attempts;
    if (done.resume.length > 0) at.push(now / 1000);
  }
  assert.deepEqual(at, [0, 2, 6, 14, 30, 62, 122, 182, 242]);
  const later = look([sample(GIB, 10 * GIB)], WAITING, attempts, 242_000 + 2 * LONGEST_PAUSE_MS);
  assert.equal(later.attempts.get("a")?.pauseMs, FIRST_PAUSE_MS, "it ran for a long time: it begins anew");
});

Deno.test("a guest that used up its room goes on at once when there is more again", () => {
  const total = 10 * GIB;
  const first = look([sample(GIB, total)], WAITING, new Map(), 0);
  const empty = look([sample(0, total)], WAITING, first.attempts, 500);
  assert.deepEqual(empty.resume, []);
  assert.deepEqual(look([sample(roomToGoOn(total), total)], WAITING, empty.attempts, 600).resume, ["a"]);
});

Deno.test("no more guests go on at once than there is room for, those that wait longest first", () => {
  const waiting = ["a", "b", "c"].map((vm) => ({ vm, fileSystems: ["1"] }));
  const samples = [sample(300 * MIB, 100 * GIB)];
  const first = look(samples, waiting, new Map(), 0);
  assert.deepEqual(first.resume, ["a", "b"]);
  const second = look(samples, waiting, first.attempts, 5_000);
  assert.deepEqual(second.resume, ["c", "a"]);
});

Deno.test("roomText() names what is short", () => {
  const some = sample(3.9 * MIB, 64 * MIB, { freeInodes: 7, totalInodes: 9 });
  assert.equal(roomText(some, "bytes"), "3 of 64 MiB free");
  assert.equal(roomText(some, "inodes"), "7 of 9 inodes free");
});
