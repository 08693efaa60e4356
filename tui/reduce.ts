/**
 * The one place where the model changes: `reduce(model, message)` gives the next model and what is to be done. Pure. What is
 * done passes the gate of `guard.ts`; what a message leads to (an overlay, another screen) is reduced in the same step.
 */
import { unreachable } from "../src/core/result.ts";
import { answeredOverlay, cameToast, onData, withToast } from "./data.ts";
import { guard } from "./guard.ts";
import type { Key } from "./key.ts";
import { isTyping, rowFor } from "./keys.ts";
import type { Message } from "./messages.ts";
import { type Effect, type Model, type ScreenId, SCREENS } from "./model.ts";
import { overlayKey } from "./overlay_keys.ts";
import { ALL_SCREENS, type AllScreens } from "./screens/all.ts";
import { unaged } from "./toasts.ts";

export interface Reduced {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

export type Reduce = (model: Model, message: Message) => Reduced;

/** What one message leads to; `messages` are reduced next. */
export interface Step {
  readonly model: Model;
  readonly effects?: readonly Effect[];
  readonly messages?: readonly Message[];
  /** The effects are the answer to a question that was shown. */
  readonly confirmed?: boolean;
}

/** A chain of messages that is longer than this goes round in circles. */
const MAX_CHAIN = 200;
const MAX_OVERLAYS = 8;

export function makeReduce(screens: AllScreens): Reduce {
  return (before, first) => {
    let model = before;
    const queue: Message[] = [first], effects: Effect[] = [];
    for (let turn = 0; queue.length > 0 && turn < MAX_CHAIN; turn++) {
      const message = queue.shift();
      if (message === undefined) break;
      const step = take(model, message, screens);
      model = step.model;
      const guarded = guard(model, step.effects ?? [], step.confirmed ?? false);
      if (guarded.refused > 0) {
        model = withToast(model, "bad", "Nothing can be changed: this UI was opened with --read-only");
      }
      const next: Message[] = [...step.messages ?? []];
      for (const effect of guarded.effects) {
        if (effect.do === "message") next.push(effect.message);
        else effects.push(effect);
      }
      for (const overlay of guarded.questions) next.push({ type: "open", overlay });
      queue.unshift(...next);
    }
    return { model, effects };
  };
}

export const reduce: Reduce = makeReduce(ALL_SCREENS);

function take(model: Model, message: Message, screens: AllScreens): Step {
  switch (message.type) {
    case "key":
      return onKey(unaged(model), message.key, screens);
    case "screen":
      return ofScreen(model, message.screen, message, screens);
    case "open":
      return { model: { ...model, overlays: [...model.overlays, message.overlay].slice(-MAX_OVERLAYS) } };
    case "close":
      return { model: { ...model, overlays: model.overlays.slice(0, -1) } };
    case "do":
      return { model, effects: message.effects };
    case "toast":
      return { model: withToast(model, message.tone, message.text) };
    case "show":
      return ofAll({ model: { ...model, screen: message.screen } }, message, screens);
    case "resized": {
      const { columns, rows } = message;
      return ofAll({ model: { ...model, size: { columns, rows } } }, message, screens);
    }
    case "came":
      return ofAll(
        {
          model: cameToast({ ...model, now: message.now }, message),
          effects: [{ do: "refresh", urgent: true }],
        },
        message,
        screens,
      );
    case "answered":
      return ofAll(answeredOverlay(model, message), message, screens);
    case "tick":
    case "connected":
    case "lost":
    case "status":
    case "live":
    case "event":
    case "jobs":
      return ofAll(onData(model, message), message, screens);
    default:
      return unreachable(message);
  }
}

/** Hands a message to every screen, after the shell has taken it. */
function ofAll(step: Step, message: Message, screens: AllScreens): Step {
  let model = step.model;
  const effects = [...step.effects ?? []], messages = [...step.messages ?? []];
  for (const id of SCREENS) {
    const one = ofScreen(model, id, message, screens);
    model = one.model;
    effects.push(...one.effects ?? []);
    messages.push(...one.messages ?? []);
  }
  return { model, effects, messages };
}

function ofScreen<K extends ScreenId>(model: Model, id: K, message: Message, screens: AllScreens): Step {
  const before = model.screens[id];
  const { state, effects = [], messages = [] } = screens[id].reduce(before, message, model);
  const next = state === before ? model : { ...model, screens: { ...model.screens, [id]: state } };
  return { model: next, effects, messages };
}

function onKey(model: Model, key: Key, screens: AllScreens): Step {
  const top = model.overlays.at(-1);
  const typing = top !== undefined || isTyping(model, model.screen, screens);
  const row = rowFor(model, screens, key, typing);
  if (row !== undefined) {
    const why = row.disabled?.(model);
    return why === undefined
      ? { model, messages: row.run(model) }
      : { model: withToast(model, "plain", `${row.title}: ${why}`) };
  }
  if (top !== undefined) return overlayKey(model, top, key, screens);
  return ofScreen(model, model.screen, { type: "key", key }, screens);
}
