// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task test:faults`: rounds of random actions on several real guests while supervisors, QEMUs, swtpms and clients are
 * killed, disks are full and clocks jump. After each round everything must be right.
 * Usage: main.ts [--rounds N] [--seed N] [--from N] [--guests N] [--minutes N] [--shared]. Exit code 1 when something was not right.
 */
import { parseArgs } from "node:util";
import { Counting } from "./counting.ts";
import { mounts } from "./facts.ts";
import { Figures } from "./figures.ts";
import { finish } from "./finish.ts";
import {
  endWithStarter,
  enter,
  isInside,
  makeOwnPlace,
  makeSharedPlace,
  namespaces,
  type Place,
} from "./place.ts";
import { planRound, planText } from "./plan.ts";
import { carryOut, type Run } from "./round.ts";
import { settle } from "./settle.ts";
import { TrailWatch } from "./trail.ts";
import { GUESTS } from "./guests.ts";
import { World } from "./world.ts";

const DEFAULTS = { rounds: 200, guests: 5 };

interface Options {
  readonly rounds: number;
  readonly seed: number;
  /** Number of the first round: a seed's later rounds without the ones before. */
  readonly from: number;
  readonly guests: number;
  /** No round begins after so many minutes. */
  readonly minutes: number;
  /** Without namespaces, as where there can be none. */
  readonly shared: boolean;
}

function optionsOf(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      shared: { type: "boolean" },
      rounds: text,
      seed: text,
      from: text,
      guests: text,
      minutes: text,
    },
  });
  const number = (name: Exclude<keyof Options, "shared">, otherwise: number): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} wants a whole number`);
    return value;
  };
  return {
    rounds: number("rounds", DEFAULTS.rounds),
    seed: number("seed", Math.floor(Math.random() * 1_000_000)),
    from: number("from", 0),
    guests: Math.min(number("guests", DEFAULTS.guests), GUESTS.length),
    minutes: number("minutes", 24 * 60),
    shared: values.shared ?? false,
  };
}

async function main(options: Options): Promise<number> {
  if (isInside()) {
    void endWithStarter();
    return await run(options, await makeOwnPlace());
  }
  const own = options.shared ? "--shared" : await namespaces();
  if (typeof own === "string") return await run(options, await makeSharedPlace(own));
  return await enter(own.args, new URL(import.meta.url).pathname, ["--seed", String(options.seed)]);
}

async function run(options: Options, place: Place): Promise<number> {
  console.log(`seed ${options.seed}, ${options.rounds} rounds, ${options.guests} guests`);
  for (const lack of place.lacks) console.log(`not brought about here: ${lack}`);
  const world = new World(place, GUESTS.slice(0, options.guests));
  const figures = new Figures();
  let findings: readonly string[];
  try {
    await world.prepare();
    const present = await begin(world, figures);
    findings = await allRounds(present, options);
    if (findings.length === 0) findings = await finish(present);
    figures.supervisors = world.started;
  } finally {
    await world.end();
  }
  console.log(`\n${figures.text()}\n`);
  console.log(findings.length === 0 ? "all is well" : `${findings.length} findings`);
  await place.leave();
  return findings.length === 0 ? 0 : 1;
}

async function begin(world: World, figures: Figures): Promise<Run> {
  const trail = new TrailWatch(world.layout.auditFile);
  if (!await world.startSupervisor()) throw new Error("no supervisor starts");
  await world.defineAll();
  const known = { mounts: mounts(), keptFolders: new Set<string>(), own: world.ownProcesses() };
  const { guests, findings } = await settle(world, trail, known);
  if (findings.length > 0) throw new Error(`not right before the first round: ${findings.join("; ")}`);
  return { world, trail, figures, known, counting: new Counting(world), before: guests, killed: new Set() };
}

async function allRounds(present: Run, { seed, from, rounds, minutes }: Options): Promise<readonly string[]> {
  const { world } = present;
  const deadline = performance.now() + minutes * 60_000;
  const guests = world.guests.map(({ id }) => id);
  for (let number = from; number < from + rounds && performance.now() < deadline; number++) {
    const plan = planRound({ seed, round: number, guests, able: world.place.able });
    const began = performance.now();
    const findings = await carryOut(present, plan, number);
    const took = ((performance.now() - began) / 1000).toFixed(1);
    const faults = plan.faults.map(({ fault }) => fault.kind).join(", ");
    console.log(`round ${number}: ${plan.asks.length} actions; ${faults}; ${took} s`);
    if (findings.length === 0) continue;
    const kept = await world.keep(`${seed}-${number}`);
    console.log(`\nNOT RIGHT in round ${number} of seed ${seed}:`);
    for (const finding of findings) console.log(`  ${finding}`);
    console.log(`\nplanned was:\n${planText(plan)}\n\n${await world.lastWords()}`);
    console.log(`the data root is kept in ${kept}`);
    return findings;
  }
  return [];
}

if (import.meta.main) Deno.exit(await main(optionsOf(Deno.args)));
