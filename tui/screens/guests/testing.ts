/** Guests, figures and models for tests of this screen. */
import type { CardFigures, GuestFigures, LiveSample } from "../../../src/actions/live_views.ts";
import type { GuestDetail, GuestView, StatusView } from "../../../src/actions/views.ts";
import type { LoggedEvent } from "../../../src/audit/log.ts";
import { hasProcess } from "../../../src/lifecycle/states.ts";
import type { PolicyRevision, VmId } from "../../../src/core/ids.ts";
import type { Model, Series } from "../../model.ts";
import { TEST_NOW, testModel } from "../../testing.ts";
import { type GuestsState, INIT } from "./state.ts";

const MINUTE = 60_000;

export function testGuest(id: string, change: Partial<GuestView> = {}): GuestView {
  const state = change.state ?? "stopped";
  const runs = hasProcess(state);
  return {
    id,
    name: id,
    kind: "linux",
    state,
    problem: null,
    pause_reason: state === "paused" ? "operator" : null,
    ready: false,
    presented: false,
    provision: null,
    network: "off",
    policy_profile: "default-linux",
    vcpu: 1,
    memory_mib: 1024,
    accelerator: runs ? "kvm" : null,
    pid: runs ? 4711 : null,
    started_at: runs ? new Date(TEST_NOW - 12 * MINUTE).toISOString() : null,
    notes: [],
    ...change,
  };
}

export function testFigures(id: string, change: Partial<GuestFigures> = {}): GuestFigures {
  return {
    id,
    state: "running",
    ready: true,
    presented: false,
    vcpus: 1,
    cpu: { seconds: 10, vcpu_seconds: 9, percent: 12.4, vcpu_percent: 11 },
    memory: { assigned_mib: 1024, rss_mib: 412, inside: { total_mib: 1000, available_mib: 600, age_s: 3 } },
    block: [{
      node: "root",
      read_bytes: 50 * 1024 * 1024,
      written_bytes: 1024 * 1024,
      read_ops: 1200,
      write_ops: 80,
      rates: {
        read_bytes_per_s: 1024 * 1024,
        written_bytes_per_s: 512 * 1024,
        read_ops_per_s: 20,
        write_ops_per_s: 4,
      },
    }],
    network: [],
    stale: false,
    age_ms: 200,
    ...change,
  };
}

/** A card that receives much and sends little. */
export const TEST_CARD: CardFigures = {
  card: "card-rp0",
  rx_bytes: 300 * 1024 * 1024,
  tx_bytes: 6 * 1024 * 1024,
  rx_packets: 210_000,
  tx_packets: 90_000,
  rates: {
    rx_bytes_per_s: 3 * 1024 * 1024,
    tx_bytes_per_s: 512 * 1024,
    rx_packets_per_s: 2_000,
    tx_packets_per_s: 900,
  },
};

export const TEST_SERIES: Series = {
  cpu: [0, 5, 10, 40, 80, 100, 30, 12],
  disk: [0, 0, 100_000, 900_000, 1_572_864, 400_000, 0, 1_572_864],
  net: [],
};

export function testStatus(guests: readonly GuestView[], change: Partial<StatusView> = {}): StatusView {
  const running = guests.filter(({ state }) => hasProcess(state));
  return {
    supervisor: {
      version: "0.1.0",
      pid: 100,
      root: "/var/rayos",
      started_at: new Date(TEST_NOW - 60 * MINUTE).toISOString(),
      uptime_s: 3600,
    },
    policy: {
      revision: "0123456789abcdef" as PolicyRevision, // a revision of no file
      safe_mode: false,
      problem: null,
      signed_by: null,
    },
    host: { cpus: 8, memory_mib: 16384, accelerator: "kvm", accelerator_why: "it works" },
    audit: { seq: 12, unavailable_since: null },
    sums: {
      running: running.length,
      max_running: 10,
      vcpus: running.length,
      memory_mib: running.length * 1024,
      memory_limit_mib: 8192,
      cpu_percent: 10,
      cpu_limit_percent: 100,
    },
    enforcement: { mode: "none", why: "a test" } as StatusView["enforcement"], // nobody looks at it here
    states: {},
    presented: guests.find(({ presented }) => presented)?.id ?? null,
    storage: [],
    guests,
    provisioning: [],
    ...change,
  };
}

/** A connected UI that shows these guests. */
export function guestsModel(
  guests: readonly GuestView[],
  state: Partial<GuestsState> = {},
  change: Partial<Model> = {},
): Model {
  const model = testModel({
    connection: { kind: "connected", since: TEST_NOW },
    status: testStatus(guests),
    guests,
    ...change,
  });
  return { ...model, screens: { ...model.screens, guests: { ...INIT, ...state } } };
}

/** Six guests, one in each state that an operator meets. */
export const SIX: readonly GuestView[] = [
  testGuest("build", { state: "running", ready: true, vcpu: 2 }),
  testGuest("db", {
    state: "paused",
    notes: ["paused: an operator asked for it; `vm resume` lets it run on"],
  }),
  testGuest("gate-1", {
    kind: "windows",
    name: "Windows gate",
    state: "running",
    ready: true,
    presented: true,
    memory_mib: 4096,
    accelerator: "tcg",
    notes: ["runs in software emulation, about ten times slower"],
  }),
  testGuest("mail", { state: "crashed", problem: "QEMU ended by signal SIGSEGV" }),
  testGuest("old", {
    state: "broken",
    kind: null,
    vcpu: null,
    memory_mib: null,
    policy_profile: null,
    problem: "storage.disks.root: vm/linux/old/disk.qcow2 is not there",
  }),
  testGuest("web", { state: "suspended" }),
];

export const SIX_FIGURES: Model["figures"] = new Map([
  ["build", testFigures("build")],
  ["gate-1", testFigures("gate-1", { stale: true, age_ms: 12_400, presented: true })],
]);

export const SIX_SERIES: Model["series"] = new Map([["build", TEST_SERIES], ["gate-1", TEST_SERIES]]);

export function testEvent(
  seconds: number,
  event: string,
  fields: LoggedEvent["fields"],
  level: LoggedEvent["level"] = "info",
): LoggedEvent {
  return {
    time: new Date(TEST_NOW - seconds * 1000).toISOString(),
    level,
    component: "supervisor",
    event,
    fields,
  };
}

export function testDetail(guest: GuestView, change: Partial<GuestDetail> = {}): GuestDetail {
  return {
    ...guest,
    record: {
      id: guest.id as VmId, // ids of tests are ids
      name: guest.name,
      type: guest.kind ?? "linux",
      state: "running",
      storage: {
        disks: { root: `vm/linux/${guest.id}/disk.qcow2` },
        ovmf_vars: `vm/linux/${guest.id}/ovmf_vars.qcow2`,
      },
      devices: {
        vcpu: 2,
        memory_mb: 1024,
        network: { enabled: false },
        tpm: { enabled: true },
        secure_boot: true,
      },
      machine: "pc-q35-7.2",
      policy_profile: "default-linux",
    },
    rights: null,
    problems: [],
    live: {
      status: "running",
      vcpus: [{ index: 0, thread_id: 4712 }],
      memory: { assigned_mib: 1024 },
      block: [{
        node: "root",
        read_bytes: 52_428_800,
        written_bytes: 1_048_576,
        read_ops: 1200,
        write_ops: 80,
      }],
      network: [],
      tpm: ["2.0"],
      agent: { os: { id: "debian", name: "Debian \x1b[31mGNU/Linux\x1b[0m 12\u202e" } },
      unanswered: [],
    },
    crash_report: null,
    serial_tail: ["[    0.0] Linux version 6.1", "build login: \x1b]0;owned\x07"],
    ...change,
  };
}

/** Figures of all of them, as they come once a second. */
export function testSample(guests: readonly GuestView[]): LiveSample {
  return {
    time: "2026-01-31T12:00:00Z",
    interval_ms: 1000,
    sums: { running: 0, stale: 0, cpu_percent: null, rss_mib: 0 },
    guests: guests.map(({ id, state, ready, presented }) => testFigures(id, { state, ready, presented })),
  };
}
