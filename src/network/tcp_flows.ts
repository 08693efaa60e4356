/** The guest's TCP connections: each is a state of `tcp.ts` and a connection outside. */
import type { Clock } from "../ports/clock.ts";
import type { TcpPeer } from "../ports/internet.ts";
import type { Ip } from "../core/ipv4.ts";
import { joined } from "./pieces.ts";
import { opened, readable, reduce, refusal, type TcpEffect, type TcpInput, type TcpState } from "./tcp.ts";
import type { Outgoing, Segment } from "./tcp_segment.ts";

/** Connections at once. */
export const MAX_FLOWS = 512;
/** Bytes that all of them together may hold, both directions. */
const MAX_HELD = 64 * 1024 * 1024;
const MAX_ROOM = 256 * 1024;
const MIN_ROOM = 16 * 1024;
/** A connection that has been silent for so long makes room for a new one when there is none left. */
const SILENT_MS = 60_000;
/** To reach somebody outside. */
const DIAL_MS = 20_000;
const READ_BYTES = 64 * 1024;

export interface FlowKey {
  readonly srcPort: number;
  readonly dst: Ip;
  readonly dstPort: number;
}

export interface FlowPorts {
  readonly clock: Clock;
  /** A number that can't be guessed, 32 bits. */
  readonly first: () => number;
  readonly dial: (dst: Ip, port: number) => Promise<TcpPeer>;
  readonly send: (flow: FlowKey, segment: Outgoing) => void;
  /** Told why a connection outside could not be made. */
  readonly failed: (flow: FlowKey, error: unknown) => void;
}

interface Flow {
  readonly key: FlowKey;
  state: TcpState;
  peer: TcpPeer | undefined;
  reading: boolean;
  writing: boolean;
  queue: Uint8Array[];
  finishing: boolean;
  /** Time of the last word of either side. */
  heard: number;
  undial: () => void;
}

export class TcpFlows {
  readonly #flows = new Map<string, Flow>();
  readonly #owing = new Set<Flow>();
  #armed: { readonly at: number; readonly cancel: () => void } | undefined;
  #closed = false;

  constructor(private readonly ports: FlowPorts) {}

  get size(): number {
    return this.#flows.size;
  }

  /**
   * A segment of the guest. `mayOpen` is asked only of one that would open a new connection; false: it is refused, as is one
   * that belongs to no connection.
   */
  take(key: FlowKey, segment: Segment, mayOpen: () => boolean): void {
    const name = `${key.srcPort} ${key.dst} ${key.dstPort}`;
    const known = this.#flows.get(name);
    if (known) {
      known.heard = this.ports.clock.monotonic();
      this.#apply(known, { kind: "segment", segment });
      return;
    }
    const opens = segment.syn && !segment.isAck && !segment.rst && !segment.fin;
    if (this.#closed || !opens || !mayOpen() || !this.#makeRoom()) {
      const answer = refusal(segment);
      if (answer) this.ports.send(key, answer);
      return;
    }
    const flow: Flow = {
      key,
      state: opened(segment, this.ports.first()),
      peer: undefined,
      reading: false,
      writing: false,
      queue: [],
      finishing: false,
      heard: this.ports.clock.monotonic(),
      undial: () => {},
    };
    this.#flows.set(name, flow);
    void this.#dial(flow);
  }

  /** All that had come at once was taken: what is owed for it is sent. */
  flush(): void {
    for (const flow of this.#owing) this.#apply(flow, { kind: "flush" });
    this.#owing.clear();
  }

  /** Ends every connection without a word. */
  close(): void {
    this.#closed = true;
    this.#armed?.cancel();
    for (const flow of [...this.#flows.values()]) this.#forget(flow);
  }

  async #dial(flow: Flow): Promise<void> {
    flow.undial = this.ports.clock.after(DIAL_MS, () => this.#apply(flow, { kind: "broken" }));
    try {
      const peer = await this.ports.dial(flow.key.dst, flow.key.dstPort);
      flow.undial();
      if (flow.state.phase === "gone") return peer.close();
      flow.peer = peer;
      this.#apply(flow, { kind: "reached" });
    } catch (error) {
      flow.undial();
      this.ports.failed(flow.key, error);
      this.#apply(flow, { kind: "broken" });
    }
  }

  #room(): number {
    return Math.max(MIN_ROOM, Math.min(MAX_ROOM, Math.floor(MAX_HELD / (2 * Math.max(1, this.#flows.size)))));
  }

  #now() {
    return { now: this.ports.clock.monotonic(), room: this.#room() };
  }

  #apply(flow: Flow, input: TcpInput): void {
    const { state, effects } = reduce(flow.state, input, this.#now());
    flow.state = state;
    for (const effect of effects) this.#carryOut(flow, effect);
    if (state.phase === "gone") return;
    if (state.ackDue) this.#owing.add(flow);
    if (state.timer) this.#arm(state.timer.at);
    if (flow.peer && !flow.reading && readable(state, this.#now()) > 0) void this.#read(flow, flow.peer);
  }

  #carryOut(flow: Flow, effect: TcpEffect): void {
    switch (effect.kind) {
      case "send":
        return this.ports.send(flow.key, effect.segment);
      case "write":
        flow.queue.push(effect.data.slice()); // the frame that it is part of is used again
        break;
      case "finish":
        flow.finishing = true;
        break;
      case "close":
        return this.#forget(flow);
    }
    if (!flow.writing && flow.peer) void this.#write(flow, flow.peer);
  }

  async #read(flow: Flow, peer: TcpPeer): Promise<void> {
    flow.reading = true;
    let input: TcpInput;
    try {
      const buffer = new Uint8Array(Math.min(READ_BYTES, readable(flow.state, this.#now())));
      const count = await peer.read(buffer);
      flow.heard = this.ports.clock.monotonic();
      // A short piece of a long buffer would hold all of it.
      input = count === null
        ? { kind: "ended" }
        : { kind: "data", data: count < buffer.length ? buffer.slice(0, count) : buffer };
    } catch {
      input = { kind: "broken" };
    }
    flow.reading = false;
    this.#apply(flow, input);
  }

  async #write(flow: Flow, peer: TcpPeer): Promise<void> {
    flow.writing = true;
    try {
      while (flow.queue.length > 0) {
        const data = joined(flow.queue);
        flow.queue = [];
        await peer.write(data);
        this.#apply(flow, { kind: "written", bytes: data.length });
      }
      if (flow.finishing) {
        flow.finishing = false;
        await peer.finish();
      }
      flow.writing = false;
    } catch {
      // As on every way through the internet: who can't be written to any more is gone.
      this.#apply(flow, { kind: "broken" });
    }
  }

  #forget(flow: Flow): void {
    flow.state = { ...flow.state, phase: "gone", pieces: [], held: 0, timer: undefined };
    const { srcPort, dst, dstPort } = flow.key;
    this.#flows.delete(`${srcPort} ${dst} ${dstPort}`);
    this.#owing.delete(flow);
    flow.queue = [];
    flow.undial();
    flow.peer?.close();
  }

  /** One timer for all, at the time of the first that is due. */
  #arm(at: number): void {
    if (this.#closed || this.#armed && this.#armed.at <= at) return;
    this.#armed?.cancel();
    const wait = Math.max(0, at - this.ports.clock.monotonic());
    this.#armed = { at, cancel: this.ports.clock.after(wait, () => this.#onTime()) };
  }

  #onTime(): void {
    this.#armed = undefined;
    for (const flow of [...this.#flows.values()]) {
      if (flow.state.timer) this.#apply(flow, { kind: "time" });
    }
  }

  #makeRoom(): boolean {
    if (this.#flows.size < MAX_FLOWS) return true;
    const silent = this.ports.clock.monotonic() - SILENT_MS;
    const oldest = [...this.#flows.values()].reduce((a, b) => a.heard <= b.heard ? a : b);
    if (oldest.heard > silent) return false;
    this.#apply(oldest, { kind: "broken" });
    return true;
  }
}
