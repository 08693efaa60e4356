/** The state of the screen `audit`: what has been read of the trail, what is asked for, and what is known of its chain. */
import type { AuditRecord } from "../../../src/audit/record.ts";
import type { ChainCheck, ChainFault } from "../../../src/audit/verify.ts";
import { isObject } from "../../../src/core/json.ts";
import type { Instant } from "../../../src/core/time.ts";
import { type Key, nameOf, textOf } from "../../key.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { type Filter, parseFilter, passes } from "./filter.ts";

/** Most records that are kept to be shown; older ones go. */
const MOST_RECORDS = 8000;
/** So many of the last ones are read at first. */
const LAST_RECORDS = 500;
/** Longest filter, characters. */
const MOST_TEXT = 200;

/** What is asked of the screen's runner (`effects.ts`). */
export type AuditWork =
  /** Reads the last records that pass, then each that comes. */
  | { readonly kind: "follow"; readonly run: number; readonly filter: Filter; readonly limit: number }
  | { readonly kind: "verify"; readonly run: number };

export type AuditMessage =
  /** The last records, oldest first; while `searching` older ones may come before them. */
  | {
    readonly kind: "records";
    readonly run: number;
    readonly records: readonly AuditRecord[];
    readonly searching: boolean;
  }
  /** Records that have just been written. */
  | { readonly kind: "more"; readonly run: number; readonly records: readonly AuditRecord[] }
  | { readonly kind: "unreadable"; readonly run: number; readonly why: string }
  | { readonly kind: "verifying"; readonly run: number; readonly percent: number }
  | { readonly kind: "verified"; readonly run: number; readonly check: ChainCheck; readonly at: Instant }
  | { readonly kind: "unverified"; readonly run: number; readonly why: string; readonly at: Instant }
  /** Of this screen's keys, and of other screens that lead here. */
  | { readonly kind: "move"; readonly by: number | "first" | "last" }
  | { readonly kind: "edit" }
  | { readonly kind: "filter"; readonly text: string }
  | { readonly kind: "details"; readonly open: boolean }
  | { readonly kind: "older" }
  | { readonly kind: "verify" };

export type Chain =
  | { readonly kind: "unknown" }
  | { readonly kind: "checking"; readonly percent: number }
  | { readonly kind: "holds"; readonly check: Extract<ChainCheck, { ok: true }>; readonly at: Instant }
  | { readonly kind: "broken"; readonly fault: ChainFault; readonly at: Instant }
  | { readonly kind: "unreadable"; readonly why: string; readonly at: Instant };

export interface AuditState {
  /** Counts what was begun: what an older work still sends is dropped. */
  readonly runs: number;
  /** The reading that is under way; undefined: none. */
  readonly reading: number | undefined;
  readonly verifying: number | undefined;
  /** Oldest first; those that pass the filter. */
  readonly records: readonly AuditRecord[];
  /** How many of the last ones are read. */
  readonly limit: number;
  /** Older ones are still looked for. */
  readonly searching: boolean;
  /** Why the trail can't be read. */
  readonly unreadable: string | undefined;
  /** Number of the record that the cursor is on; undefined: always on the newest. */
  readonly at: number | undefined;
  readonly filter: { readonly text: string; readonly conditions: Filter };
  /** What is being typed, with what is wrong with it. */
  readonly typing: { readonly text: string; readonly why: string | undefined } | undefined;
  /** Lines that the details are scrolled by; undefined: they are closed. */
  readonly details: number | undefined;
  readonly chain: Chain;
}

export const INIT: AuditState = {
  runs: 0,
  reading: undefined,
  verifying: undefined,
  records: [],
  limit: LAST_RECORDS,
  searching: false,
  unreadable: undefined,
  at: undefined,
  filter: { text: "", conditions: [] },
  typing: undefined,
  details: undefined,
  chain: { kind: "unknown" },
};

export function reduceAudit(state: AuditState, message: Message, model: Model): Next<AuditState> {
  switch (message.type) {
    case "show":
      return message.screen === "audit" ? opened(state) : left(state);
    case "key":
      return model.screen === "audit" ? keyed(state, message.key) : { state };
    case "screen":
      return message.screen === "audit" && isObject(message.message)
        ? told(state, message.message as unknown as AuditMessage) // only this screen's own are for it
        : { state };
    case "connected":
      // A data root may have been made meanwhile.
      return model.screen === "audit" && state.unreadable !== undefined ? follow(state) : { state };
    default:
      return model.screen === "audit" && state.reading === undefined ? opened(state) : { state };
  }
}

/** Why there are no older records to be read; undefined: there may be. */
export function whyNotOlder({ records, limit, searching }: AuditState): string | undefined {
  if (searching) return "they are being read";
  if (records.length < limit) return "these are all that there are";
  return limit >= MOST_RECORDS ? "no more are kept; a filter looks through all" : undefined;
}

/** The record that the cursor is on. */
export function current(state: AuditState): AuditRecord | undefined {
  return state.records[indexOf(state)];
}

/** Where the cursor is among the records: at the newest, or at the nearest record to the one that it was on. */
export function indexOf({ records, at }: AuditState): number {
  if (at === undefined) return records.length - 1;
  const next = records.findIndex(({ seq }) => seq >= at);
  return next < 0 ? records.length - 1 : next;
}

/** A message that shows records of this screen; for other screens: `vm=web`. */
export function showRecords(filter: string): readonly Message[] {
  return [{ type: "show", screen: "audit" }, toAudit({ kind: "filter", text: filter })];
}

export function toAudit(message: AuditMessage): Message {
  return { type: "screen", screen: "audit", message };
}

function work(asked: AuditWork): Effect {
  return { do: "screen", screen: "audit", work: asked };
}

/** Begins to follow, and to verify where that was never done. */
function opened(state: AuditState): Next<AuditState> {
  if (state.reading !== undefined) return { state };
  const reading = follow(state);
  return state.chain.kind === "unknown" ? joined(reading, verify) : reading;
}

function left(state: AuditState): Next<AuditState> {
  if (state.reading === undefined) return { state };
  const chain: Chain = state.chain.kind === "checking" ? { kind: "unknown" } : state.chain;
  return {
    state: {
      ...state,
      reading: undefined,
      verifying: undefined,
      searching: false,
      typing: undefined,
      chain,
    },
    effects: [{ do: "stop_work", screen: "audit" }],
  };
}

function joined(first: Next<AuditState>, then: (state: AuditState) => Next<AuditState>): Next<AuditState> {
  const next = then(first.state);
  return { state: next.state, effects: [...first.effects ?? [], ...next.effects ?? []] };
}

/** Reads anew, by the filter that is set; a reading that is under way ends, and with it a check, which begins again. */
function follow(state: AuditState): Next<AuditState> {
  const run = state.runs + 1;
  const next: Next<AuditState> = {
    state: { ...state, runs: run, reading: run, searching: true, unreadable: undefined },
    effects: [
      ...(state.reading === undefined ? [] : [{ do: "stop_work", screen: "audit" } as const]),
      work({ kind: "follow", run, filter: state.filter.conditions, limit: state.limit }),
    ],
  };
  return state.verifying === undefined ? next : joined(next, verify);
}

function verify(state: AuditState): Next<AuditState> {
  const run = state.runs + 1;
  return {
    state: { ...state, runs: run, verifying: run, chain: { kind: "checking", percent: 0 } },
    effects: [work({ kind: "verify", run })],
  };
}

function told(state: AuditState, message: AuditMessage): Next<AuditState> {
  switch (message.kind) {
    case "records":
    case "more":
    case "unreadable":
      return { state: message.run === state.reading ? read(state, message) : state };
    case "verifying":
    case "verified":
    case "unverified":
      return { state: message.run === state.verifying ? checked(state, message) : state };
    case "move":
      return { state: moved(state, message.by) };
    case "edit":
      return { state: { ...state, typing: { text: state.filter.text, why: undefined }, details: undefined } };
    case "filter":
      return filtered(state, message.text);
    case "details":
      return { state: { ...state, details: message.open && current(state) ? 0 : undefined } };
    case "older":
      return follow({ ...state, limit: Math.min(MOST_RECORDS, state.limit * 2) });
    case "verify":
      return verify(state);
    default:
      return { state };
  }
}

function read(
  state: AuditState,
  message: Extract<AuditMessage, { kind: "records" | "more" | "unreadable" }>,
): AuditState {
  if (message.kind === "unreadable") return { ...state, searching: false, unreadable: message.why };
  const fits = message.records.filter((record) => passes(state.filter.conditions, record));
  if (message.kind === "records") return { ...state, records: fits, searching: message.searching };
  const last = state.records.at(-1)?.seq ?? 0;
  const fresh = fits.filter(({ seq }) => seq > last);
  return { ...state, records: [...state.records, ...fresh].slice(-MOST_RECORDS) };
}

function checked(
  state: AuditState,
  message: Extract<AuditMessage, { kind: "verifying" | "verified" | "unverified" }>,
): AuditState {
  if (message.kind === "verifying") {
    return { ...state, chain: { kind: "checking", percent: message.percent } };
  }
  return { ...state, verifying: undefined, chain: chainOf(message) };
}

function chainOf(message: Extract<AuditMessage, { kind: "verified" | "unverified" }>): Chain {
  const { at } = message;
  if (message.kind === "unverified") return { kind: "unreadable", why: message.why, at };
  const { check } = message;
  return check.ok ? { kind: "holds", check, at } : { kind: "broken", fault: check.fault, at };
}

function moved(state: AuditState, by: number | "first" | "last"): AuditState {
  if (state.details !== undefined) {
    const details = by === "first" ? 0 : by === "last" ? Infinity : Math.max(0, state.details + by);
    return { ...state, details };
  }
  const last = state.records.length - 1;
  const to = by === "first" ? 0 : by === "last" ? last : Math.min(last, Math.max(0, indexOf(state) + by));
  // On the newest it stays on the newest, whatever comes.
  return { ...state, at: to >= last ? undefined : state.records[to]?.seq };
}

/** Reads the trail again by another filter; a text that is none stays in the field, with what is wrong. */
function filtered(state: AuditState, text: string): Next<AuditState> {
  const parsed = parseFilter(text);
  if (!parsed.ok) return { state: { ...state, typing: { text, why: parsed.why } } };
  return follow({
    ...state,
    limit: LAST_RECORDS,
    filter: { text: text.trim(), conditions: parsed.filter },
    records: state.records.filter((record) => passes(parsed.filter, record)),
    typing: undefined,
    details: undefined,
  });
}

/** Keys that no row of the table took: text, while a filter is typed. */
function keyed(state: AuditState, key: Key): Next<AuditState> {
  if (!state.typing) return { state };
  const { text } = state.typing;
  const name = nameOf(key);
  if (name === "esc") return { state: { ...state, typing: undefined } };
  if (name === "enter") return filtered(state, text);
  if (name === "ctrl-u") return typed(state, "");
  if (name === "backspace") return typed(state, [...text].slice(0, -1).join(""));
  const more = textOf(key);
  return more === undefined ? { state } : typed(state, text + more);
}

function typed(state: AuditState, text: string): Next<AuditState> {
  return { state: { ...state, typing: { text: text.slice(0, MOST_TEXT), why: undefined } } };
}
