/**
 * One TCP connection of the guest, ended here and gone on with outside. Pure: `reduce(state, input, now)` gives the next
 * state and what is to be done. RFC 793, RFC 1122.
 *
 * The wire to the guest is memory: it loses nothing and keeps the order. So there is no congestion control, what comes out of
 * order is dropped, and one timer sends anew from the first byte that is not acknowledged. All of it holds without that
 * luck too, only slower.
 */
import { added, dropped, type Pieces, slice } from "./pieces.ts";
import type { Outgoing, Segment } from "./tcp_segment.ts";

/** Milliseconds until the first try again; doubled with each. */
const FIRST_TIMEOUT_MS = 300;
const LONGEST_TIMEOUT_MS = 20_000;
/** Tries that are not answered by anything until a guest counts as gone: a minute and a half. */
const MOST_TRIES = 10;
/** Of what is sent by Ethernet. */
export const OUR_MSS = 1460;
/** For a guest that names none. RFC 1122, 4.2.2.6 */
const DEFAULT_MSS = 536;
/** No guest means it seriously; it would make a packet of every few bytes. */
const SMALLEST_MSS = 64;
const OUR_SHIFT = 4;

export interface TcpState {
  readonly phase:
    /** Asked for by the guest; outside is not reached yet. */
    | "dialing"
    /** Reached; the guest has been told. */
    | "answered"
    | "open"
    | "gone";
  /** The first number of each side. */
  readonly iss: number;
  readonly irs: number;
  readonly mss: number;
  /** How far windows are shifted, ours and the guest's. */
  readonly ourShift: number;
  readonly guestShift: number;

  /** To the guest: first number that is not acknowledged, the next one to be sent, and the highest ever sent. */
  readonly una: number;
  readonly next: number;
  readonly highest: number;
  /** How much the guest takes, and by which segment it said so. */
  readonly window: number;
  readonly windowSeq: number;
  readonly windowAck: number;
  /** Bytes for the guest from `una` on. */
  readonly pieces: Pieces;
  readonly held: number;
  /** Outside has said all. */
  readonly ended: boolean;
  /** The guest has all, and that it is all. */
  readonly endTaken: boolean;

  /** From the guest: the next number, and up to where it was told that it may send. */
  readonly wanted: number;
  readonly edge: number;
  /** Handed on, and not written outside yet. */
  readonly unwritten: number;
  readonly guestEnded: boolean;
  readonly ackDue: boolean;

  readonly timer: { readonly at: number; readonly tries: number } | undefined;
}

export type TcpInput =
  | { readonly kind: "segment"; readonly segment: Segment }
  /** Outside is reached. */
  | { readonly kind: "reached" }
  /** Outside can't be reached, or the connection there broke. */
  | { readonly kind: "broken" }
  | { readonly kind: "data"; readonly data: Uint8Array }
  /** Outside has said all. */
  | { readonly kind: "ended" }
  /** So many bytes of the guest are written outside. */
  | { readonly kind: "written"; readonly bytes: number }
  /** Everything that has come at once was put in: what is owed to the guest is sent. */
  | { readonly kind: "flush" }
  | { readonly kind: "time" };

export type TcpEffect =
  | { readonly kind: "send"; readonly segment: Outgoing }
  /** The bytes are views of the segment. */
  | { readonly kind: "write"; readonly data: Uint8Array }
  /** After everything that was written: the guest has said all. */
  | { readonly kind: "finish" }
  /** It is over: outside is closed and the state forgotten. */
  | { readonly kind: "close" };

export interface TcpStep {
  readonly state: TcpState;
  readonly effects: readonly TcpEffect[];
}

/** What is so at the moment. `now`: milliseconds; `room`: most bytes that may be held for each direction. */
export interface TcpNow {
  readonly now: number;
  readonly room: number;
}

/** The state of a connection that a SYN asks for. `iss` must not be to be guessed. */
export function opened(syn: Segment, iss: number): TcpState {
  const scaled = syn.shift !== undefined;
  return {
    phase: "dialing",
    iss,
    irs: syn.seq,
    mss: Math.max(SMALLEST_MSS, Math.min(OUR_MSS, syn.mss ?? DEFAULT_MSS)),
    ourShift: scaled ? OUR_SHIFT : 0,
    guestShift: syn.shift ?? 0,
    una: iss,
    next: iss,
    highest: iss,
    window: syn.window,
    windowSeq: syn.seq,
    windowAck: iss,
    pieces: [],
    held: 0,
    ended: false,
    endTaken: false,
    wanted: plus(syn.seq, 1),
    edge: plus(syn.seq, 1),
    unwritten: 0,
    guestEnded: false,
    ackDue: false,
    timer: undefined,
  };
}

/** Bytes that may be read outside for the guest now. */
export function readable(state: TcpState, { room }: TcpNow): number {
  return state.phase === "open" && !state.ended ? Math.max(0, room - state.held) : 0;
}

/** The refusal of a segment that belongs to no connection. RFC 793, 3.4 */
export function refusal(segment: Segment): Outgoing | undefined {
  if (segment.rst) return undefined;
  if (segment.isAck) return { seq: segment.ack, rst: true, window: 0, data: [] };
  const length = segment.data.length + (segment.syn ? 1 : 0) + (segment.fin ? 1 : 0);
  return { seq: 0, ack: plus(segment.seq, length), rst: true, window: 0, data: [] };
}

export function reduce(state: TcpState, input: TcpInput, now: TcpNow): TcpStep {
  if (state.phase === "gone") return { state, effects: [] };
  switch (input.kind) {
    case "segment":
      return onSegment(state, input.segment, now);
    case "reached":
      return state.phase === "dialing" ? answer(state, now, 0) : { state, effects: [] };
    case "broken":
      return reset(state);
    case "data":
      if (state.phase !== "open" || state.ended || input.data.length === 0) return { state, effects: [] };
      return pump(
        { ...state, pieces: added(state.pieces, input.data), held: state.held + input.data.length },
        now,
        [],
      );
    case "ended":
      return pump({ ...state, ended: true }, now, []);
    case "written":
      return onWritten({ ...state, unwritten: Math.max(0, state.unwritten - input.bytes) }, now);
    case "flush":
      return flush(state, now, []);
    case "time":
      return onTime(state, now);
  }
}

function onSegment(state: TcpState, segment: Segment, now: TcpNow): TcpStep {
  const ahead = minus(segment.seq, state.wanted);
  if (segment.rst) {
    const fits = ahead >= 0 && ahead <= Math.max(0, minus(state.edge, state.wanted));
    return fits ? gone(state, []) : { state, effects: [] };
  }
  if (segment.syn) {
    if (state.phase === "answered" && segment.seq === state.irs) return answer(state, now, 0);
    return state.phase === "open" ? flush({ ...state, ackDue: true }, now, []) : { state, effects: [] };
  }
  if (!segment.isAck || state.phase === "dialing") return { state, effects: [] };
  const acknowledged = onAck(state, segment);
  if (acknowledged === undefined) return flush({ ...state, ackDue: true }, now, []);
  const { state: taken, effects } = takeData(acknowledged, segment);
  return pump(taken, now, effects);
}

/** Undefined when it acknowledges what was never sent. */
function onAck(state: TcpState, segment: Segment): TcpState | undefined {
  const by = minus(segment.ack, state.una);
  if (minus(segment.ack, state.highest) > 0) return undefined;
  if (state.phase === "answered" && by < 1) return undefined;
  let next: TcpState = state.phase === "answered" ? { ...state, phase: "open" } : state;
  if (by > 0) {
    const first = state.phase === "answered" ? 1 : 0; // the SYN takes a number of its own
    const bytes = Math.min(by - first, next.held);
    next = {
      ...next,
      una: segment.ack,
      next: minus(next.next, segment.ack) < 0 ? segment.ack : next.next,
      pieces: bytes > 0 ? dropped(next.pieces, bytes) : next.pieces,
      held: next.held - bytes,
      endTaken: next.endTaken || by - first > bytes, // the end takes a number too
      timer: undefined,
    };
  } else if (next.timer) next = { ...next, timer: { ...next.timer, tries: 0 } }; // it lives
  const newer = minus(segment.seq, next.windowSeq);
  if (by >= 0 && (newer > 0 || newer === 0 && minus(segment.ack, next.windowAck) >= 0)) {
    next = {
      ...next,
      window: segment.window << next.guestShift,
      windowSeq: segment.seq,
      windowAck: segment.ack,
    };
  }
  return next;
}

function takeData(state: TcpState, segment: Segment): { state: TcpState; effects: TcpEffect[] } {
  const { data, fin } = segment;
  if (data.length === 0 && !fin) {
    // A question whether this side lives, or a probe: it wants an answer.
    const isProbe = minus(segment.seq, state.wanted) !== 0;
    return { state: isProbe ? { ...state, ackDue: true } : state, effects: [] };
  }
  const known = minus(state.wanted, segment.seq);
  if (state.guestEnded || known < 0 || known > data.length) {
    return { state: { ...state, ackDue: true }, effects: [] };
  }
  const fresh = data.subarray(
    known,
    known + Math.max(0, Math.min(data.length - known, minus(state.edge, state.wanted))),
  );
  const ends = fin && known + fresh.length === data.length;
  const effects: TcpEffect[] = [];
  if (fresh.length > 0) effects.push({ kind: "write", data: fresh });
  if (ends) effects.push({ kind: "finish" });
  return {
    state: {
      ...state,
      wanted: plus(state.wanted, fresh.length + (ends ? 1 : 0)),
      unwritten: state.unwritten + fresh.length,
      guestEnded: ends,
      ackDue: true,
    },
    effects,
  };
}

/** Sends what the guest's window lets; then sees whether the connection is over. */
function pump(before: TcpState, now: TcpNow, done: readonly TcpEffect[]): TcpStep {
  let state = before;
  if (state.phase !== "open") return { state, effects: done };
  const effects = [...done];
  while (true) {
    const sent = minus(state.next, state.una);
    const left = state.held - sent;
    const bytes = Math.min(left, state.window - sent, state.mss);
    // A little of much is not worth a packet while others are under way. RFC 1122, 4.2.3.4
    if (bytes <= 0 || bytes < left && bytes < state.mss && sent > 0) break;
    state = transmit(state, now, effects, { data: slice(state.pieces, sent, bytes), bytes });
  }
  const all = plus(state.una, state.held);
  if (state.ended && !state.endTaken && state.next === all) {
    state = transmit(state, now, effects, { fin: true, data: [], bytes: 1 });
  }
  const underWay = state.next !== state.una;
  const waits = underWay || state.held > 0; // for the guest's window
  state = {
    ...state,
    timer: waits ? state.timer ?? { at: now.now + FIRST_TIMEOUT_MS, tries: 0 } : undefined,
  };
  if (!isOver(state)) return { state, effects };
  const last = flush(state, now, effects); // it must not ask for the end again
  return gone(last.state, last.effects);
}

function isOver({ guestEnded, endTaken, unwritten }: TcpState): boolean {
  return guestEnded && endTaken && unwritten === 0;
}

/** Puts one segment at `next` into `effects`. `bytes`: how many numbers it takes. */
function transmit(
  state: TcpState,
  now: TcpNow,
  effects: TcpEffect[],
  what: { readonly fin?: true; readonly data: readonly Uint8Array[]; readonly bytes: number },
): TcpState {
  const { edge, field } = advertised(state, now);
  effects.push({
    kind: "send",
    segment: {
      seq: state.next,
      ack: state.wanted,
      window: field,
      data: what.data,
      ...(what.fin ? { fin: true } : {}),
    },
  });
  const next = plus(state.next, what.bytes);
  return {
    ...state,
    next,
    highest: minus(next, state.highest) > 0 ? next : state.highest,
    edge,
    ackDue: false,
  };
}

/** How far the guest may send now: never less far than it was told before. */
function advertised(state: TcpState, { room }: TcpNow): { edge: number; field: number } {
  const offered = plus(state.wanted, Math.max(0, room - state.unwritten));
  const edge = minus(offered, state.edge) > 0 ? offered : state.edge;
  return { edge, field: Math.min(0xffff, Math.max(0, minus(edge, state.wanted)) >>> state.ourShift) };
}

function flush(state: TcpState, now: TcpNow, done: readonly TcpEffect[]): TcpStep {
  if (!state.ackDue || state.phase === "dialing" || state.phase === "answered") {
    return { state, effects: done };
  }
  const effects = [...done];
  const next = transmit(state, now, effects, { data: [], bytes: 0 });
  return { state: next, effects };
}

function onWritten(state: TcpState, now: TcpNow): TcpStep {
  if (isOver(state)) return gone(state, []);
  const more = minus(advertised(state, now).edge, state.edge);
  const left = minus(state.edge, state.wanted);
  // Told when it is worth it, or when the guest stands still. RFC 1122, 4.2.3.3
  if (more < Math.min(now.room / 4, 2 * OUR_MSS) || left > now.room / 2 || state.phase !== "open") {
    return { state, effects: [] };
  }
  return flush({ ...state, ackDue: true }, now, []);
}

/** SYN and acknowledgement of the guest's own. */
function answer(state: TcpState, now: TcpNow, tries: number): TcpStep {
  const edge = plus(state.wanted, Math.min(0xffff, now.room)); // a SYN's window is never shifted
  const segment: Outgoing = {
    seq: state.iss,
    ack: state.wanted,
    syn: true,
    window: minus(edge, state.wanted),
    mss: OUR_MSS,
    ...(state.ourShift > 0 ? { shift: state.ourShift } : {}),
    data: [],
  };
  const next = plus(state.iss, 1);
  return {
    state: { ...state, phase: "answered", next, highest: next, edge, timer: later(now, tries) },
    effects: [{ kind: "send", segment }],
  };
}

function later({ now }: TcpNow, tries: number): NonNullable<TcpState["timer"]> {
  return { at: now + Math.min(LONGEST_TIMEOUT_MS, FIRST_TIMEOUT_MS * 2 ** tries), tries };
}

/** The time of the timer has come: sent anew from the first byte that is not acknowledged, a little of it at least. */
function onTime(state: TcpState, now: TcpNow): TcpStep {
  const { timer } = state;
  if (!timer || now.now < timer.at) return { state, effects: [] };
  const tries = timer.tries + 1;
  if (tries > MOST_TRIES) return reset(state);
  if (state.phase === "answered") return answer(state, now, tries);
  const effects: TcpEffect[] = [];
  const bytes = Math.min(state.held, state.mss, Math.max(1, state.window));
  let next: TcpState = { ...state, next: state.una, timer: later(now, tries) };
  if (bytes > 0) {
    const sent = transmit(next, now, effects, { data: slice(next.pieces, 0, bytes), bytes });
    // What a guest without a window was asked with counts as not sent: it will have thrown it away.
    next = state.window === 0 ? { ...sent, next: sent.una } : sent;
    return { state: next, effects }; // the guest's answer says what else is missing
  }
  return pump(next, now, effects);
}

function reset(state: TcpState): TcpStep {
  const segment: Outgoing = { seq: state.next, ack: state.wanted, rst: true, window: 0, data: [] };
  return gone(state, [{ kind: "send", segment }]);
}

function gone(state: TcpState, effects: readonly TcpEffect[]): TcpStep {
  return {
    state: { ...state, phase: "gone", pieces: [], held: 0, timer: undefined },
    effects: [...effects, { kind: "close" }],
  };
}

function plus(number: number, by: number): number {
  return (number + by) >>> 0;
}

/** How far `a` is ahead of `b`: numbers begin anew after 2^32. */
function minus(a: number, b: number): number {
  return (a - b) | 0;
}
