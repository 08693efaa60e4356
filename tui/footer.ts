/** The last line: the keys that matter most, made of the key table. Pure. */
import { isTyping, rowsOf, shownKey } from "./keys.ts";
import { plainText, type Span } from "./line.ts";
import type { Model, Overlay } from "./model.ts";
import type { KeyRow } from "./screen.ts";
import type { AllScreens } from "./screens/all.ts";
import { widthOf } from "./text.ts";

type Hint = readonly [key: string, title: string];

/**
 * Keys that come to something now, in the order of the table, as many as fit; those of the shell (help, quit) always have room. It
 * changes with the guest that the cursor is on and with what is going on with it, not with figures.
 */
export function footerSpans(model: Model, screens: AllScreens, width: number): Span[] {
  const top = model.overlays.at(-1);
  if (top !== undefined) return fitting(overlayHints(top), [], width);
  const rows = rowsOf(model, screens);
  const own = screens[model.screen].keys;
  const typing = isTyping(model, model.screen, screens);
  const hints = (isOwn: boolean) =>
    rows.filter((row) => own.includes(row) === isOwn).flatMap((row) =>
      typing ? typedHint(row, model) : hint(row, model)
    );
  return fitting(hints(true), hints(false), width);
}

function hint(row: KeyRow, model: Model): readonly Hint[] {
  const { footer = false, disabled, keys: [key = ""], title } = row;
  const isWorth = typeof footer === "function" ? footer(model) : footer;
  if (!isWorth || disabled?.(model) !== undefined) return [];
  return [[shownKey(key, model.prefs.unicode), title]];
}

/** While a text is typed, keys that are letters are none. */
function typedHint({ keys, typing }: KeyRow, { prefs }: Model): readonly Hint[] {
  const key = keys.find((name) => name.length > 1);
  return typing === undefined || key === undefined ? [] : [[shownKey(key, prefs.unicode), typing]];
}

/** Those of the shell end at the edge: they stay where they are. */
function fitting(own: readonly Hint[], shell: readonly Hint[], width: number): Span[] {
  const last = shell.flatMap(spansOf);
  let left = width - widthOf(plainText(last));
  const first: Span[] = [];
  for (const one of own) {
    const spans = spansOf(one);
    const cells = widthOf(plainText(spans));
    if (cells > left) continue;
    first.push(...spans);
    left -= cells;
  }
  return last.length === 0 ? first : [...first, " ".repeat(Math.max(0, left)), ...last];
}

function spansOf([key, title]: Hint): Span[] {
  return [{ text: key, tone: "accent" }, { text: ` ${title}  `, tone: "dim" }];
}

function overlayHints(top: Overlay): readonly Hint[] {
  switch (top.kind) {
    case "confirm":
      return top.typed
        ? [["Enter", "Yes, when the word is typed"], ["Esc", "No"]]
        : [["y", "Yes"], ["n", "No"]];
    case "choose":
      return [["Enter", "Choose"], ["Esc", "Leave"]];
    case "palette":
      return [["Enter", "Do it"], ["Tab", "Complete"], ["Esc", "Leave"]];
    case "jobs":
      return [["x", "Call off"], ["Esc", "Leave"]];
    case "help":
    case "text":
      return [["j", "Down"], ["k", "Up"], ["Esc", "Leave"]];
  }
}
