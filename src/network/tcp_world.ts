/** For tests: a guest's TCP of the simplest kind, and a wire to it that loses, repeats and mixes up what it carries. */
import { opened, readable, reduce, type TcpInput, type TcpNow, type TcpState } from "./tcp.ts";
import type { Outgoing, Segment } from "./tcp_segment.ts";

/** How bad the wire is; shares of 0 to 1. */
export interface Wire {
  readonly loss: number;
  readonly twice: number;
  /** Most milliseconds that a segment takes: with more than 0 they overtake one another. */
  readonly delayMs: number;
}

export interface Play {
  readonly wire: Wire;
  readonly seed: number;
  /** What each side says. */
  readonly up: Uint8Array;
  readonly down: Uint8Array;
  /** What the guest takes at once; 0 for a while now and then when `stalls`. */
  readonly guestWindow: number;
  readonly stalls: boolean;
  readonly mss: number;
  readonly room: number;
  /** Pieces in which outside is read. */
  readonly piece: number;
}

export interface Outcome {
  /** What each side was told. */
  readonly up: Uint8Array;
  readonly down: Uint8Array;
  readonly upEnded: boolean;
  readonly downEnded: boolean;
  readonly state: TcpState;
  /** Most bytes that the gateway held at any time, for the guest and of it. */
  readonly mostHeld: number;
  readonly mostUnwritten: number;
  readonly reset: boolean;
}

const GUEST_ISS = 0xfffffff0; // its numbers begin anew at once
const GUEST_TIMEOUT_MS = 200;
const LONGEST_MS = 3_600_000;
const MOST_STEPS = 200_000;

/** 32 bits at a time, always the same ones for a seed. (mulberry32) */
export function randomOf(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Plays a whole connection, from the guest's SYN on, until nothing is left to happen. */
export function play(p: Play): Outcome {
  const world = new World(p);
  world.run();
  return world.outcome();
}

class World {
  #now = 0;
  #events: { readonly at: number; readonly order: number; readonly what: () => void }[] = [];
  #order = 0;
  readonly #random: () => number;
  #state: TcpState;
  #said = 0;
  readonly #up: Uint8Array[] = [];
  #upEnded = false;
  #endSaid = false;
  #owing = false;
  #reading = false;
  #armed: number | undefined;
  #mostHeld = 0;
  #mostUnwritten = 0;
  #reset = false;
  // the guest's side
  readonly #down: Uint8Array[] = [];
  #taken = 0;
  #downEnded = false;
  #guestUna = GUEST_ISS;
  #guestNext = 0;
  #guestOpen = false;
  #wanted = 0;
  #gatewayIss = 0;
  #window: number;
  #gatewayWindow = 0;
  #stalledUntil = 0;

  constructor(private readonly p: Play) {
    this.#random = randomOf(p.seed);
    this.#window = p.guestWindow;
    const syn = this.#segment({ seq: GUEST_ISS, syn: true, isAck: false, mss: p.mss, shift: 2 });
    this.#state = opened(syn, 0xffffff00);
    this.#later(5, () => this.#input({ kind: "reached" }));
    this.#guestTimer();
  }

  run(): void {
    for (let steps = 0; this.#events.length > 0 && this.#now < LONGEST_MS; steps++) {
      if (steps > MOST_STEPS) throw new Error(`no end after ${steps} steps: ${JSON.stringify(this.#state)}`);
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#events.shift();
      if (!next) return;
      this.#now = next.at;
      next.what();
    }
  }

  outcome(): Outcome {
    return {
      up: join(this.#up),
      down: join(this.#down),
      upEnded: this.#upEnded,
      downEnded: this.#downEnded,
      state: this.#state,
      mostHeld: this.#mostHeld,
      mostUnwritten: this.#mostUnwritten,
      reset: this.#reset,
    };
  }

  #later(ms: number, what: () => void): void {
    this.#events.push({ at: this.#now + ms, order: this.#order++, what });
  }

  #segment(more: Partial<Segment>): Segment {
    return {
      srcPort: 1,
      dstPort: 2,
      seq: 0,
      ack: 0,
      isAck: true,
      syn: false,
      fin: false,
      rst: false,
      window: more.syn ? Math.min(0xffff, this.#window) : this.#window >> 2,
      data: new Uint8Array(0),
      ...more,
    };
  }

  #carry(deliver: () => void): void {
    const { loss, twice, delayMs } = this.p.wire;
    const copies = this.#random() < twice ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#random() >= loss) this.#later(Math.floor(this.#random() * delayMs), deliver);
    }
  }

  get #nowOf(): TcpNow {
    return { now: this.#now, room: this.p.room };
  }

  #input(input: TcpInput): void {
    const { state, effects } = reduce(this.#state, input, this.#nowOf);
    this.#state = state;
    this.#mostHeld = Math.max(this.#mostHeld, state.held);
    this.#mostUnwritten = Math.max(this.#mostUnwritten, state.unwritten);
    for (const effect of effects) {
      if (effect.kind === "send") {
        const out = effect.segment;
        this.#carry(() => this.#toGuest(out));
      } else if (effect.kind === "write") {
        const data = effect.data.slice();
        this.#up.push(data);
        this.#later(
          1 + Math.floor(this.#random() * 5),
          () => this.#input({ kind: "written", bytes: data.length }),
        );
      } else if (effect.kind === "finish") this.#upEnded = true;
    }
    if (state.ackDue && !this.#owing) {
      this.#owing = true;
      this.#later(0, () => {
        this.#owing = false;
        this.#input({ kind: "flush" });
      });
    }
    if (state.timer && state.timer.at !== this.#armed) {
      const at = this.#armed = state.timer.at;
      this.#later(Math.max(0, at - this.#now), () => {
        if (this.#armed !== at) return;
        this.#armed = undefined;
        this.#input({ kind: "time" });
      });
    }
    if (this.#reading) return;
    const room = Math.min(readable(state, this.#nowOf), this.p.piece, this.p.down.length - this.#said);
    if (room > 0) {
      const from = this.#said;
      this.#said += room;
      this.#reading = true;
      this.#later(1, () => {
        this.#reading = false;
        this.#input({ kind: "data", data: this.p.down.subarray(from, from + room) });
      });
    } else if (this.#said === this.p.down.length && state.phase === "open" && !this.#endSaid) {
      this.#endSaid = true;
      this.#later(1, () => this.#input({ kind: "ended" }));
    }
  }

  #toGuest(out: Outgoing): void {
    if (out.rst) {
      this.#reset = true;
      return;
    }
    const data = join(out.data);
    if (out.syn) {
      this.#gatewayIss = out.seq;
      if (!this.#guestOpen) {
        this.#guestOpen = true;
        this.#wanted = (out.seq + 1) >>> 0;
        this.#guestUna = (GUEST_ISS + 1) >>> 0;
      }
      this.#gatewayWindow = out.window;
      this.#guestSend();
      return;
    }
    if (!this.#guestOpen) return;
    const by = ((out.ack ?? 0) - this.#guestUna) | 0;
    if (by > 0) this.#guestUna = out.ack ?? 0;
    if (by >= 0) this.#gatewayWindow = out.window << 4;
    const ahead = (out.seq - this.#wanted) | 0;
    if (ahead <= 0 && -ahead < data.length && !this.#downEnded) {
      const fresh = data.subarray(-ahead, -ahead + this.#window);
      this.#down.push(fresh);
      this.#taken += fresh.length;
      this.#wanted = (this.#wanted + fresh.length) >>> 0;
      this.#maybeStall();
    }
    if (out.fin && ((out.seq + data.length - this.#wanted) | 0) === 0 && !this.#downEnded) {
      this.#downEnded = true;
      this.#wanted = (this.#wanted + 1) >>> 0;
    }
    if (data.length > 0 || out.fin || by > 0) this.#guestSend();
  }

  /** Takes nothing for a while. */
  #maybeStall(): void {
    if (!this.p.stalls || this.#now < this.#stalledUntil || this.#random() > 0.2) return;
    this.#window = 0;
    const ms = 50 + Math.floor(this.#random() * 3_000);
    this.#stalledUntil = this.#now + ms;
    this.#later(ms, () => {
      this.#window = this.p.guestWindow;
      this.#guestSend(); // the word of the window may be lost: the gateway has to ask
    });
  }

  /** Sends what was not sent yet and the window lets, or only an acknowledgement. Its end is the last of its numbers. */
  #guestSend(): void {
    const first = (GUEST_ISS + 1) >>> 0;
    const { up, mss } = this.p;
    const una = (this.#guestUna - first) | 0;
    const edge = una + Math.max(1, Math.min(this.#gatewayWindow, 4 * mss));
    this.#guestNext = Math.max(this.#guestNext, una);
    let sent = false;
    while (this.#guestNext <= up.length && this.#guestNext < edge) {
      const at = this.#guestNext;
      const data = up.slice(at, Math.min(at + mss, edge));
      const fin = at + data.length === up.length;
      this.#send(this.#segment({ seq: (first + at) >>> 0, data, fin }));
      this.#guestNext = at + data.length + (fin ? 1 : 0);
      sent = true;
    }
    if (!sent) this.#send(this.#segment({ seq: (first + this.#guestNext) >>> 0 }));
  }

  #send(segment: Segment): void {
    const whole = { ...segment, ack: this.#wanted };
    this.#carry(() => this.#input({ kind: "segment", segment: whole }));
  }

  #guestTimer(): void {
    if (this.#state.phase === "gone" || this.#reset) return;
    const isAll = ((this.#guestUna - GUEST_ISS - 1) | 0) > this.p.up.length;
    if (this.#guestOpen && !isAll) {
      this.#guestNext = 0; // from the first that is not acknowledged
      this.#guestSend();
    }
    this.#later(GUEST_TIMEOUT_MS, () => this.#guestTimer());
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
