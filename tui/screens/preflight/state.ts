/** The state of the screen `preflight`: checks as they end, the selected one, and a first run on an empty data root. */
import type { Problem } from "../../../src/core/problem.ts";
import type { Instant } from "../../../src/core/time.ts";
import { CHECK_GROUPS, type CheckReport, type Profile, type Status } from "../../../src/preflight/types.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { firstRun } from "./first_run.ts";

/** What of a check is known before it has ended. */
export type CheckHead = Pick<CheckReport, "group" | "title" | "why"> & { readonly id: string };

export interface CheckRow extends CheckHead {
  readonly at:
    | { readonly kind: "waiting"; readonly detail: string }
    | { readonly kind: "ended"; readonly result: CheckReport };
}

export type Run =
  | { readonly kind: "never" }
  | { readonly kind: "running"; readonly since: Instant }
  | { readonly kind: "ended"; readonly tookMs: number }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly problem: Problem };

export interface PreflightState {
  readonly profile: Profile;
  /** Number of the last run: what comes of another one is late and is not taken. */
  readonly number: number;
  readonly run: Run;
  /** In the order of the report. */
  readonly rows: readonly CheckRow[];
  /** Id of the selected check. */
  readonly at: string | undefined;
  /** Only what warns or fails is shown. */
  readonly faultsOnly: boolean;
  /** Whether the data root turned out to be empty, so that the operator is led to a first guest. */
  readonly first: "unknown" | "yes" | "no";
  /** What was found at the path of the data root, once nobody answered there. */
  readonly root: "unknown" | "asked" | "missing" | "making" | "there";
}

export const INIT: PreflightState = {
  ...{ profile: "windows", number: 0, run: { kind: "never" }, rows: [], at: undefined, faultsOnly: false },
  ...{ first: "unknown", root: "unknown" },
};

/** Messages of its keys and of its work. */
export type PreflightMessage =
  | { readonly kind: "run"; readonly only?: string }
  | { readonly kind: "cancel" }
  | { readonly kind: "profile" }
  | { readonly kind: "faults" }
  | { readonly kind: "move"; readonly by: number }
  | { readonly kind: "next_fault"; readonly by: 1 | -1 }
  | { readonly kind: "listed"; readonly number: number; readonly rows: readonly CheckHead[] }
  | { readonly kind: "said"; readonly number: number; readonly id: string; readonly detail: string }
  | { readonly kind: "ended"; readonly number: number; readonly result: CheckReport }
  | { readonly kind: "over"; readonly number: number; readonly tookMs: number }
  | { readonly kind: "failed"; readonly number: number; readonly problem: Problem }
  | { readonly kind: "root"; readonly found: "missing" | "there" }
  | { readonly kind: "make_root" }
  | { readonly kind: "root_made"; readonly problem?: Problem };

/** What its runner does. */
export type PreflightWork =
  | { readonly kind: "run"; readonly number: number; readonly profile: Profile; readonly only?: string }
  /** Whether there is a data root at all. */
  | { readonly kind: "look_root" }
  | { readonly kind: "make_root" };

export const work = (work: PreflightWork): Effect => ({ do: "screen", screen: "preflight", work });
export const own = (message: PreflightMessage): Message => ({ type: "screen", screen: "preflight", message });

/** What an ended check says; undefined while it runs. */
export function statusOf({ at }: CheckRow): Status | undefined {
  return at.kind === "ended" ? at.result.status : undefined;
}

export function isFault(row: CheckRow): boolean {
  const status = statusOf(row);
  return status === "WARN" || status === "FAIL";
}

/** The rows that are shown. */
export function shownRows({ rows, faultsOnly }: PreflightState): readonly CheckRow[] {
  return faultsOnly ? rows.filter(isFault) : rows;
}

/** The selected row: the first one where the selected is not shown. */
export function selectedRow(state: PreflightState): CheckRow | undefined {
  const shown = shownRows(state);
  return shown.find(({ id }) => id === state.at) ?? shown[0];
}

/** Ids of the checks without which no guest of this kind can be had. */
export function blockingOf({ rows }: PreflightState): readonly string[] {
  return rows.flatMap(({ id, at }) => at.kind === "ended" && at.result.blocking ? [id] : []);
}

export function countOf({ rows }: PreflightState, status: Status): number {
  return rows.filter((row) => statusOf(row) === status).length;
}

export function reduce(state: PreflightState, message: Message, model: Model): Next<PreflightState> {
  switch (message.type) {
    case "show":
      return message.screen === "preflight" && state.run.kind === "never" ? begin(state, model) : { state };
    case "screen":
      // Only this screen's keys and work send them.
      return message.screen === "preflight" ? act(state, message.message as PreflightMessage, model) : {
        state,
      };
    default:
      return firstRun(state, message, model);
  }
}

function act(state: PreflightState, message: PreflightMessage, model: Model): Next<PreflightState> {
  const running = state.run.kind === "running";
  switch (message.kind) {
    case "run":
      return running ? { state } : begin(state, model, message.only);
    case "cancel":
      if (!running) return { state };
      return {
        // What comes of it from now on is late.
        state: { ...state, number: state.number + 1, run: { kind: "cancelled" } },
        effects: [{ do: "stop_work", screen: "preflight" }],
      };
    case "profile":
      if (running) return { state };
      return begin({ ...state, profile: state.profile === "windows" ? "linux" : "windows" }, model);
    case "faults":
      return { state: { ...state, faultsOnly: !state.faultsOnly } };
    case "move":
      return { state: moved(state, message.by) };
    case "next_fault":
      return { state: toFault(state, message.by) };
    case "root":
    case "make_root":
    case "root_made":
      return firstRun(state, own(message), model);
    default:
      return { state: message.number === state.number && running ? came(state, message) : state };
  }
}

/** Begins a run of all checks, or one check once more. */
function begin(state: PreflightState, model: Model, only?: string): Next<PreflightState> {
  const again = only === undefined ? undefined : state.rows.find(({ id }) => id === only);
  const number = state.number + 1;
  const rows = again
    ? state.rows.map((row) => row === again ? { ...row, at: { kind: "waiting", detail: "" } as const } : row)
    : [];
  return {
    state: { ...state, number, rows, run: { kind: "running", since: model.now } },
    effects: [work({ kind: "run", number, profile: state.profile, ...(again ? { only: again.id } : {}) })],
  };
}

/** What a run that goes on tells. */
function came(
  state: PreflightState,
  message: Extract<PreflightMessage, { readonly number: number }>,
): PreflightState {
  switch (message.kind) {
    case "listed": {
      if (state.rows.length > 0) return state; // one check once more: the others stay as they were
      const waiting = { kind: "waiting", detail: "" } as const;
      const rows = message.rows.map((head): CheckRow => ({ ...head, at: waiting }));
      return { ...state, rows: rows.toSorted((a, b) => placeOf(a) - placeOf(b)) };
    }
    case "said":
      return withRow(state, message.id, { kind: "waiting", detail: message.detail });
    case "ended":
      return withRow(state, message.result.check_id, { kind: "ended", result: message.result });
    case "over": {
      // Nothing was selected yet: the first that fails is.
      const at = state.at ?? state.rows.find((row) => statusOf(row) === "FAIL")?.id;
      return { ...state, at, run: { kind: "ended", tookMs: message.tookMs } };
    }
    case "failed":
      return { ...state, run: { kind: "failed", problem: message.problem } };
  }
}

function withRow(state: PreflightState, id: string, at: CheckRow["at"]): PreflightState {
  return { ...state, rows: state.rows.map((row) => row.id === id ? { ...row, at } : row) };
}

const placeOf = ({ group }: CheckHead) => CHECK_GROUPS.indexOf(group);

function moved(state: PreflightState, by: number): PreflightState {
  const shown = shownRows(state);
  const selected = selectedRow(state);
  if (!selected) return state;
  const to = Math.min(Math.max(shown.indexOf(selected) + by, 0), shown.length - 1);
  return { ...state, at: shown[to]?.id };
}

/** The next check that warns or fails; around the end. */
function toFault(state: PreflightState, by: 1 | -1): PreflightState {
  const shown = shownRows(state);
  const selected = selectedRow(state);
  if (!selected) return state;
  const from = shown.indexOf(selected);
  for (let step = 1; step <= shown.length; step++) {
    const row = shown.at((from + by * step) % shown.length);
    if (row && isFault(row)) return { ...state, at: row.id };
  }
  return state;
}
