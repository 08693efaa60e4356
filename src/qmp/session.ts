/**
 * A QMP session as a pure step function: `step(state, input) -> {state, outputs}`. It knows no stream, no clock and no
 * promise; the client carries its outputs out. Source: QEMU docs/interop/qmp-spec.txt.
 *
 *   connecting --greeting--> negotiating --return--> running --close--> closed
 *
 * Every request that was taken settles exactly once, in whatever order the inputs come.
 */
import { isObject, type Json, type JsonObject } from "../core/json.ts";
import { parseEvent, type QmpEvent } from "./events.ts";
import { encodeMessage, type FramingProblem } from "./framing.ts";

export type RunPhase = "connecting" | "negotiating" | "running" | "closed";

/** What QEMU says of itself when a client connects. */
export interface Greeting {
  readonly version: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
  readonly capabilities: readonly string[];
}

/** Why a session ended. */
export type CloseReason =
  /** QEMU closed the stream: it quit, crashed or was killed. */
  | { readonly kind: "ended" }
  /** Reading or writing failed. */
  | { readonly kind: "broken"; readonly message: string }
  /** This side closed it. */
  | { readonly kind: "closed" }
  /** QEMU did not accept the negotiation. */
  | { readonly kind: "refused"; readonly class: string; readonly desc: string };

/** QEMU's answer to a command. */
export type Reply =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "error"; readonly class: string; readonly desc: string };

export type Outcome =
  | Reply
  /** The time is over; QEMU may still carry the command out, or have done so. */
  | { readonly kind: "outcome_unknown" }
  /** The stream ended before an answer; `sent` tells whether QEMU may have received the command. */
  | { readonly kind: "disconnected"; readonly sent: boolean; readonly reason: CloseReason }
  /** Not sent: the session has not been negotiated yet. */
  | { readonly kind: "not_running"; readonly phase: RunPhase };

/** Something that a correct peer would not have sent. Reported, and survived. */
export type Anomaly =
  | { readonly kind: "unreadable"; readonly problem: FramingProblem }
  | { readonly kind: "unknown_id"; readonly id: string }
  | { readonly kind: "error_without_id"; readonly class: string; readonly desc: string }
  | { readonly kind: "reply_without_id" }
  | { readonly kind: "unexpected_greeting" }
  | { readonly kind: "unknown_message"; readonly members: readonly string[] }
  | { readonly kind: "duplicate_request"; readonly id: string };

export type SessionInput =
  /** `at`: milliseconds of a clock that never goes back. */
  | { readonly kind: "message"; readonly message: JsonObject; readonly at: number }
  | { readonly kind: "problem"; readonly problem: FramingProblem }
  | {
    readonly kind: "request";
    readonly id: string;
    readonly command: string;
    readonly args?: JsonObject;
    readonly at: number;
  }
  | { readonly kind: "timeout"; readonly id: string }
  | { readonly kind: "close"; readonly reason: CloseReason };

export type SessionOutput =
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  | { readonly kind: "settle"; readonly id: string; readonly command: string; readonly outcome: Outcome }
  | { readonly kind: "event"; readonly event: QmpEvent }
  /** The answer to a command whose time was over; `afterMs` counts from the request. */
  | {
    readonly kind: "late";
    readonly id: string;
    readonly command: string;
    readonly afterMs: number;
    readonly reply: Reply;
  }
  | { readonly kind: "running"; readonly greeting: Greeting }
  | { readonly kind: "anomaly"; readonly anomaly: Anomaly }
  /** The session is over; the stream is to be closed. Comes once, after the last `settle`. */
  | { readonly kind: "closed"; readonly reason: CloseReason };

interface Asked {
  readonly command: string;
  readonly at: number;
}

interface Common {
  /** Sent and not settled. */
  readonly pending: ReadonlyMap<string, Asked>;
  /** Settled as `outcome_unknown`, answer still to come; the oldest are forgotten. */
  readonly overdue: ReadonlyMap<string, Asked>;
}

export type SessionState =
  & Common
  & (
    | { readonly phase: "connecting" }
    | { readonly phase: "negotiating"; readonly greeting: Greeting }
    | { readonly phase: "running"; readonly greeting: Greeting }
    | { readonly phase: "closed"; readonly reason: CloseReason }
  );

export interface Step {
  readonly state: SessionState;
  readonly outputs: readonly SessionOutput[];
}

/** Id of `qmp_capabilities`; requests may not use it. */
export const NEGOTIATION_ID = "negotiate";
/** How many overdue commands are remembered. */
export const MAX_OVERDUE = 256;

export function initialSession(): SessionState {
  return { phase: "connecting", pending: new Map(), overdue: new Map() };
}

export function step(state: SessionState, input: SessionInput): Step {
  switch (input.kind) {
    case "request":
      return request(state, input);
    case "timeout":
      return timeout(state, input.id);
    case "close":
      return close(state, input.reason);
    case "problem":
      return odd(state, { kind: "unreadable", problem: input.problem });
    case "message":
      return message(state, input.message, input.at);
  }
}

function request(state: SessionState, input: SessionInput & { kind: "request" }): Step {
  const { id, command, args, at } = input;
  if (state.pending.has(id) || state.overdue.has(id) || id === NEGOTIATION_ID) {
    return odd(state, { kind: "duplicate_request", id });
  }
  if (state.phase === "closed") {
    return settled(state, id, command, { kind: "disconnected", sent: false, reason: state.reason });
  }
  if (state.phase !== "running") {
    return settled(state, id, command, { kind: "not_running", phase: state.phase });
  }
  const bytes = encodeMessage({ execute: command, ...(args === undefined ? {} : { arguments: args }), id });
  return {
    state: { ...state, pending: new Map(state.pending).set(id, { command, at }) },
    outputs: [{ kind: "send", bytes }],
  };
}

function settled(state: SessionState, id: string, command: string, outcome: Outcome): Step {
  return { state, outputs: [{ kind: "settle", id, command, outcome }] };
}

function timeout(state: SessionState, id: string): Step {
  const asked = state.pending.get(id);
  if (!asked) return { state, outputs: [] }; // answered while the clock fired
  const overdue = new Map(state.overdue).set(id, asked);
  for (const oldest of overdue.keys()) {
    if (overdue.size <= MAX_OVERDUE) break;
    overdue.delete(oldest);
  }
  return settled({ ...state, pending: without(state.pending, id), overdue }, id, asked.command, {
    kind: "outcome_unknown",
  });
}

function close(state: SessionState, reason: CloseReason): Step {
  if (state.phase === "closed") return { state, outputs: [] };
  const outputs: SessionOutput[] = [];
  for (const [id, { command }] of state.pending) {
    outputs.push({ kind: "settle", id, command, outcome: { kind: "disconnected", sent: true, reason } });
  }
  outputs.push({ kind: "closed", reason });
  return { state: { phase: "closed", reason, pending: new Map(), overdue: new Map() }, outputs };
}

function message(state: SessionState, received: JsonObject, at: number): Step {
  if (state.phase === "closed") return { state, outputs: [] }; // what was read ahead of our own close
  const event = parseEvent(received);
  // Events may come at any time after the connect, also before the answer to the negotiation.
  if (event) return { state, outputs: [{ kind: "event", event }] };
  if (isObject(received.QMP)) return greeted(state, received.QMP);
  const reply = replyOf(received);
  if (!reply) {
    return odd(state, { kind: "unknown_message", members: Object.keys(received).slice(0, 8) });
  }
  return replied(state, received.id, reply, at);
}

function greeted(state: SessionState, qmp: Record<string, unknown>): Step {
  if (state.phase !== "connecting") return odd(state, { kind: "unexpected_greeting" });
  const greeting = greetingOf(qmp);
  const bytes = encodeMessage({ execute: "qmp_capabilities", id: NEGOTIATION_ID });
  return {
    state: { phase: "negotiating", greeting, pending: state.pending, overdue: state.overdue },
    outputs: [{ kind: "send", bytes }],
  };
}

function replied(state: SessionState, id: Json | undefined, reply: Reply, at: number): Step {
  if (state.phase === "negotiating" && (id === NEGOTIATION_ID || id === undefined)) {
    return negotiated(state, id, reply);
  }
  if (typeof id !== "string") {
    if (id !== undefined) {
      return odd(state, { kind: "unknown_id", id: String(JSON.stringify(id)).slice(0, 64) });
    }
    return odd(
      state,
      reply.kind === "error"
        ? { kind: "error_without_id", class: reply.class, desc: reply.desc }
        : { kind: "reply_without_id" },
    );
  }
  const pending = state.pending.get(id);
  if (pending) {
    return settled({ ...state, pending: without(state.pending, id) }, id, pending.command, reply);
  }
  const late = state.overdue.get(id);
  if (!late) return odd(state, { kind: "unknown_id", id: id.slice(0, 64) });
  return {
    state: { ...state, overdue: without(state.overdue, id) },
    outputs: [{ kind: "late", id, command: late.command, afterMs: at - late.at, reply }],
  };
}

/** An error without an id can only mean the negotiation: nothing else was sent. */
function negotiated(
  state: SessionState & { phase: "negotiating" },
  id: Json | undefined,
  reply: Reply,
): Step {
  if (reply.kind === "error") return close(state, { ...reply, kind: "refused" });
  if (id === undefined) return odd(state, { kind: "reply_without_id" });
  return { state: { ...state, phase: "running" }, outputs: [{ kind: "running", greeting: state.greeting }] };
}

function replyOf(received: JsonObject): Reply | undefined {
  if (isObject(received.error)) {
    const { class: name, desc } = received.error;
    return {
      kind: "error",
      class: typeof name === "string" ? name : "GenericError",
      desc: typeof desc === "string" ? desc : "",
    };
  }
  const value = received.return;
  return Object.hasOwn(received, "return") && value !== undefined ? { kind: "value", value } : undefined;
}

function greetingOf(qmp: Record<string, unknown>): Greeting {
  const version = isObject(qmp.version) ? qmp.version : {};
  const qemu = isObject(version.qemu) ? version.qemu : {};
  const part = (name: string) => typeof qemu[name] === "number" ? qemu[name] : 0;
  return {
    version: { major: part("major"), minor: part("minor"), micro: part("micro") },
    package: typeof version.package === "string" ? version.package : "",
    capabilities: Array.isArray(qmp.capabilities)
      ? qmp.capabilities.filter((c: unknown): c is string => typeof c === "string")
      : [],
  };
}

function odd(state: SessionState, anomaly: Anomaly): Step {
  return { state, outputs: [{ kind: "anomaly", anomaly }] };
}

function without<V>(map: ReadonlyMap<string, V>, id: string): ReadonlyMap<string, V> {
  const rest = new Map(map);
  rest.delete(id);
  return rest;
}
