/**
 * A supervisor that is none: the control API on a data root's socket over guests that are only figures, and that change as often
 * as is wished. For what a client costs when there are many of them.
 */
import type { GuestFigures, LiveSample } from "../../src/actions/live_views.ts";
import type { GuestDetail, GuestView, StatusView } from "../../src/actions/views.ts";
import { controlApi, type ControlTarget } from "../../src/api/server.ts";
import type { ActionId } from "../../src/actions/table.ts";
import type { LoggedEvent } from "../../src/audit/log.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import { fail } from "../../src/core/problem.ts";
import { Counters } from "../../src/metrics/counters.ts";

const MEMORY_MIB = 1024;
const LIVE_MS = 1_000;

export class BusySupervisor implements ControlTarget, AsyncDisposable {
  readonly version = "0.1.0";
  readonly safeMode = null;
  readonly counters = new Counters();
  /** Requests so far, by action: what a client asks for. */
  readonly asked = new Map<ActionId, number>();
  readonly #guests: GuestView[];
  readonly #events = new Set<(event: LoggedEvent) => void>();
  readonly #samples = new Set<(sample: LiveSample) => void>();
  readonly #ends = new Set<() => void>();
  readonly #server: Deno.HttpServer<Deno.UnixAddr>;
  readonly #timers: number[] = [];
  #turn = 0;
  #second = 0;

  /** `root`: the data root, whose `run` folder is there. */
  constructor(readonly root: string, guests: number) {
    this.#guests = Array.from({ length: guests }, (_, i) => guestOf(i));
    this.#server = Deno.serve(
      { path: `${root}/run/rayvisor.sock`, onListen: () => {} },
      controlApi(this),
    );
  }

  /** From now on one guest changes so often a second, in the order of their ids, and figures come once a second. */
  begin(changesPerSecond: number): void {
    if (changesPerSecond > 0) {
      this.#timers.push(setInterval(() => this.change(), 1_000 / changesPerSecond));
    }
    this.#timers.push(setInterval(() => this.sample(), LIVE_MS));
  }

  /** One guest is paused or runs on, and an event says so. */
  change(): void {
    const at = (this.#turn++ * 7) % this.#guests.length;
    const guest = this.#guests[at];
    if (guest === undefined) return;
    const isPaused = guest.state === "paused";
    this.#guests[at] = {
      ...guest,
      state: isPaused ? "running" : "paused",
      pause_reason: isPaused ? null : "operator",
      ready: isPaused,
    };
    this.tell(isPaused ? "RAYOS_VM:resume" : "RAYOS_VM:pause", guest.id);
  }

  /** Tells an event, of a guest or of the host. */
  tell(event: string, vm?: string): void {
    const logged: LoggedEvent = {
      time: new Date().toISOString(),
      level: "info",
      component: "supervisor",
      event,
      fields: vm === undefined ? {} : { vm, kind: "linux" },
    };
    for (const tell of this.#events) tell(logged);
  }

  /** Figures of all guests, each other than before. */
  sample(): void {
    this.#second++;
    const guests = this.#guests.map((guest, i) => figuresOf(guest, i, this.#second));
    const sample: LiveSample = {
      time: new Date().toISOString(),
      interval_ms: LIVE_MS,
      sums: { running: guests.length, stale: 0, cpu_percent: 100, rss_mib: guests.length * 300 },
      guests,
    };
    for (const tell of this.#samples) tell(sample);
  }

  perform(action: ActionId, params: unknown): Promise<unknown> {
    this.asked.set(action, (this.asked.get(action) ?? 0) + 1);
    return Promise.resolve(this.#answer(action, params));
  }

  #answer(action: ActionId, params: unknown): unknown {
    switch (action) {
      case "status":
        return statusOf(this.root, this.#guests);
      case "vm.list":
        return this.#guests;
      case "vm.show": {
        const { id } = params as { id: string }; // the API's own route has it
        const guest = this.#guests.find((one) => one.id === id);
        return guest === undefined ? fail("not_found", `no guest ${id}`) : detailOf(guest);
      }
      case "job.list":
        return [];
      default:
        return fail("not_found", `this supervisor does not know ${action}`);
    }
  }

  turnAway(): void {}

  listen(listener: (event: LoggedEvent) => void, ended: () => void): () => void {
    return this.#follow(this.#events, listener, ended);
  }

  live(listener: (sample: LiveSample) => void, ended: () => void): () => void {
    return this.#follow(this.#samples, listener, ended);
  }

  followSerial(_vm: string, _listener: (bytes: Uint8Array) => void, ended: () => void): () => void {
    ended();
    return () => {};
  }

  metrics(): Promise<string> {
    return Promise.resolve("");
  }

  #follow<T>(all: Set<(one: T) => void>, listener: (one: T) => void, ended: () => void): () => void {
    all.add(listener);
    this.#ends.add(ended);
    return () => {
      all.delete(listener);
      this.#ends.delete(ended);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const end of this.#ends) end();
    await this.#server.shutdown();
  }
}

function guestOf(i: number): GuestView {
  const id = `guest-${String(i).padStart(3, "0")}`;
  return {
    id,
    name: `Guest number ${i}`,
    kind: i % 4 === 3 ? "windows" : "linux",
    state: "running",
    problem: null,
    pause_reason: null,
    ready: true,
    presented: i === 0,
    provision: null,
    network: i % 3 === 0 ? "office" : "off",
    policy_profile: "default-linux",
    vcpu: 1 + i % 4,
    memory_mib: MEMORY_MIB,
    accelerator: "kvm",
    pid: 10_000 + i,
    started_at: new Date(Date.now() - i * 61_000).toISOString(),
    notes: i % 10 === 0 ? ["policy lowered memory from 2048 MiB to 1024 MiB (memory_cap)"] : [],
  };
}

function figuresOf(
  { id, state, ready, presented, network, vcpu }: GuestView,
  i: number,
  second: number,
): GuestFigures {
  const percent = (i * 13 + second * 29) % 100;
  const rate = ((i * 7 + second * 3) % 50) * 100_000;
  return {
    id,
    state,
    ready,
    presented,
    vcpus: vcpu,
    cpu: { seconds: second, vcpu_seconds: second, percent, vcpu_percent: percent },
    memory: {
      assigned_mib: MEMORY_MIB,
      rss_mib: 300 + (i + second) % 50,
      inside: { total_mib: 1000, available_mib: 600 - (second % 20), age_s: 1 },
    },
    block: [{
      node: "root",
      read_bytes: second * rate,
      written_bytes: second * rate,
      read_ops: second * 10,
      write_ops: second * 10,
      rates: {
        read_bytes_per_s: rate,
        written_bytes_per_s: rate,
        read_ops_per_s: 10,
        write_ops_per_s: 10,
      },
    }],
    network: network === "off" ? [] : [{
      card: "card-rp0",
      rx_bytes: second * rate,
      tx_bytes: second * rate,
      rx_packets: second * 10,
      tx_packets: second * 10,
      rates: {
        rx_bytes_per_s: rate,
        tx_bytes_per_s: rate,
        rx_packets_per_s: 10,
        tx_packets_per_s: 10,
      },
    }],
    stale: false,
    age_ms: 100,
  };
}

function detailOf(guest: GuestView): GuestDetail {
  return {
    ...guest,
    record: null,
    rights: null,
    problems: [],
    live: null,
    crash_report: null,
    serial_tail: Array.from({ length: 20 }, (_, i) => `[    ${i}.000000] a line of the serial console`),
  };
}

function statusOf(root: string, guests: readonly GuestView[]): StatusView {
  return {
    supervisor: {
      version: "0.1.0",
      pid: Deno.pid,
      root,
      started_at: new Date().toISOString(),
      uptime_s: 60,
    },
    policy: {
      revision: "0123456789abcdef" as PolicyRevision, // a revision of no file
      safe_mode: false,
      problem: null,
      signed_by: null,
    },
    host: { cpus: 64, memory_mib: 512 * 1024, accelerator: "kvm", accelerator_why: "it works" },
    audit: { seq: 12, unavailable_since: null },
    sums: {
      running: guests.length,
      max_running: 500,
      vcpus: guests.length,
      memory_mib: guests.length * MEMORY_MIB,
      memory_limit_mib: 400 * 1024,
      cpu_percent: 100,
      cpu_limit_percent: null,
    },
    enforcement: { mode: "none", why: "these guests are only figures" } as StatusView["enforcement"], // no client looks into it
    states: { running: guests.length },
    presented: guests[0]?.id ?? null,
    storage: [],
    guests,
    provisioning: [],
  };
}
