/** NAT of the guest's datagrams: each pair of ends has a socket outside, which takes answers from just that other end. */
import type { Clock } from "../ports/clock.ts";
import type { UdpSocket } from "../ports/internet.ts";
import { type Ip, ipText } from "../core/ipv4.ts";
import type { FlowKey } from "./tcp_flows.ts";

/** Pairs of ends at once; the one that has been silent longest makes room. */
export const MAX_PAIRS = 256;
/** A pair is forgotten after so long without a word. Half the shortest time of RFC 4787, 4.3 is what many routers give. */
const SILENT_MS = 60_000;
/** Datagrams of one pair that may wait for the kernel. */
const MAX_SENDING = 32;

export interface UdpPorts {
  readonly clock: Clock;
  readonly open: () => UdpSocket;
  /** A datagram for the guest, from `dst` and `dstPort` of the pair. */
  readonly deliver: (pair: FlowKey, data: Uint8Array) => void;
  readonly failed: (pair: FlowKey, error: unknown) => void;
}

interface Pair {
  readonly key: FlowKey;
  readonly socket: UdpSocket;
  heard: number;
  sending: number;
  unwatch: () => void;
}

export class UdpFlows {
  /** In the order in which they were heard last. */
  readonly #pairs = new Map<string, Pair>();
  #closed = false;

  constructor(private readonly ports: UdpPorts) {}

  get size(): number {
    return this.#pairs.size;
  }

  /** A datagram of the guest. `mayOpen` is asked only where the pair is a new one. */
  take(key: FlowKey, data: Uint8Array, mayOpen: () => boolean): void {
    const name = nameOf(key);
    const known = this.#pairs.get(name);
    if (!known && (this.#closed || !mayOpen())) return;
    const pair = known ?? this.#open(key);
    if (!pair) return;
    pair.heard = this.ports.clock.monotonic();
    this.#pairs.delete(name);
    this.#pairs.set(name, pair);
    if (pair.sending >= MAX_SENDING) return; // datagrams may be lost
    pair.sending++;
    pair.socket.send(data.slice(), ipText(key.dst), key.dstPort)
      .catch((error: unknown) => this.ports.failed(key, error))
      .finally(() => pair.sending--);
  }

  close(): void {
    this.#closed = true;
    for (const pair of [...this.#pairs.values()]) this.#forget(pair);
  }

  #open(key: FlowKey): Pair | undefined {
    const oldest = this.#pairs.values().next().value;
    if (this.#pairs.size >= MAX_PAIRS && oldest) this.#forget(oldest);
    let socket: UdpSocket;
    try {
      socket = this.ports.open();
    } catch (error) {
      this.ports.failed(key, error);
      return undefined;
    }
    const pair: Pair = { key, socket, heard: 0, sending: 0, unwatch: () => {} };
    this.#watch(pair, SILENT_MS);
    void this.#receive(pair);
    return pair;
  }

  #watch(pair: Pair, ms: number): void {
    pair.unwatch = this.ports.clock.after(ms, () => {
      const left = pair.heard + SILENT_MS - this.ports.clock.monotonic();
      if (left <= 0) this.#forget(pair);
      else this.#watch(pair, left);
    });
  }

  async #receive(pair: Pair): Promise<void> {
    const { key, socket } = pair;
    const from: Ip = key.dst;
    while (true) {
      const got = await socket.receive().catch(() => undefined);
      if (got === undefined) return this.#forget(pair);
      if (got.address !== ipText(from) || got.port !== key.dstPort) continue;
      pair.heard = this.ports.clock.monotonic();
      this.ports.deliver(key, got.data);
    }
  }

  #forget(pair: Pair): void {
    const name = nameOf(pair.key);
    if (this.#pairs.get(name) === pair) this.#pairs.delete(name);
    pair.unwatch();
    pair.socket.close();
  }
}

function nameOf({ srcPort, dst, dstPort }: FlowKey): string {
  return `${srcPort} ${dst} ${dstPort}`;
}
