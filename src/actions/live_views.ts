/** Live figures of guests as the API gives them: the events of `/v1/live`. Sizes and units stand in the names. */
import type { GuestState } from "../lifecycle/states.ts";

/** What one block node of a guest has read and written since its QEMU started, and how fast it does. */
export interface BlockFigures {
  readonly node: string;
  readonly read_bytes: number;
  readonly written_bytes: number;
  readonly read_ops: number;
  readonly write_ops: number;
  /** Since the sample before; null when there is none to compare with. */
  readonly rates: {
    readonly read_bytes_per_s: number;
    readonly written_bytes_per_s: number;
    readonly read_ops_per_s: number;
    readonly write_ops_per_s: number;
  } | null;
}

/** What one network card of a guest has received (rx) and sent (tx) since it was plugged in: whole frames, as its gateway saw them. */
export interface CardCounters {
  /** QEMU's name of the card. */
  readonly card: string;
  readonly rx_bytes: number;
  readonly tx_bytes: number;
  readonly rx_packets: number;
  readonly tx_packets: number;
}

/** The same, and how fast it does. */
export interface CardFigures extends CardCounters {
  /** Since the sample before; null when there is none to compare with, or its gateway owes its answer. */
  readonly rates: {
    readonly rx_bytes_per_s: number;
    readonly tx_bytes_per_s: number;
    readonly rx_packets_per_s: number;
    readonly tx_packets_per_s: number;
  } | null;
}

export interface CpuFigures {
  /** Processor time of QEMU with all its threads since it started. */
  readonly seconds: number;
  /** Of its vCPUs alone; null until QEMU has said which threads they are. */
  readonly vcpu_seconds: number | null;
  /** Since the sample before, 100 being one whole processor; null when there is none to compare with. */
  readonly percent: number | null;
  readonly vcpu_percent: number | null;
}

export interface MemoryFigures {
  /** What the guest has been given; null when it does not run. */
  readonly assigned_mib: number | null;
  /** What its QEMU takes of the host's memory, QEMU itself included. */
  readonly rss_mib: number | null;
  /** By the guest's own balloon driver, null when it has none: it is the guest's word. */
  readonly inside: {
    readonly total_mib: number;
    readonly available_mib: number;
    /** How long ago the guest said so. */
    readonly age_s: number;
  } | null;
}

export interface GuestFigures {
  readonly id: string;
  readonly state: GuestState;
  /** The guest agent answers. */
  readonly ready: boolean;
  readonly presented: boolean;
  readonly vcpus: number | null;
  /** Null when it does not run, or its process can't be looked at. */
  readonly cpu: CpuFigures | null;
  readonly memory: MemoryFigures;
  /** Null as long as QEMU has not answered. */
  readonly block: readonly BlockFigures[] | null;
  /** Empty without a card; null as long as the gateway of one has not answered. */
  readonly network: readonly CardFigures[] | null;
  /** QEMU did not answer in time: what it is asked for (`block`, `memory.inside`) is as old as `age_ms`. */
  readonly stale: boolean;
  /** Age of QEMU's last answer; null when it has never answered or does not run. */
  readonly age_ms: number | null;
}

/** All guests at one moment. */
export interface LiveSample {
  readonly time: string;
  /** Since the sample before; null for the first. */
  readonly interval_ms: number | null;
  readonly sums: {
    readonly running: number;
    readonly stale: number;
    readonly cpu_percent: number | null;
    readonly rss_mib: number;
  };
  readonly guests: readonly GuestFigures[];
}
