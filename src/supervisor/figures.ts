/**
 * Figures of a guest out of what was read of it, and of what was read before: pure. Where they come from is
 * `sampler.ts`.
 */
import type {
  BlockFigures,
  CardCounters,
  CardFigures,
  CpuFigures,
  GuestFigures,
} from "../actions/live_views.ts";
import type { GuestState } from "../lifecycle/states.ts";
import { MIB } from "../core/units.ts";

/** Kernel clock ticks in a second: `sysconf(_SC_CLK_TCK)`, the same on every x86-64 Linux. proc(5) */
const TICKS_PER_S = 100;
/** The only page size of x86-64, whose QEMU is the one that this program starts. */
const PAGE_BYTES = 4096;

/** A line of `/proc/PID/stat` or `/proc/PID/task/TID/stat`. proc(5) */
export interface ProcessTimes {
  /** Of the process, or of the thread. */
  readonly pid: number;
  readonly startTicks: number;
  /** User and system time. */
  readonly ticks: number;
  readonly rssBytes: number;
}

/** What several such files say, one after the other; lines that make no sense are left out. */
export function parseProcessTimes(text: string): ProcessTimes[] {
  return text.split("\n").flatMap((line) => {
    // The name in brackets may hold brackets and blanks, but no line break: the kernel writes that as \n. proc(5)
    const pid = /^(\d+) \(/.exec(line)?.[1];
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number);
    const [utime = NaN, stime = NaN, startTicks = NaN, pages = NaN] = [
      fields[11],
      fields[12],
      fields[19],
      fields[21],
    ];
    const times = { pid: Number(pid), startTicks, ticks: utime + stime, rssBytes: pages * PAGE_BYTES };
    return Object.values(times).every((value) => Number.isSafeInteger(value) && value >= 0) ? [times] : [];
  });
}

/** Counters of one block node since QEMU started. */
export type BlockCounters = Omit<BlockFigures, "rates">;

/** What a gateway answered. */
export interface CardReading {
  /** Milliseconds by the gateway's own clock: an answer that was long on its way makes no wrong rate. */
  readonly at: number;
  /** Which one it is: another begins anew, whatever its card is called. */
  readonly gateway: object;
  readonly counters: CardCounters;
}

/** What the guest's balloon driver said, and when by the host's clock. */
export interface InsideMemory {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Seconds since 1970. */
  readonly saidAt: number;
}

/** What QEMU answered. `at`: milliseconds of a clock that never goes back. */
export interface QemuReading {
  readonly at: number;
  readonly block: readonly BlockCounters[];
  readonly inside: InsideMemory | null;
}

/** What the kernel said of QEMU's process. `at` as above. */
export interface ProcessReading {
  readonly at: number;
  readonly ticks: number;
  /** Null while it is not known which threads are vCPUs. */
  readonly vcpuTicks: number | null;
  readonly rssBytes: number;
}

/** Everything that one sample knows of a guest's run. */
export interface Reading {
  readonly process: ProcessReading | null;
  /** The last answer, however old; null when there was none. */
  readonly qemu: QemuReading | null;
  /** It was asked for this sample and has not answered in time. */
  readonly stale: boolean;
  /** The last answers for its cards; null when one has never had any. */
  readonly network: readonly CardReading[] | null;
}

export const NO_READING: Reading = { process: null, qemu: null, stale: false, network: [] };

/** What the supervisor knows of a guest without asking anybody. */
export interface Known {
  readonly id: string;
  readonly state: GuestState;
  readonly ready: boolean;
  readonly presented: boolean;
  readonly vcpus: number | null;
  readonly memoryMib: number | null;
}

/**
 * Figures at `now`. `before` is the reading of the sample before of this same run; without it there are no rates. `at` and
 * `now` are of the same clock, `wallMs` is the time of day.
 */
export function figuresOf(
  known: Known,
  reading: Reading,
  before: Reading | undefined,
  now: { readonly at: number; readonly wallMs: number },
): GuestFigures {
  const { id, state, ready, presented, vcpus } = known;
  const { process, qemu, stale } = reading;
  const inside = qemu?.inside;
  return {
    id,
    state,
    ready,
    presented,
    vcpus,
    cpu: process && cpuOf(process, before?.process ?? null),
    memory: {
      assigned_mib: known.memoryMib,
      rss_mib: process && Math.round(process.rssBytes / MIB),
      inside: inside
        ? {
          total_mib: Math.round(inside.totalBytes / MIB),
          available_mib: Math.round(inside.availableBytes / MIB),
          age_s: Math.max(0, Math.round(now.wallMs / 1000 - inside.saidAt)),
        }
        : null,
    },
    block: qemu && qemu.block.map((node) => blockOf(node, reading, before)),
    network: reading.network &&
      reading.network.map((card) =>
        cardOf(card, before?.network?.find(({ gateway }) => gateway === card.gateway))
      ),
    stale,
    age_ms: qemu && Math.max(0, Math.round(now.at - qemu.at)),
  };
}

function cpuOf(now: ProcessReading, before: ProcessReading | null): CpuFigures {
  const seconds = (ticks: number | null) => ticks === null ? null : ticks / TICKS_PER_S;
  const percent = (pick: (reading: ProcessReading) => number | null) => {
    const to = seconds(pick(now)), from = before && seconds(pick(before));
    if (to === null || from === null || !before || now.at <= before.at || to < from) return null;
    return round((to - from) / ((now.at - before.at) / 1000) * 100);
  };
  return {
    seconds: now.ticks / TICKS_PER_S,
    vcpu_seconds: seconds(now.vcpuTicks),
    percent: percent(({ ticks }) => ticks),
    vcpu_percent: percent(({ vcpuTicks }) => vcpuTicks),
  };
}

function blockOf(now: BlockCounters, reading: Reading, before: Reading | undefined): BlockFigures {
  const earlier = before?.qemu?.block.find(({ node }) => node === now.node);
  const at = reading.qemu?.at ?? 0, from = before?.qemu?.at ?? 0;
  const rates = (): BlockFigures["rates"] => {
    if (!earlier || reading.stale) return null;
    // The same answer as before, and not because QEMU owes one: the guest stands still.
    const s = at > from ? (at - from) / 1000 : Infinity;
    const per = (key: Exclude<keyof BlockCounters, "node">) => round((now[key] - earlier[key]) / s);
    const all = {
      read_bytes_per_s: per("read_bytes"),
      written_bytes_per_s: per("written_bytes"),
      read_ops_per_s: per("read_ops"),
      write_ops_per_s: per("write_ops"),
    };
    return Object.values(all).some((rate) => rate < 0) ? null : all;
  };
  return { ...now, rates: rates() };
}

/** The same answer as before is one that the gateway owes: it has always something new to say. */
function cardOf({ at, counters }: CardReading, before: CardReading | undefined): CardFigures {
  const rates = (): CardFigures["rates"] => {
    if (!before || at <= before.at) return null;
    const s = (at - before.at) / 1000;
    const per = (key: Exclude<keyof CardCounters, "card">) =>
      round((counters[key] - before.counters[key]) / s);
    const all = {
      rx_bytes_per_s: per("rx_bytes"),
      tx_bytes_per_s: per("tx_bytes"),
      rx_packets_per_s: per("rx_packets"),
      tx_packets_per_s: per("tx_packets"),
    };
    return Object.values(all).some((rate) => rate < 0) ? null : all;
  };
  return { ...counters, rates: rates() };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Sums over guests; the share of the processors is null as long as no guest's is known. */
export function sumsOf(guests: readonly GuestFigures[]): {
  running: number;
  stale: number;
  cpu_percent: number | null;
  rss_mib: number;
} {
  const percents = guests.flatMap(({ cpu }) => cpu?.percent ?? []);
  return {
    running: guests.filter(({ memory }) => memory.assigned_mib !== null).length,
    stale: guests.filter(({ stale }) => stale).length,
    cpu_percent: percents.length === 0 ? null : round(percents.reduce((sum, percent) => sum + percent, 0)),
    rss_mib: guests.reduce((sum, { memory }) => sum + (memory.rss_mib ?? 0), 0),
  };
}
