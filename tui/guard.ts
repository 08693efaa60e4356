/**
 * The one gate between what is asked for and what is done: an action that disrupts or destroys is emitted only as the answer to
 * a question, and one that changes anything not at all in a read-only UI. Screens ask better questions than these; this one is
 * asked when a screen did not.
 */
import { type ActionId, actionSpec } from "../src/actions/table.ts";
import type { Effect, Model, Overlay } from "./model.ts";

/** Whether an action changes anything. */
export function changes(action: ActionId): boolean {
  const { policy, risk } = actionSpec(action);
  return policy !== null || risk !== "none";
}

/** Whether it must be asked for twice. */
export function needsConfirmation(action: ActionId): boolean {
  const { risk } = actionSpec(action);
  return risk === "disruptive" || risk === "destructive";
}

/** Whether a yes takes the guest's name: what destroys can't be had back. A run that is called off can be gone on with. */
function needsWord({ action, params }: Extract<Effect, { do: "perform" | "ask" }>): boolean {
  return actionSpec(action).risk === "destructive" &&
    (action !== "provision.cancel" || params.undo === true);
}

export interface Guarded {
  /** May be carried out now. */
  readonly effects: readonly Effect[];
  /** Questions to be answered first. */
  readonly questions: readonly Overlay[];
  /** How many were left out because nothing may be changed. */
  readonly refused: number;
}

/** `confirmed`: these effects are the answer to a question. */
export function guard(model: Model, effects: readonly Effect[], confirmed: boolean): Guarded {
  const passed: Effect[] = [], questions: Overlay[] = [];
  let refused = 0;
  for (const effect of effects) {
    if (effect.do !== "perform" && effect.do !== "ask") passed.push(effect);
    else if (model.prefs.readOnly && changes(effect.action)) refused++;
    else if (!confirmed && needsConfirmation(effect.action)) questions.push(question(effect));
    else passed.push(effect);
  }
  return { effects: passed, questions, refused };
}

function question(effect: Extract<Effect, { do: "perform" | "ask" }>): Overlay {
  const { title, summary } = actionSpec(effect.action);
  const vm = typeof effect.params.id === "string" ? effect.params.id : undefined;
  return {
    kind: "confirm",
    title: vm === undefined ? title : `${title} ${vm}?`,
    lines: [summary],
    ...(vm !== undefined && needsWord(effect) ? { typed: { word: vm, given: "" } } : {}),
    then: [effect],
  };
}
