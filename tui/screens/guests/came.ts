/** What came of an action on a guest: what would take it back, or why it was not done. Pure. */
import { type ActionId, actionSpec } from "../../../src/actions/table.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { sanitizeLine, sanitizeText } from "../../../src/core/sanitize.ts";
import type { Came } from "../../model.ts";
import type { Next } from "../../screen.ts";
import type { GuestsState } from "./state.ts";

/** What takes an action back, where something does. */
const BACK: Readonly<Partial<Record<ActionId, ActionId>>> = {
  "vm.present": "vm.hide",
  "vm.hide": "vm.present",
  "vm.pause": "vm.resume",
  "vm.resume": "vm.pause",
  "vm.start": "vm.stop",
  "vm.stop": "vm.start",
  "vm.suspend": "vm.start",
};

export function came(state: GuestsState, { action, params, result }: Came): Next<GuestsState> {
  const vm = typeof params.id === "string" ? params.id : undefined;
  if (vm === undefined || !actionSpec(action).path.startsWith("/vms/{id}")) return { state };
  const shown = state.shown?.vm === vm ? { ...state.shown, at: 0 } : state.shown;
  if (!result.ok) {
    return {
      state: { ...state, shown, refused: { title: titleOf(action, vm), problem: result.problem } },
      messages: hasMore(result.problem)
        ? [{ type: "toast", tone: "plain", text: "w: all of its reasons" }]
        : [],
    };
  }
  const back = BACK[action];
  if (back === undefined) return { state: { ...state, shown, undo: undefined, refused: undefined } };
  return {
    state: { ...state, shown, undo: { action: back, vm }, refused: undefined },
    messages: [{ type: "toast", tone: "plain", text: `u takes it back: ${titleOf(back, vm)}` }],
  };
}

/** Whether there is more to be read than a line. */
function hasMore({ reasons, problems, hint }: Problem): boolean {
  return reasons !== undefined || problems !== undefined || hint !== undefined;
}

function titleOf(action: ActionId, vm: string): string {
  return `${actionSpec(action).title} ${sanitizeLine(vm, 64)}`;
}

/** A problem in full: every reason with where it stands, single problems, the hint. */
export function problemLines(problem: Problem): readonly string[] {
  return [
    ...sanitizeText(problem.message).split("\n"),
    ...(problem.reasons ?? []).flatMap(({ rule, why, where }) => [
      "",
      `${rule}: ${sanitizeLine(why, 1000)}`,
      ...(where === undefined ? [] : [`  policy: ${sanitizeLine(where, 200)}`]),
    ]),
    ...(problem.problems ?? []).map(({ path, message }) =>
      sanitizeLine(path ? `${path}: ${message}` : message, 1000)
    ),
    ...(problem.hint === undefined ? [] : ["", `hint: ${sanitizeLine(problem.hint, 1000)}`]),
  ];
}
