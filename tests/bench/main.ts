// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task bench`: how much the program costs beyond what can't be had for less, measured side by side on the machine
 * at hand. Absolute times say little about another machine; differences and ratios do.
 * Usage: main.ts [--json]. A goal that is missed is reported and is no failure.
 */
import { benchHerd } from "./herd.ts";
import { benchList } from "./list.ts";
import { benchMemory } from "./memory.ts";
import { withPlace } from "./place.ts";
import { goalsOf, type Report, textOf } from "./report.ts";
import { benchPolicy } from "./policy.ts";
import { benchStart } from "./start.ts";

const START_ROUNDS = { warmUp: 2, counted: 15 };
const LIST_ROUNDS = { warmUp: 3, counted: 25 };
const MEMORY_ROUNDS = 3;
const HERD_ROUNDS = { guests: 50, starts: 10, looks: 20, events: 400, idleSeconds: 60 };
const POLICY_ROUNDS = { warmUp: 2, counted: 15 };

const report = await withPlace(async (place): Promise<Report> => {
  console.error("bench: policy ...");
  const policy = await benchPolicy(place, POLICY_ROUNDS);
  console.error("bench: vm list ...");
  const list = await benchList(place, LIST_ROUNDS);
  console.error("bench: memory ...");
  const memory = await benchMemory(place, MEMORY_ROUNDS);
  console.error("bench: vm start ...");
  const start = await benchStart(place, START_ROUNDS);
  console.error("bench: 50 guests ...");
  const herd = await benchHerd(HERD_ROUNDS);
  return { start, list, memory, policy, herd };
});
console.log(
  Deno.args.includes("--json") ? JSON.stringify({ ...report, goals: goalsOf(report) }) : textOf(report),
);
