/** What becomes of the screen `provision` by keys, by its work, and by what the supervisor tells. */
import { type Key, nameOf } from "../../key.ts";
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import {
  back,
  backToQuestions,
  change,
  choicesOf,
  chosen,
  filled,
  questionOf,
  reviewed,
  takeAnswer,
  takeId,
} from "./asking.ts";
import { begin, LEAVE_DIALOG, overwriteDialog, takePassword, typePassword } from "./beginning.ts";
import { edited, fieldOf } from "./field.ts";
import { type Mode, NEW_ID, own, type ProvisionMessage, type ProvisionState, work } from "./state.ts";
import { heard, looked, undone, watch } from "./watching.ts";
import { problemText } from "./words.ts";

type Came = Next<ProvisionState>;

export function reduce(state: ProvisionState, message: Message, model: Model): Came {
  switch (message.type) {
    case "screen":
      // Only this screen's keys and work send them.
      return message.screen === "provision"
        ? act(state, message.message as ProvisionMessage, model)
        : { state };
    case "key":
      return key(state, message.key, model);
    case "event":
      return heard(state, message.event);
    case "tick":
      return watch(state, message.now, model);
    case "came":
      return { state: undone(state, message) };
    case "answered":
      return { state: looked(state, message.tag, message.result) };
    case "status":
      return { state: bounded(state, message.status.provisioning.length) };
    default:
      return { state };
  }
}

/** A key that no row of the table took: while text is typed that is every key. */
function key(state: ProvisionState, key: Key, model: Model): Came {
  if (!typing(state)) return { state };
  switch (nameOf(key)) {
    case "enter":
      return take(state, model);
    case "esc":
      return goBack(state);
    case "tab":
      return act(state, { kind: "fill" }, model);
    case "ctrl-x":
      return { state, messages: [LEAVE_DIALOG] };
    default:
      return { state: { ...state, mode: typed(state.mode, key) } };
  }
}

function typed(mode: Mode, key: Key): Mode {
  switch (mode.kind) {
    case "password":
      return typePassword(mode, key);
    case "ask": {
      const question = questionOf(mode.making);
      if (!question || choicesOf(mode, question).length > 0) return mode;
      const field = edited(mode.field, key);
      const { wrong: _wrong, ...rest } = mode;
      return field ? { ...rest, field } : mode;
    }
    case "id":
    case "save": {
      const field = edited(mode.field, key);
      const { wrong: _wrong, ...rest } = mode;
      return field ? { ...rest, field } : mode;
    }
    default:
      return mode;
  }
}

/** Whether keys of one letter are text now. */
export function typing({ mode }: ProvisionState): boolean {
  if (mode.kind === "ask") {
    const question = questionOf(mode.making);
    return question !== undefined && choicesOf(mode, question).length === 0;
  }
  return mode.kind === "id" || mode.kind === "save" || mode.kind === "password";
}

function act(state: ProvisionState, message: ProvisionMessage, model: Model): Came {
  const { mode } = state;
  switch (message.kind) {
    case "new":
      // Who is in the middle of it stays there.
      return mode.kind === "runs" || mode.kind === "run" ? started(state, model) : { state };
    case "take":
      return take(state, model);
    case "back":
      return goBack(state);
    case "leave":
      return { state: { ...state, mode: { kind: "runs", at: 0 } } };
    case "move":
      return { state: { ...state, mode: moved(mode, message.by, model) } };
    case "fill":
      return { state: mode.kind === "ask" ? { ...state, mode: filled(mode) } : state };
    case "open":
      return watch({ ...state, mode: shown(message.vm) }, model.now, model);
    case "begin":
      return mode.kind === "review" && !model.prefs.readOnly ? begin(state, mode) : { state };
    case "beginning":
      if (mode.kind !== "review" && mode.kind !== "password") return { state };
      return {
        state: { ...state, mode: { ...shown(mode.making.id), begun: false, making: mode.making } },
      };
    case "begun":
      return begun(state, message);
    default:
      return ofFiles(state, message);
  }
}

/** The messages about plans, files and looks. */
function ofFiles(
  state: ProvisionState,
  message: Extract<
    ProvisionMessage,
    { readonly kind: "plan" | "save" | "write" | "looked" | "host" | "planned" | "saved" }
  >,
): Came {
  const { mode } = state;
  const number = state.number + 1;
  switch (message.kind) {
    case "plan": {
      if (mode.kind !== "review") return { state };
      const { making } = mode;
      return {
        state: { number, mode: { kind: "plan", making, plan: { kind: "asked" }, scroll: 0 } },
        effects: [work({ kind: "plan", number, id: making.id, draft: making.wizard.draft })],
      };
    }
    case "save": {
      if (mode.kind !== "review") return { state };
      const field = fieldOf(`${mode.making.id}.toml`);
      return { state: { ...state, mode: { kind: "save", making: mode.making, field, saving: false } } };
    }
    case "write": {
      if (mode.kind !== "save") return { state };
      const { draft } = mode.making.wizard;
      return {
        state: { number, mode: { ...mode, saving: true } },
        effects: [work({ kind: "save", number, path: message.path, draft, over: message.over })],
      };
    }
    default:
      return message.number === state.number ? came(state, message) : { state };
  }
}

/** What the work came to. */
function came(
  state: ProvisionState,
  message: Extract<ProvisionMessage, { readonly kind: "looked" | "host" | "planned" | "saved" }>,
): Came {
  const { mode } = state;
  switch (message.kind) {
    case "looked": {
      if (mode.kind !== "ask" && mode.kind !== "review") return { state };
      const { facts, refusals, remarks } = message;
      return {
        state: {
          ...state,
          mode: { ...mode, making: { ...mode.making, facts, refusals, remarks, looking: false } },
        },
      };
    }
    case "host": {
      if (mode.kind !== "review") return { state };
      const host = { draft: mode.making.wizard.draft, look: message.host };
      return { state: { ...state, mode: { ...mode, making: { ...mode.making, host }, host: message.host } } };
    }
    case "planned":
      return { state: mode.kind === "plan" ? { ...state, mode: { ...mode, plan: message.plan } } : state };
    case "saved": {
      if (mode.kind !== "save") return { state };
      const open = { ...mode, saving: false };
      if (message.came.kind === "failed") {
        return { state: { ...state, mode: { ...open, wrong: problemText(message.came.problem) } } };
      }
      if (message.came.kind === "there") {
        return {
          state: { ...state, mode: open },
          messages: [overwriteDialog(mode.making.id, message.came.path)],
        };
      }
      const next = reviewed(state, mode.making);
      const text = `saved: ${message.came.path}; \`rayvisor provision ${mode.making.id} --answers\` takes it`;
      return {
        ...next,
        messages: [{ type: "open", overlay: { kind: "text", title: "Answers", lines: [text], scroll: 0 } }],
      };
    }
  }
}

/** What the supervisor said of a run that was asked for. */
function begun(
  state: ProvisionState,
  { id, problem }: Extract<ProvisionMessage, { readonly kind: "begun" }>,
): Came {
  const { mode } = state;
  if (mode.kind !== "run" || mode.vm !== id || mode.begun) return { state };
  if (!problem) return { state: { ...state, mode: { ...shown(id), begun: true } } };
  const next: Came = mode.making
    ? reviewed(state, mode.making)
    : { state: { ...state, mode: { kind: "runs", at: 0 } } };
  const reasons = (problem.reasons ?? []).map(({ rule, why, where }) =>
    `${rule}: ${why}${where === undefined ? "" : ` (${where})`}`
  );
  return {
    ...next,
    messages: [{
      type: "open",
      overlay: {
        kind: "text",
        title: `${id} was not begun`,
        lines: [problem.message, ...reasons, ...problem.hint === undefined ? [] : [problem.hint]],
        scroll: 0,
      },
    }],
  };
}

const shown = (vm: string): Extract<Mode, { readonly kind: "run" }> => ({
  ...{ kind: "run", vm, begun: true, serial: [], looked: undefined },
});

function started(state: ProvisionState, model: Model): Came {
  return { state: model.prefs.readOnly ? state : { ...state, mode: NEW_ID } };
}

function take(state: ProvisionState, model: Model): Came {
  const { mode } = state;
  switch (mode.kind) {
    case "runs": {
      const run = model.provisioning[mode.at];
      return run ? watch({ ...state, mode: shown(run.vm) }, model.now, model) : started(state, model);
    }
    case "id":
      return takeId(state, mode, model);
    case "ask":
      return takeAnswer(state, mode);
    case "review":
      return { state: change(state, mode) };
    case "password":
      return takePassword(state, mode);
    case "save": {
      const path = mode.field.text.trim();
      if (mode.saving) return { state };
      if (path === "") return { state: { ...state, mode: { ...mode, wrong: "a name is needed" } } };
      return { state, messages: [own({ kind: "write", path, over: false })] };
    }
    case "plan":
    case "run":
      return { state };
  }
}

function goBack(state: ProvisionState): Came {
  const { mode } = state;
  switch (mode.kind) {
    case "runs":
      return { state };
    case "id":
    case "run":
      return { state: { ...state, mode: { kind: "runs", at: 0 } } };
    case "ask":
      return back(state, mode);
    case "review":
      return backToQuestions(state, mode);
    case "plan":
    case "save":
    case "password":
      return reviewed(state, mode.making);
  }
}

/** Up and down: through a list, choices, lines of a plan. */
function moved(mode: Mode, by: number, model: Model): Mode {
  const within = (at: number, count: number) => Math.min(Math.max(at + by, 0), Math.max(count - 1, 0));
  switch (mode.kind) {
    case "runs":
      return { ...mode, at: within(mode.at, model.provisioning.length + (model.prefs.readOnly ? 0 : 1)) };
    case "ask": {
      const question = questionOf(mode.making);
      if (!question) return mode;
      return { ...mode, choice: within(chosen(mode, question), choicesOf(mode, question).length) };
    }
    case "review":
      return { ...mode, at: within(mode.at, mode.making.wizard.done.length) };
    case "plan":
      return { ...mode, scroll: Math.max(0, mode.scroll + by) };
    default:
      return mode;
  }
}

/** The list's selection stays in the list. */
function bounded(state: ProvisionState, count: number): ProvisionState {
  const { mode } = state;
  return mode.kind === "runs" && mode.at > count ? { ...state, mode: { ...mode, at: count } } : state;
}
