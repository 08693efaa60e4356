/** What keys do to the uppermost overlay: only that gets them. */
import { unreachable } from "../src/core/result.ts";
import { withToast } from "./data.ts";
import { type Key, nameOf, textOf } from "./key.ts";
import type { Effect, Model, Overlay } from "./model.ts";
import { completed, paletteEntries } from "./palette.ts";
import type { Step } from "./reduce.ts";
import type { AllScreens } from "./screens/all.ts";

type Of<K extends Overlay["kind"]> = Extract<Overlay, { kind: K }>;

/** How far a page goes; views clamp what is shown. */
const PAGE = 10;
const MAX_TYPED = 200;

export function overlayKey(model: Model, top: Overlay, key: Key, screens: AllScreens): Step {
  switch (top.kind) {
    case "confirm":
      return confirmKey(model, top, key);
    case "choose":
      return chooseKey(model, top, key);
    case "palette":
      return paletteKey(model, top, key, screens);
    case "help":
    case "text":
      return scrollKey(model, top, key);
    case "jobs":
      return jobsKey(model, top, key);
    default:
      return unreachable(top);
  }
}

function closed(model: Model): Model {
  return { ...model, overlays: model.overlays.slice(0, -1) };
}

function changed(model: Model, top: Overlay): Step {
  return { model: { ...model, overlays: [...model.overlays.slice(0, -1), top] } };
}

/** Answered only by the word that is asked for, where one is; else by `y` or enter. */
function confirmKey(model: Model, top: Of<"confirm">, key: Key): Step {
  const name = nameOf(key);
  if (name === "esc") return { model: closed(model) };
  const answered = { model: closed(model), effects: top.then, confirmed: true };
  if (top.typed === undefined) {
    if (name === "y" || name === "enter") return answered;
    return name === "n" || name === "q" ? { model: closed(model) } : { model };
  }
  const { word, given } = top.typed;
  if (name === "enter") return given === word ? answered : { model };
  const text = edited(given, key);
  return text === given ? { model } : changed(model, { ...top, typed: { word, given: text } });
}

function chooseKey(model: Model, top: Of<"choose">, key: Key): Step {
  const name = nameOf(key);
  if (name === "esc" || name === "q") return { model: closed(model) };
  if (name !== "enter") {
    const at = moved(top.at, name, top.choices.length);
    return at === top.at ? { model } : changed(model, { ...top, at });
  }
  const choice = top.choices[top.at];
  if (choice === undefined) return { model };
  if (choice.disabled !== undefined) {
    return { model: withToast(model, "plain", `${choice.label}: ${choice.disabled}`) };
  }
  return { model: closed(model), effects: choice.then };
}

function paletteKey(model: Model, top: Of<"palette">, key: Key, screens: AllScreens): Step {
  const name = nameOf(key);
  if (name === "esc") return { model: closed(model) };
  const entries = paletteEntries(model, screens, top.text);
  const at = Math.min(top.at, Math.max(0, entries.length - 1));
  if (name === "tab") return changed(model, { ...top, text: completed(top.text, entries, at), at: 0 });
  if (name === "up" || name === "down" || name === "page-up" || name === "page-down") {
    return changed(model, { ...top, at: moved(at, name, entries.length) });
  }
  if (name !== "enter") {
    const text = edited(top.text, key);
    return text === top.text ? { model } : changed(model, { ...top, text, at: 0 });
  }
  const entry = entries[at];
  if (entry === undefined) return { model };
  if (entry.completes) return changed(model, { ...top, text: `${entry.label} `, at: 0 });
  if (entry.disabled !== undefined) {
    return { model: withToast(model, "plain", `${entry.label}: ${entry.disabled}`) };
  }
  return { model: closed(model), messages: entry.run(model) };
}

function scrollKey(model: Model, top: Of<"help"> | Of<"text">, key: Key): Step {
  const name = nameOf(key);
  if (name === "esc" || name === "q" || name === "enter" || (top.kind === "help" && name === "?")) {
    return { model: closed(model) };
  }
  const scroll = moved(top.scroll, name, Number.MAX_SAFE_INTEGER);
  return scroll === top.scroll ? { model } : changed(model, { ...top, scroll });
}

function jobsKey(model: Model, top: Of<"jobs">, key: Key): Step {
  const name = nameOf(key);
  if (name === "esc" || name === "q" || name === "J") return { model: closed(model) };
  const at = Math.min(top.at, Math.max(0, model.jobs.length - 1));
  const job = model.jobs[at];
  if ((name === "x" || name === "delete") && job !== undefined) {
    const effect: Effect = { do: "perform", action: "job.cancel", params: { job: job.job } };
    return { model, effects: [effect] };
  }
  return changed(model, { ...top, at: moved(at, name, model.jobs.length) });
}

/** Where a cursor goes to; the keys of arrows and of vi. */
export function moved(at: number, name: string | undefined, count: number): number {
  const last = Math.max(0, count - 1);
  const to = target(at, name, last);
  return Math.max(0, Math.min(last, to));
}

function target(at: number, name: string | undefined, last: number): number {
  switch (name) {
    case "up":
    case "k":
      return at - 1;
    case "down":
    case "j":
      return at + 1;
    case "page-up":
      return at - PAGE;
    case "page-down":
    case "space":
      return at + PAGE;
    case "home":
    case "g":
      return 0;
    case "end":
    case "G":
      return last;
    default:
      return at;
  }
}

/** A line of text after a key. */
export function edited(text: string, key: Key): string {
  const name = nameOf(key);
  if (name === "backspace") return [...text].slice(0, -1).join("");
  if (name === "ctrl-u") return "";
  if (name === "ctrl-w") return text.replace(/\S*\s*$/, "");
  const typed = textOf(key);
  return typed === undefined ? text : (text + typed).slice(0, MAX_TYPED);
}
