/** The next state of the screen `policy`. Pure. */
import type { PolicyApplyView } from "../../../src/actions/views.ts";
import { isObject } from "../../../src/core/json.ts";
import { type Key, nameOf, textOf } from "../../key.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import {
  answered,
  askAll,
  askCheck,
  askRights,
  askWhatIf,
  guestOf,
  joined,
  POLICY_ACTIONS,
  profileOf,
  profilesOf,
  takesProfile,
} from "./asking.ts";
import { scrollLength } from "./lines.ts";
import { followed, moved } from "./moving.ts";
import { INIT, type PolicyMessage, type PolicyState, type PolicyWork } from "./state.ts";

type Step = { readonly state: PolicyState; readonly effects: readonly Effect[] };
const still = (state: PolicyState): Step => ({ state, effects: [] });

/** Longest path that can be typed, characters. */
const MOST_PATH = 1024;

export function reducePolicy(state: PolicyState, message: Message, model: Model): Next<PolicyState> {
  const isShown = model.screen === "policy";
  const step = isShown ? opened(state) : left(state);
  return settled(joined(step, (now) => taken(now, message, model, isShown)), model, isShown);
}

function taken(state: PolicyState, message: Message, model: Model, isShown: boolean): Step {
  switch (message.type) {
    case "key":
      return isShown ? keyed(state, message.key) : still(state);
    case "screen":
      return message.screen === "policy" && isObject(message.message)
        ? told(state, message.message as unknown as PolicyMessage, model) // only this screen's own are for it
        : still(state);
    case "answered":
      return message.tag.startsWith("policy:") ? still(followed(answered(state, message))) : still(state);
    case "came":
      return still(came(state, message));
    case "connected":
      return isShown ? connected(state) : still(state);
    case "event":
      return isShown ? heard(state, message) : still(state);
    default:
      return still(state);
  }
}

/** A guest that is gone gives way to the first that there is. */
function settled(step: Step, model: Model, isShown: boolean): Step {
  const vm = guestOf(step.state, model);
  if (!isShown || vm === step.state.vm) return step;
  return joined(step, (state) => of({ ...state, vm }));
}

/** The state is about another guest: what was known is not about it. */
function of(state: PolicyState): Step {
  const rights = { ...state, rights: INIT.rights, whatIf: { ...state.whatIf, answer: INIT.whatIf.answer } };
  return joined(askRights(rights), askWhatIf);
}

/** The file is read, and watched, while the screen is shown. */
function opened(state: PolicyState): Step {
  if (state.watching !== undefined) return still(state);
  const run = state.runs + 1;
  const watching = { ...state, runs: run, watching: run };
  return joined({ state: watching, effects: [work({ kind: "watch", run })] }, askAll);
}

/** A data root may have been made meanwhile: a file that was not there is looked for again. */
function connected(state: PolicyState): Step {
  if (state.seen.kind !== "none") return askAll(state);
  return joined(left(state), opened);
}

function left(state: PolicyState): Step {
  if (state.watching === undefined) return still(state);
  const candidate = state.candidate?.kind === "reading" ? undefined : state.candidate;
  return {
    state: { ...state, watching: undefined, typing: undefined, candidate },
    effects: [{ do: "stop_work", screen: "policy" }],
  };
}

function work(asked: PolicyWork): Effect {
  return { do: "screen", screen: "policy", work: asked };
}

/** A change of the policy changes every answer; one of the guest may change the decision. */
function heard(state: PolicyState, { event }: Extract<Message, { type: "event" }>): Step {
  if (/^RAYOS_(POLICY:|SAFE_MODE:)/.test(event.event)) return askAll(state);
  if (!/^RAYOS_(VM|PRESENTATION|NETWORK):/.test(event.event)) return still(state);
  // One question at a time: whatever comes while it is open is in its answer, or comes again.
  return state.panel === "what_if" && state.whatIf.answer.kind !== "asked" ? askWhatIf(state) : still(state);
}

function came(state: PolicyState, message: Extract<Message, { type: "came" }>): PolicyState {
  const { candidate } = state;
  if (message.action !== "policy.apply" || !message.result.ok || candidate?.kind !== "checked") return state;
  // The supervisor is of this same program; its answers are described in actions/views.ts.
  const view = message.result.value as PolicyApplyView;
  return { ...state, candidate: { kind: "applied", path: candidate.file.path, view, at: message.now } };
}

function told(state: PolicyState, message: PolicyMessage, model: Model): Step {
  switch (message.kind) {
    case "file":
    case "no_file":
      return message.run === state.watching ? still(read(state, message)) : still(state);
    case "candidate":
    case "refused":
      return candidateRead(state, message);
    case "panel":
      return still(followed({ ...state, panel: message.panel, focus: "panel" }));
    case "focus":
      return still({ ...state, focus: state.focus === "file" ? "panel" : "file" });
    case "move":
      return still(moved(state, message.by, scrollLength(model)));
    case "turn":
      return turned(state, message.by, model);
    case "guest":
      return message.vm === state.vm ? still(state) : of({ ...state, vm: message.vm });
    case "action":
      return askWhatIf(chosen(state, { action: message.action }));
    case "profile":
      return askWhatIf(chosen(state, { profile: message.profile }));
    case "edit":
      return still({ ...state, typing: state.path, panel: "difference", focus: "panel" });
    case "compare":
      return compared(state, message.path);
    case "drop":
      return still({ ...state, candidate: undefined });
    default:
      return still(state);
  }
}

function chosen(state: PolicyState, what: Partial<PolicyState["whatIf"]>): PolicyState {
  return { ...state, whatIf: { ...state.whatIf, ...what, answer: INIT.whatIf.answer } };
}

function read(
  state: PolicyState,
  message: Extract<PolicyMessage, { kind: "file" | "no_file" }>,
): PolicyState {
  if (message.kind === "no_file") return { ...state, seen: { kind: "none", why: message.why } };
  const { file } = message;
  const first = file.problems[0]?.line;
  const wasGood = state.seen.kind !== "read" || state.seen.file.problems.length === 0;
  const line = Math.min(first !== undefined && wasGood ? first : state.line, Math.max(1, file.lines.length));
  // What is wrong is shown as soon as something is.
  const panel = file.problems.length > 0 && wasGood ? "problems" : state.panel;
  const at = panel === state.panel ? state.at : { ...state.at, problems: 0 };
  return { ...state, seen: { kind: "read", file }, line, panel, at };
}

function candidateRead(
  state: PolicyState,
  message: Extract<PolicyMessage, { kind: "candidate" | "refused" }>,
): Step {
  const { candidate } = state;
  if (candidate?.kind !== "reading" || candidate.run !== message.run) return still(state);
  if (message.kind === "refused") {
    const { path, problems, lines } = message;
    return still({ ...state, candidate: { kind: "bad", path, problems, lines } });
  }
  return askCheck({
    ...state,
    candidate: { kind: "checked", file: message.file, check: { kind: "unasked" } },
  });
}

function compared(state: PolicyState, typed: string): Step {
  const path = typed.trim();
  if (path === "") return still({ ...state, typing: undefined });
  const run = state.runs + 1;
  return {
    state: {
      ...state,
      runs: run,
      path,
      typing: undefined,
      panel: "difference",
      at: { ...state.at, difference: 0 },
      candidate: { kind: "reading", path, run },
    },
    effects: [work({ kind: "candidate", run, path })],
  };
}

/** The next or the one before of what the cursor is on: in the what-if its field, elsewhere the guest. */
function turned(state: PolicyState, by: 1 | -1, model: Model): Step {
  const { field, action } = state.whatIf;
  if (state.panel !== "what_if" || field === "guest") {
    const vm = beside(model.guests.map(({ id }) => id), state.vm, by);
    return vm === undefined || vm === state.vm ? still(state) : of({ ...state, vm });
  }
  if (field === "action") {
    return askWhatIf(chosen(state, { action: beside(POLICY_ACTIONS, action, by) ?? action }));
  }
  if (!takesProfile(action)) return still(state);
  return askWhatIf(chosen(state, { profile: beside(profilesOf(state), profileOf(state), by) }));
}

function beside<T>(all: readonly T[], one: T | undefined, by: 1 | -1): T | undefined {
  if (all.length === 0) return undefined;
  const at = one === undefined ? -1 : all.indexOf(one);
  return all[(Math.max(at, by > 0 ? -1 : 0) + by + all.length) % all.length];
}

/** Keys that no row of the table took: text, while a path is typed. */
function keyed(state: PolicyState, key: Key): Step {
  if (state.typing === undefined) return still(state);
  const { typing } = state;
  switch (nameOf(key)) {
    case "esc":
      return still({ ...state, typing: undefined });
    case "enter":
      return compared(state, typing);
    case "ctrl-u":
      return still({ ...state, typing: "" });
    case "backspace":
      return still({ ...state, typing: [...typing].slice(0, -1).join("") });
  }
  const more = textOf(key);
  return still(more === undefined ? state : { ...state, typing: (typing + more).slice(0, MOST_PATH) });
}
