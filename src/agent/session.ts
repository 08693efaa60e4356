/**
 * A session with a guest agent as a pure step function. Answers of the agent carry no id, so one command is under way
 * at a time and the rest queue. Whether the two sides agree on whose turn it is, is settled by a synchronisation: 0xFF,
 * then `guest-sync-delimited` with a random number; everything before the answer with that number is thrown away. It
 * comes first, and again after every time-out. Source: QEMU docs/interop/qemu-ga-ref (qga/qapi-schema.json).
 *
 * The guest is hostile: whatever it sends, every request settles exactly once and nothing grows without bound.
 */
import { isObject, type Json, type JsonObject } from "../core/json.ts";
import { describeFramingProblem, encodeMessage, type FramingProblem, RESYNC_BYTE } from "../qmp/framing.ts";

export type AgentCloseReason =
  /** QEMU closed the stream. */
  | { readonly kind: "ended" }
  | { readonly kind: "broken"; readonly message: string }
  /** This side closed it. */
  | { readonly kind: "closed" }
  /** The guest sent too much that nobody asked for. */
  | { readonly kind: "flooded"; readonly strays: number };

/** How a request is known to be over. */
export type AgentMode =
  | "answer"
  /** A command that answers only when it fails, as guest-shutdown: a synchronisation is sent right after it. */
  | "answer_on_error"
  /** No command, only the synchronisation. */
  | "sync";

export interface AgentRequest {
  /** Chosen by the caller, never used twice. */
  readonly key: number;
  readonly mode: AgentMode;
  readonly command: string;
  readonly args?: JsonObject;
}

export type AgentOutcome =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "error"; readonly class: string; readonly desc: string }
  /** Sent; no answer in time, or the agent was started anew meanwhile. It may have been carried out. */
  | { readonly kind: "outcome_unknown"; readonly why: "timeout" | "restarted" }
  /** Not sent: the agent did not answer the synchronisation, or an earlier command, in time. */
  | { readonly kind: "unresponsive" }
  /** Sent, and answered by something that is no answer. */
  | { readonly kind: "bad_answer"; readonly why: string }
  | { readonly kind: "disconnected"; readonly sent: boolean; readonly reason: AgentCloseReason };

/** A synchronisation that may be sent in this step carries `nonce`: a random safe integer, another one for each step. */
export type AgentInput =
  | { readonly kind: "request"; readonly request: AgentRequest; readonly nonce: number }
  | { readonly kind: "message"; readonly message: JsonObject; readonly nonce: number }
  | { readonly kind: "problem"; readonly problem: FramingProblem; readonly nonce: number }
  | { readonly kind: "timeout"; readonly key: number; readonly nonce: number }
  /** The guest opened the port again (VSERPORT_CHANGE): what was sent before may never be answered. */
  | { readonly kind: "restarted"; readonly nonce: number }
  | { readonly kind: "close"; readonly reason: AgentCloseReason };

export type AgentOutput =
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  | { readonly kind: "settle"; readonly request: AgentRequest; readonly outcome: AgentOutcome }
  /** Something came that nobody waits for: the late answer of a command whose time was over, or noise. */
  | { readonly kind: "stray"; readonly what: string }
  /** Once, after the last `settle`; the stream is to be closed. */
  | { readonly kind: "closed"; readonly reason: AgentCloseReason };

interface Current {
  readonly request: AgentRequest;
  readonly awaits: "sync" | "answer";
}

export interface AgentState {
  readonly closed: AgentCloseReason | undefined;
  /** Both sides agree: the next answer belongs to the next command. */
  readonly ready: boolean;
  /** Number of the newest synchronisation that is not answered. Older ones can no longer count. */
  readonly syncId: number | undefined;
  /** Whether that one may still be waited for: no time-out since. */
  readonly syncFresh: boolean;
  readonly unansweredSyncs: number;
  readonly current: Current | undefined;
  readonly queue: readonly AgentRequest[];
  /** Unasked messages since the last that was asked for. */
  readonly strays: number;
}

export interface AgentStep {
  readonly state: AgentState;
  readonly outputs: readonly AgentOutput[];
}

/** Bounds what waits in the socket for an agent that does not run (yet): each synchronisation is some 80 bytes. */
export const MAX_UNANSWERED_SYNCS = 8;
/** So many unasked messages end the session. */
export const MAX_STRAYS = 1000;

export function initialAgentState(): AgentState {
  return {
    closed: undefined,
    ready: false,
    syncId: undefined,
    syncFresh: false,
    unansweredSyncs: 0,
    current: undefined,
    queue: [],
    strays: 0,
  };
}

export function agentStep(state: AgentState, input: AgentInput): AgentStep {
  if (state.closed) return afterClose(state, input);
  switch (input.kind) {
    case "request":
      return pump({ ...state, queue: [...state.queue, input.request] }, input.nonce, []);
    case "message":
      return message(state, input.message, input.nonce);
    case "problem":
      return problem(state, input.problem, input.nonce);
    case "timeout":
      return timeout(state, input.key, input.nonce);
    case "restarted":
      return restarted(state, input.nonce);
    case "close":
      return close(state, input.reason);
  }
}

function afterClose(state: AgentState, input: AgentInput): AgentStep {
  if (input.kind !== "request" || !state.closed) return { state, outputs: [] };
  const outcome: AgentOutcome = { kind: "disconnected", sent: false, reason: state.closed };
  return { state, outputs: [{ kind: "settle", request: input.request, outcome }] };
}

/** Starts the next request when none is under way. */
function pump(state: AgentState, nonce: number, before: readonly AgentOutput[]): AgentStep {
  const [request, ...queue] = state.queue;
  if (state.current || !request) return { state, outputs: before };
  const next = { ...state, queue };
  if (next.ready && request.mode !== "sync") return sendCommand(next, request, nonce, before);
  return synchronise({ ...next, current: { request, awaits: "sync" } }, nonce, before);
}

function sendCommand(
  state: AgentState,
  request: AgentRequest,
  nonce: number,
  before: readonly AgentOutput[],
): AgentStep {
  const { command, args } = request;
  const bytes = encodeMessage({ execute: command, ...(args === undefined ? {} : { arguments: args }) });
  const sent: AgentState = { ...state, current: { request, awaits: "answer" } };
  const outputs: AgentOutput[] = [...before, { kind: "send", bytes }];
  if (request.mode !== "answer_on_error") return { state: sent, outputs };
  // The agent works in order: once it answers this, it has accepted the command before it. Without 0xFF, which the agent
  // would answer by an error that could be taken for the command's.
  return sendSync(sent, nonce, outputs, false);
}

function synchronise(state: AgentState, nonce: number, before: readonly AgentOutput[]): AgentStep {
  const waiting = state.syncId !== undefined;
  if (waiting && (state.syncFresh || state.unansweredSyncs >= MAX_UNANSWERED_SYNCS)) {
    return { state, outputs: before };
  }
  return sendSync(state, nonce, before);
}

function sendSync(
  state: AgentState,
  nonce: number,
  before: readonly AgentOutput[],
  startAnew = true,
): AgentStep {
  const text = encodeMessage({ execute: "guest-sync-delimited", arguments: { id: nonce } });
  const bytes = startAnew ? new Uint8Array([RESYNC_BYTE, ...text]) : text;
  return {
    state: {
      ...state,
      ready: false,
      syncId: nonce,
      syncFresh: true,
      unansweredSyncs: state.unansweredSyncs + 1,
    },
    outputs: [...before, { kind: "send", bytes }],
  };
}

function message(state: AgentState, received: JsonObject, nonce: number): AgentStep {
  if (state.syncId !== undefined && received.return === state.syncId) return synchronised(state, nonce);
  const { current } = state;
  if (!current || current.awaits === "sync") return stray(state, describe(received));
  const error = errorOf(received);
  if (error) return settle(state, error, nonce);
  if (current.request.mode === "answer_on_error") return stray(state, describe(received));
  const value = received.return;
  if (!Object.hasOwn(received, "return") || value === undefined) {
    return settle(unsynchronised(state), { kind: "bad_answer", why: describe(received) }, nonce);
  }
  return settle(state, { kind: "value", value }, nonce);
}

function synchronised(state: AgentState, nonce: number): AgentStep {
  const ready: AgentState = {
    ...state,
    ready: true,
    syncId: undefined,
    syncFresh: false,
    unansweredSyncs: 0,
    strays: 0,
  };
  const { current } = state;
  if (!current) return pump(ready, nonce, []);
  if (current.awaits === "answer" || current.request.mode === "sync") {
    return settle(ready, { kind: "value", value: null }, nonce);
  }
  return sendCommand(ready, current.request, nonce, []);
}

function problem(state: AgentState, what: FramingProblem, nonce: number): AgentStep {
  const why = describeFramingProblem(what);
  if (state.current?.awaits !== "answer" || state.current.request.mode !== "answer") {
    return stray(state, why);
  }
  return settle(unsynchronised(state), { kind: "bad_answer", why }, nonce);
}

function stray(state: AgentState, what: string): AgentStep {
  const strays = state.strays + 1;
  if (strays > MAX_STRAYS) return close(state, { kind: "flooded", strays });
  return { state: { ...state, strays }, outputs: [{ kind: "stray", what }] };
}

function timeout(state: AgentState, key: number, nonce: number): AgentStep {
  const { current } = state;
  if (current?.request.key === key) {
    const outcome: AgentOutcome = current.awaits === "sync"
      ? { kind: "unresponsive" }
      : { kind: "outcome_unknown", why: "timeout" };
    return settle(unsynchronised(state), outcome, nonce);
  }
  const request = state.queue.find((r) => r.key === key);
  if (!request) return { state, outputs: [] }; // settled while the clock fired
  return {
    state: { ...state, queue: state.queue.filter((r) => r !== request) },
    outputs: [{ kind: "settle", request, outcome: { kind: "unresponsive" } }],
  };
}

function restarted(state: AgentState, nonce: number): AgentStep {
  const fresh: AgentState = { ...unsynchronised(state), syncId: undefined, unansweredSyncs: 0 };
  if (!state.current) return { state: fresh, outputs: [] };
  if (state.current.awaits === "sync") return synchronise(fresh, nonce, []);
  return settle(fresh, { kind: "outcome_unknown", why: "restarted" }, nonce);
}

function unsynchronised(state: AgentState): AgentState {
  return { ...state, ready: false, syncFresh: false };
}

/** Settles the current request and starts the next. */
function settle(state: AgentState, outcome: AgentOutcome, nonce: number): AgentStep {
  if (!state.current) return { state, outputs: [] };
  const { request } = state.current;
  const answered = outcome.kind === "value" || outcome.kind === "error";
  return pump(
    { ...state, current: undefined, strays: answered ? 0 : state.strays },
    nonce,
    [{ kind: "settle", request, outcome }],
  );
}

function close(state: AgentState, reason: AgentCloseReason): AgentStep {
  const outputs: AgentOutput[] = [];
  const disconnected = (request: AgentRequest, sent: boolean) =>
    outputs.push({ kind: "settle", request, outcome: { kind: "disconnected", sent, reason } });
  if (state.current) disconnected(state.current.request, state.current.awaits === "answer");
  for (const request of state.queue) disconnected(request, false);
  outputs.push({ kind: "closed", reason });
  return { state: { ...initialAgentState(), closed: reason }, outputs };
}

function errorOf(received: JsonObject): AgentOutcome | undefined {
  if (!isObject(received.error)) return undefined;
  const { class: name, desc } = received.error;
  return {
    kind: "error",
    class: typeof name === "string" ? name : "GenericError",
    desc: typeof desc === "string" ? desc : "",
  };
}

/** Kind of a message, without the guest's own words. */
function describe(received: JsonObject): string {
  if (isObject(received.error)) return "an error that answers nothing";
  return Object.hasOwn(received, "return") ? "an answer to nothing" : "a message that is no answer";
}
