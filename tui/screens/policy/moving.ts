/** Where the cursor goes on the policy screen. Pure. */
import type { Reason } from "../../../src/core/problem.ts";
import { rightRows } from "./right_words.ts";
import { fieldsOf } from "./fields.ts";
import { fileOf, type PolicyState, problemsOf, valueOf } from "./state.ts";

/**
 * Moves in the file, or in the panel beside it; the file follows what a row of the panel is about. `rows`: of a panel that only
 * scrolls.
 */
export function moved(state: PolicyState, by: number | "first" | "last", rows = 0): PolicyState {
  if (state.focus === "file") {
    const lines = fileOf(state)?.lines.length ?? 1;
    return { ...state, line: 1 + step(state.line - 1, by, lines) };
  }
  if (state.panel === "what_if" && (by === 1 || by === -1)) {
    const fields = fieldsOf(state);
    const field = fields[step(fields.indexOf(state.whatIf.field), by, fields.length)] ?? "action";
    return { ...state, whatIf: { ...state.whatIf, field } };
  }
  const at = step(state.at[state.panel], by, lengthOf(state) ?? rows);
  return followed({ ...state, at: { ...state.at, [state.panel]: at } });
}

/** The file's cursor on the line that the row of the panel is about. */
export function followed(state: PolicyState): PolicyState {
  const line = lineOfRow(state);
  return line === undefined ? state : { ...state, line };
}

/** The line that the row of the panel, or the first reason of a denial, is about; undefined where the file has none. */
export function lineOfRow(state: PolicyState): number | undefined {
  if (state.panel === "what_if") {
    const decision = valueOf(state.whatIf.answer)?.decision;
    return decision?.effect === "deny" ? lineIn(decision.reasons) : undefined;
  }
  if (state.panel === "rights") {
    const rights = valueOf(state.rights);
    return rights ? rightRows(rights)[state.at.rights]?.line : undefined;
  }
  return state.panel === "problems" ? remarksOfFile(state)[state.at.problems]?.line : undefined;
}

/** The first line that reasons name: `linux.enabled (line 23)`. */
function lineIn(reasons: readonly Reason[]): number | undefined {
  for (const { where = "" } of reasons) {
    const line = /\(line (\d+)\)$/.exec(where)?.[1];
    if (line !== undefined) return Number(line);
  }
  return undefined;
}

/** Problems, then what is remarkable. */
export function remarksOfFile(state: PolicyState) {
  return [...problemsOf(state), ...fileOf(state)?.notes ?? []];
}

/** Rows of the panel; undefined for one that only scrolls. */
function lengthOf(state: PolicyState): number | undefined {
  switch (state.panel) {
    case "rights": {
      const rights = valueOf(state.rights);
      return rights ? rightRows(rights).length : 0;
    }
    case "problems":
      return remarksOfFile(state).length;
    case "what_if":
    case "difference":
      return undefined;
  }
}

function step(at: number, by: number | "first" | "last", length: number): number {
  const last = Math.max(0, length - 1);
  return by === "first" ? 0 : by === "last" ? last : Math.min(last, Math.max(0, at + by));
}
