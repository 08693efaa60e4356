/**
 * One guest against many: start, stop and status with the supervisor holding one guest and holding a herd, the way of an event
 * from QEMU to a client, and what the supervisor takes while nothing happens. Guests boot nothing.
 */
import { eachOf, type Herd, withHerd } from "../scale/herd.ts";
import { eventLatencies, type Idle, idleOf, millisecondsOf, timesOf } from "../scale/measures.ts";
import { compare, type Comparison, percentile } from "./stats.ts";

export interface HerdRounds {
  readonly guests: number;
  readonly starts: number;
  readonly looks: number;
  readonly events: number;
  readonly idleSeconds: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
}

export interface HerdReport {
  readonly guests: number;
  /** Milliseconds with the herd (subject) against one guest alone (yardstick). */
  readonly start: Comparison;
  readonly stop: Comparison;
  readonly status: Comparison;
  readonly statusCommand: Comparison;
  /** Milliseconds from QEMU's time of an event, with the herd: at a client of the stream, and at one of QEMU itself. */
  readonly event: Percentiles;
  readonly monitor: Percentiles;
  readonly idle: Idle;
}

interface Taken {
  readonly start: number[];
  readonly stop: number[];
  readonly status: number[];
  readonly statusCommand: number[];
}

export async function benchHerd(rounds: HerdRounds): Promise<HerdReport> {
  let report: HerdReport | undefined;
  await withHerd(rounds.guests, async (herd) => {
    const { ids: [first = ""], client } = herd;
    const start = (id: string) => client.perform("vm.start", { id });
    await take(herd, first, { ...rounds, starts: 2, looks: 5 }); // caches fill
    const alone = await take(herd, first, rounds);
    await eachOf(herd.ids.slice(1), start);
    const many = await take(herd, first, rounds);
    await start(first);
    const { stream, monitor } = await eventLatencies(herd, rounds.events);
    report = {
      guests: rounds.guests,
      start: compare(many.start, alone.start),
      stop: compare(many.stop, alone.stop),
      status: compare(many.status, alone.status),
      statusCommand: compare(many.statusCommand, alone.statusCommand),
      event: percentilesOf(stream),
      monitor: percentilesOf(monitor),
      idle: await idleOf(herd.pid, rounds.idleSeconds),
    };
  }, { monitors: true });
  if (!report) throw new Error("the herd was not measured");
  return report;
}

/** Starts and stops one guest again and again, and looks while it runs. */
async function take({ client, rig }: Herd, id: string, rounds: HerdRounds): Promise<Taken> {
  const taken: Taken = { start: [], stop: [], status: [], statusCommand: [] };
  for (let round = 0; round < rounds.starts; round++) {
    taken.start.push(await millisecondsOf(() => client.perform("vm.start", { id })));
    if (round === rounds.starts - 1) {
      taken.status.push(...await timesOf(rounds.looks, () => client.perform("status")));
      taken.statusCommand.push(...await timesOf(rounds.looks, () => rig.ok("status")));
    }
    taken.stop.push(await millisecondsOf(() => client.perform("vm.stop", { id, grace_s: 0 })));
  }
  return taken;
}

export function percentilesOf(values: readonly number[]): Percentiles {
  return { p50: percentile(values, 50), p99: percentile(values, 99), n: values.length };
}
