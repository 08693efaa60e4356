/** Answers of a supervisor for tests of the terminal UI. */
import type { GuestFigures, LiveSample } from "../../src/actions/live_views.ts";
import type { GuestView, JobView, StatusView } from "../../src/actions/views.ts";
import type { LoggedEvent } from "../../src/audit/log.ts";

export function guestView(id: string, change: Partial<GuestView> = {}): GuestView {
  return {
    id,
    name: id,
    kind: "linux",
    state: "stopped",
    problem: null,
    pause_reason: null,
    ready: false,
    presented: false,
    provision: null,
    network: "off",
    policy_profile: "default-linux",
    vcpu: 1,
    memory_mib: 512,
    accelerator: null,
    pid: null,
    started_at: null,
    notes: [],
    ...change,
  };
}

export function statusView(guests: readonly GuestView[], change: Partial<StatusView> = {}): StatusView {
  const running = guests.filter((guest) => guest.state === "running");
  const sum = (of: (guest: GuestView) => number | null) =>
    running.reduce((so, one) => so + (of(one) ?? 0), 0);
  return {
    supervisor: {
      version: "0.1.0",
      pid: 4242,
      root: "/var/rayos",
      started_at: "2026-01-31T11:00:00.000Z",
      uptime_s: 3600,
    },
    policy: { revision: "3f2a91c04be7", safe_mode: false, problem: null, signed_by: null },
    host: { cpus: 8, memory_mib: 32768, accelerator: "kvm", accelerator_why: "KVM works" },
    audit: { seq: 12, unavailable_since: null },
    sums: {
      running: running.length,
      max_running: 8,
      vcpus: sum(({ vcpu }) => vcpu),
      memory_mib: sum(({ memory_mib }) => memory_mib),
      memory_limit_mib: 16384,
      cpu_percent: 100 * running.length,
      cpu_limit_percent: 800,
    },
    enforcement: { mode: "none", controllers: [], missing: [], why: "a test" },
    states: {},
    presented: guests.find((guest) => guest.presented)?.id ?? null,
    storage: [],
    guests,
    provisioning: [],
    ...change,
  };
}

export function figuresOf(guest: GuestView, percent: number): GuestFigures {
  const { id, state, ready, presented, vcpu: vcpus } = guest;
  const runs = state === "running" || state === "paused";
  return {
    ...{ id, state, ready, presented, vcpus },
    cpu: runs ? { seconds: 1, vcpu_seconds: 1, percent, vcpu_percent: percent } : null,
    memory: { assigned_mib: runs ? guest.memory_mib : null, rss_mib: runs ? 300 : null, inside: null },
    block: null,
    network: [],
    stale: false,
    age_ms: runs ? 3 : null,
  };
}

export function sampleOf(guests: readonly GuestView[], percent = 10): LiveSample {
  return {
    time: "2026-01-31T12:00:00.000Z",
    interval_ms: 1000,
    sums: { running: 0, stale: 0, cpu_percent: percent, rss_mib: 0 },
    guests: guests.map((guest) => figuresOf(guest, percent)),
  };
}

export function eventOf(event: string, fields: LoggedEvent["fields"] = {}): LoggedEvent {
  return { time: "2026-01-31T12:00:00.000Z", level: "info", component: "test", event, fields };
}

export function jobView(change: Partial<JobView> = {}): JobView {
  return {
    job: "0b6f1c1e-6a3e-4a52-9d2b-0c7f6b1c2d3e",
    action: "vm.stop",
    vm: "web-1",
    state: "running",
    actor: "local",
    asked_at: "2026-01-31T11:59:50.000Z",
    started_at: "2026-01-31T11:59:50.000Z",
    progress: "asked by ACPI",
    ...change,
  };
}
