/** What happens to the screen's state; pure. Questions to the supervisor are effects, their answers come back by tag. */
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import { type Key, nameOf, textOf } from "../../key.ts";
import type { Next } from "../../screen.ts";
import { answered } from "./answers.ts";
import { came } from "./came.ts";
import { type GuestsMessage, ownOf } from "./messages.ts";
import { asks } from "./questions.ts";
import { indexOf, markedOf, moved, rowsOf, selectedOf } from "./rows.ts";
import { type GuestsState, SORTS } from "./state.ts";

type Step = Next<GuestsState>;

export function reduce(state: GuestsState, message: Message, model: Model): Step {
  const seen = withState(model, state);
  switch (message.type) {
    case "key":
      return state.typing ? typed(state, message.key, seen) : { state };
    case "screen": {
      const own = message.screen === "guests" ? ownOf(message.message) : undefined;
      if (own === undefined) return { state };
      const next = chosen(state, own, seen);
      return then(next, (after) => asks(after, withState(seen, after), false));
    }
    case "status":
    case "live":
    case "tick": {
      const settled = settle(state, seen);
      return asks(settled, withState(seen, settled), true);
    }
    case "connected":
    case "lost":
      // What was asked of a supervisor that is gone is never answered.
      return { state: { ...state, asking: undefined, explained: undefined, network: undefined } };
    case "event":
      return { state: outdated(state, message.event.fields.vm) };
    case "came":
      return came(state, message);
    case "answered":
      return then(answered(state, message, seen), (after) => asks(after, withState(seen, after), true));
    default:
      return { state };
  }
}

function withState(model: Model, state: GuestsState): Model {
  return model.screens.guests === state ? model : { ...model, screens: { ...model.screens, guests: state } };
}

function then(first: Step, second: (state: GuestsState) => Step): Step {
  const next = second(first.state);
  return {
    state: next.state,
    effects: [...first.effects ?? [], ...next.effects ?? []],
    messages: [...first.messages ?? [], ...next.messages ?? []],
  };
}

/** Cursor and marks on guests that are there. The same state when they are already. */
function settle(state: GuestsState, model: Model): GuestsState {
  const ids = new Set<string>(model.guests.map(({ id }) => id));
  const marks = state.marks.every((id) => ids.has(id))
    ? state.marks
    : state.marks.filter((id) => ids.has(id));
  // A guest that the filter hides is not left while the filter is being typed.
  const selected = state.typing ? state.selected : selectedOf(model)?.id ?? state.selected;
  const at = state.typing ? state.at : indexOf(model) ?? 0;
  if (marks === state.marks && selected === state.selected && at === state.at) return state;
  return { ...state, marks, selected, at };
}

/** What was shown of a guest is asked for again soon: something has happened to it. */
function outdated(state: GuestsState, vm: unknown): GuestsState {
  const { shown } = state;
  return shown === undefined || shown.vm !== vm ? state : { ...state, shown: { ...shown, at: 0 } };
}

function typed(state: GuestsState, key: Key, model: Model): Step {
  const text = textOf(key);
  if (text !== undefined) return { state: filtered(state, state.filter + text) };
  switch (nameOf(key)) {
    case "up":
      return { state: { ...state, ...moved(model, -1) } };
    case "down":
      return { state: { ...state, ...moved(model, 1) } };
    case "backspace":
      return { state: filtered(state, [...state.filter].slice(0, -1).join("")) };
    case "ctrl-u":
      return { state: filtered(state, "") };
    case "enter":
      return { state: { ...state, typing: false } };
    case "esc":
      return { state: { ...filtered(state, ""), typing: false } };
    default:
      return { state };
  }
}

const MAX_FILTER = 64;

function filtered(state: GuestsState, filter: string): GuestsState {
  return { ...state, filter: [...filter].slice(0, MAX_FILTER).join("") };
}

function chosen(state: GuestsState, message: GuestsMessage, model: Model): Step {
  switch (message.do) {
    case "move":
      return { state: { ...state, ...moved(model, message.by), scroll: 0 } };
    case "select":
      return { state: { ...state, selected: message.vm, filter: "", typing: false, scroll: 0 } };
    case "scroll":
      return { state: { ...state, scroll: Math.max(0, state.scroll + message.by) } };
    case "filter":
      return { state: { ...state, typing: true } };
    case "sort":
      return { state: { ...state, sort: SORTS[(SORTS.indexOf(state.sort) + 1) % SORTS.length] ?? "id" } };
    case "turn":
      return { state: { ...state, descending: !state.descending } };
    case "group":
      return { state: { ...state, grouped: !state.grouped } };
    case "mark":
      return { state: state.typing ? filtered(state, `${state.filter} `) : mark(state, model) };
    case "mark_all":
      return { state: markAll(state, model) };
    case "details":
      return {
        state: state.typing ? { ...state, typing: false } : { ...state, details: message.open, scroll: 0 },
      };
    case "events":
      return { state: { ...state, events: !state.events } };
    case "back":
      return { state: back(state) };
    case "act":
      return { state, effects: message.effects };
    case "network":
      return {
        state: { ...state, network: { vm: message.vm, view: undefined, refusals: {} } },
        effects: [question(`guests:net:${message.vm}`, "net.show", message.vm)],
      };
    case "show_text":
      return { state, effects: [question(`guests:argv:${message.vm}`, "vm.argv", message.vm)] };
  }
}

function question(tag: string, action: "net.show" | "vm.argv", vm: string): Effect {
  return { do: "ask", tag, action, params: { id: vm } };
}

/** Marks the guest or takes its mark off, and goes on to the next. */
function mark(state: GuestsState, model: Model): GuestsState {
  const guest = selectedOf(model);
  if (guest === undefined) return state;
  const marks = state.marks.includes(guest.id)
    ? state.marks.filter((id) => id !== guest.id)
    : [...state.marks, guest.id];
  return { ...state, ...moved(model, 1), marks };
}

/** Marks all that are shown; when they are marked already, takes every mark off. */
function markAll(state: GuestsState, model: Model): GuestsState {
  const ids = rowsOf(model).flatMap((row) => row.kind === "guest" ? [row.guest.id] : []);
  const marked = new Set<string>(markedOf(model).map(({ id }) => id));
  return { ...state, marks: ids.every((id) => marked.has(id)) ? [] : [...new Set([...state.marks, ...ids])] };
}

/** One step back: what was opened last is closed first. */
function back(state: GuestsState): GuestsState {
  if (state.typing) return { ...state, filter: "", typing: false };
  if (state.details) return { ...state, details: false, scroll: 0 };
  if (state.marks.length > 0) return { ...state, marks: [] };
  return state.filter === "" ? state : { ...state, filter: "" };
}
