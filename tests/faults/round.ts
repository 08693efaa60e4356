/** One round: actions and faults at once, then what must hold afterwards. */
import type { GuestDetail } from "../../src/actions/views.ts";
import { ApiClient } from "../../src/api/client.ts";
import { hasProcess } from "../../src/lifecycle/states.ts";
import { type Answer, perform } from "./asks.ts";
import type { Known } from "./check.ts";
import type { Counting } from "./counting.ts";
import { type Deeds, untouched, waiting } from "./expect.ts";
import { bringAbout, type Hit, takeBack } from "./faults.ts";
import { guestFolders } from "./facts.ts";
import type { Figures } from "./figures.ts";
import { checkImages } from "./images.ts";
import { type Moment, type Round, throwAways } from "./plan.ts";
import { settle, type Settled } from "./settle.ts";
import type { TrailWatch } from "./trail.ts";
import type { World } from "./world.ts";

export interface Run {
  readonly world: World;
  readonly trail: TrailWatch;
  readonly figures: Figures;
  readonly known: Known;
  readonly counting: Counting;
  /** How the guests were when the last round was over. */
  before: readonly GuestDetail[];
  /** Guests whose QEMU may have been killed since their images were checked. */
  readonly killed: Set<string>;
}

/** Carries a round out. Gives what must not be; nothing when all is well. */
export async function carryOut(run: Run, round: Round, number: number): Promise<string[]> {
  const { world, figures, trail } = run;
  forgetRestarts(world);
  if (round.faults.some(({ fault }) => fault.kind === "clock_jump")) await withFakedClock(world);
  const [answers, hits] = await Promise.all([askAll(world, round), hitAll(world, round)]);
  takeBack(world);
  for (const answer of answers) figures.answered(answer, number);
  for (const hit of hits) figures.hit(hit);
  keepInMind(run, answers, hits);
  const deeds: Deeds = { before: run.before, answers, hits };
  const settled = await settle(
    world,
    trail,
    run.known,
    (guests) => [...untouched(deeds, guests), ...waiting(deeds, guests)],
  );
  figures.recovered(settled.tookMs, number);
  const images = await checkImages(world, settled.guests, run.killed);
  const findings = [
    ...[...answers, ...hits].map(({ fault }) => fault).filter((fault) => fault !== undefined),
    ...settled.findings,
    ...images.findings,
    ...await run.counting.read(deeds, settled.guests),
    ...onRecord(run, answers, settled),
    ...world.diedByThemselves.splice(0),
    ...await byCommands(world),
  ];
  figures.rounds++;
  figures.imagesChecked += images.checked;
  figures.imagesMended += images.mended;
  figures.records = trail.records;
  figures.told = trail.told;
  figures.checks += settled.looks;
  run.before = settled.guests;
  await clearUp(run, settled.guests, number);
  return findings;
}

async function askAll(world: World, { asks }: Round): Promise<Answer[]> {
  const underWay: Promise<Answer>[] = [];
  for (const ask of asks) {
    await pause(ask.gapMs);
    if (ask.alone) await Promise.all(underWay);
    underWay.push(perform(world, ask));
  }
  return await Promise.all(underWay);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Faults that end a supervisor come one after the other: what one of them expects another would spoil. */
async function hitAll(world: World, { faults }: Round): Promise<Hit[]> {
  let last: Promise<unknown> = Promise.resolve();
  return await Promise.all(faults.map(async ({ fault, when }) => {
    await moment(world, when);
    if (!["kill_supervisor", "stop_supervisor", "freeze_supervisor", "restart_full"].includes(fault.kind)) {
      return await bringAbout(world, fault);
    }
    const hit = last.then(() => bringAbout(world, fault));
    last = hit.catch(() => {});
    return await hit;
  }));
}

async function moment(world: World, { afterMs, orEvent }: Moment): Promise<void> {
  const late = pause(afterMs);
  if (orEvent === undefined) return await late;
  const over = new AbortController();
  const client = new ApiClient(world.layout.socket);
  const events = async () => {
    let left = orEvent;
    for await (const _ of await client.events(undefined, over.signal)) if (--left <= 0) return;
    await late;
  };
  await Promise.race([late, events().catch(() => late)]);
  over.abort();
  client.close();
}

/** Only a supervisor that was started here has a clock that can be set. */
async function withFakedClock(world: World): Promise<void> {
  if (world.hasFakedClock) return;
  for (const { pid } of world.cast().supervisors) world.endedByUs.add(pid);
  await world.command("serve", "--stop");
  await world.startSupervisor();
}

/** Restarts after a crash begin anew with each round, or policy would refuse them for an hour. */
function forgetRestarts(world: World): void {
  for (const { id, kind } of world.guests) {
    try {
      Deno.removeSync(world.layout.guest(kind, id).restarts);
    } catch { /* there were none */ }
  }
}

function keepInMind(run: Run, answers: readonly Answer[], hits: readonly Hit[]): void {
  // Any of these ends QEMU by SIGKILL, at the latest when it does not follow.
  const ends = answers.filter(({ ask }) =>
    ["vm.kill", "vm.stop", "vm.start", "vm.suspend"].includes(ask.action)
  );
  for (const { ask } of ends) run.killed.add(String(ask.params.id));
  for (const { guests } of hits) for (const id of guests) run.killed.add(id);
  for (const { ask } of answers) {
    if (ask.action === "vm.delete" && ask.params.disks === false) {
      run.known.keptFolders.add(String(ask.params.id));
    }
  }
}

/** What was answered well has its beginning in the trail, and every supervisor that is gone was ended by us. */
function onRecord({ trail, world }: Run, answers: readonly Answer[], settled: Settled): string[] {
  const found: string[] = [];
  for (const { ask, outcome, pid } of answers) {
    if (outcome !== "ok" || pid === undefined || !isChange(ask.action)) continue;
    if (!trail.began(pid, ask.action)) found.push(`${ask.action} by ${pid} was done, and is not on record`);
  }
  trail.forgetClients();
  for (const pid of trail.diedSupervisors(settled.supervisor)) {
    if (!world.endedByUs.has(pid)) found.push(`supervisor ${pid} has ended, and nobody ended it`);
  }
  return found;
}

function isChange(action: string): boolean {
  return !["status", "vm.list", "vm.show", "vm.firmware"].includes(action);
}

/** The program's own word on registry and audit trail. */
async function byCommands(world: World): Promise<string[]> {
  const found: string[] = [];
  for (const args of [["audit", "verify"], ["registry", "validate"]]) {
    const { code, text } = await world.command(...args);
    if (code !== 0) found.push(`${args.join(" ")} ends with ${code}: ${text.trim()}`);
  }
  return found;
}

/** What a round has defined goes with it, by the program where it knows of it; disks that are worn out are made anew. */
async function clearUp(run: Run, guests: readonly GuestDetail[], number: number): Promise<void> {
  const { world } = run;
  for (const { id, state } of guests.filter(({ id }) => throwAways(number).includes(id))) {
    if (hasProcess(state)) await world.command("vm", "kill", id);
    await world.command("vm", "delete", id, "--yes", "--disks");
  }
  for (const { id, wearsOut, prepare } of world.guests) {
    const state = guests.find((guest) => guest.id === id)?.state;
    if (wearsOut && (state === "stopped" || state === "crashed")) await prepare?.(world.place.root);
  }
  const lasting = new Set(world.guests.map(({ id }) => id));
  for (const id of guestFolders(world.layout)) {
    if (!lasting.has(id)) await Deno.remove(`${world.place.root}/vm/linux/${id}`, { recursive: true });
  }
  run.known.keptFolders.clear();
  run.before = guests.filter(({ id }) => lasting.has(id));
}
