/** The wizard's questions on the screen: keys in, the next mode out. The machine behind it is `src/provision/wizard.ts`. */
import { parseVmId, VM_ID_RULE } from "../../../src/core/ids.ts";
import {
  answerQuestion,
  askAgain,
  type Choice,
  goBack,
  nextQuestion,
  type Question,
  startWizard,
  summaryOf,
} from "../../../src/provision/wizard.ts";
import type { Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { EMPTY, fieldOf } from "./field.ts";
import { type Making, type Mode, NEW_ID, type ProvisionState, work } from "./state.ts";

type Ask = Extract<Mode, { readonly kind: "ask" }>;
type Review = Extract<Mode, { readonly kind: "review" }>;

/** The question that is asked; undefined when all are answered. */
export function questionOf({ wizard, facts }: Making): Question | undefined {
  return nextQuestion(wizard, facts);
}

/**
 * What of a question can be chosen: its choices, or yes and no. Empty where it wants text, and where text is being typed already:
 * choices that are found out meanwhile must not make keys of its letters.
 */
export function choicesOf({ field }: Ask, question: Question): readonly Choice[] {
  if (field.text !== "") return [];
  if (question.kind === "select") return question.choices;
  return question.kind === "confirm" ? [{ value: "yes", label: "yes" }, { value: "no", label: "no" }] : [];
}

/** Which choice is selected. */
export function chosen(mode: Ask, question: Question): number {
  const choices = choicesOf(mode, question);
  const fallback = choices.findIndex(({ value }) => value === question.fallback);
  return Math.min(Math.max(mode.choice ?? fallback, 0), Math.max(choices.length - 1, 0));
}

/** What is wrong with a new guest's id, or undefined. */
export function idFault(id: string, { guests, provisioning }: Model): string | undefined {
  if (id === "") return "an id is needed, for example web-1";
  if (parseVmId(id) === undefined) return `that is no id; allowed is ${VM_ID_RULE}`;
  const run = provisioning.find(({ vm }) => vm === id);
  if (run) return `there is a run of ${id}, ${run.state}: open it in the list`;
  return guests.some((guest) => guest.id === id) ? `there is a guest '${id}' already` : undefined;
}

/** Enter in the field of the id. */
export function takeId(
  state: ProvisionState,
  mode: Extract<Mode, { readonly kind: "id" }>,
  model: Model,
): Next<ProvisionState> {
  const id = mode.field.text.trim();
  const wrong = idFault(id, model);
  if (wrong !== undefined) return { state: { ...state, mode: { ...mode, wrong } } };
  return asked(state, { id, wizard: startWizard(), facts: {}, refusals: [], remarks: [], looking: false });
}

/** Enter at a question. */
export function takeAnswer(state: ProvisionState, mode: Ask): Next<ProvisionState> {
  const { making } = mode;
  const question = questionOf(making);
  if (!question) return reviewed(state, making);
  const choice = choicesOf(mode, question)[chosen(mode, question)];
  const next = answerQuestion(making.wizard, question, choice?.value ?? mode.field.text);
  if (!next.ok) return { state: { ...state, mode: { ...mode, wrong: next.error } } };
  return asked(state, { ...making, wizard: next.value }, mode.before);
}

/** The next question, or the review; what was said is looked into meanwhile. */
function asked(state: ProvisionState, making: Making, before?: Making["wizard"]): Next<ProvisionState> {
  if (!questionOf(making)) return reviewed(state, making);
  const number = state.number + 1;
  return {
    state: {
      number,
      mode: {
        kind: "ask",
        making: { ...making, looking: true },
        field: EMPTY,
        choice: undefined,
        ...(before ? { before } : {}),
      },
    },
    effects: [work({ kind: "look", number, id: making.id, draft: making.wizard.draft })],
  };
}

/** Everything is said: it is looked over, and whether this host can do it. */
export function reviewed(state: ProvisionState, making: Making, at = 0): Next<ProvisionState> {
  const number = state.number + 1;
  const { draft } = making.wizard;
  const known = making.host?.draft === draft ? making.host.look : undefined;
  const host = known ?? { kind: "looking" } as const;
  return {
    state: { number, mode: { kind: "review", making: { ...making, looking: true }, at, host } },
    effects: [
      work({ kind: "look", number, id: making.id, draft }),
      ...known ? [] : [work({ kind: "host", number, draft })],
    ],
  };
}

/** Enter in the review: that answer is given once more. */
export function change(state: ProvisionState, { making, at }: Review): ProvisionState {
  const entry = summaryOf(making.wizard.draft, making.facts)[at];
  if (!entry) return state;
  return {
    ...state,
    mode: {
      kind: "ask",
      making: { ...making, wizard: askAgain(making.wizard, entry[0].id) },
      field: EMPTY,
      choice: undefined,
      before: making.wizard,
    },
  };
}

/** Esc at a question: the one before, the review that it was changed in, or the id. */
export function back(state: ProvisionState, mode: Ask): Next<ProvisionState> {
  const { making, before } = mode;
  if (before) return reviewed(state, { ...making, wizard: before });
  if (making.wizard.done.length === 0) {
    return { state: { ...state, mode: { ...NEW_ID, kind: "id", field: fieldOf(making.id) } } };
  }
  return asked(state, { ...making, wizard: goBack(making.wizard) });
}

/** Esc in the review: the last question. */
export function backToQuestions(state: ProvisionState, { making }: Review): Next<ProvisionState> {
  return asked(state, { ...making, wizard: goBack(making.wizard) });
}

/** Tab: the default into the field, to be changed there. */
export function filled(mode: Ask): Ask {
  const fallback = questionOf(mode.making)?.fallback;
  return fallback === undefined ? mode : { ...mode, field: fieldOf(fallback) };
}
