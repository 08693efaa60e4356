/** The last line: the keys that matter most, made of the key table. Pure. */
import { isTyping, rowsOf, shownKey } from "./keys.ts";
import { plainText, type Span } from "./line.ts";
import type { Model, Overlay } from "./model.ts";
import type { AllScreens } from "./screens/all.ts";
import { widthOf } from "./text.ts";

type Hint = readonly [key: string, title: string];

/** While text is typed every other key is text. */
const TYPING: readonly Hint[] = [["Enter", "Take"], ["Esc", "Leave"], ["Ctrl-C", "Quit"]];

/** As many as fit of what is possible now; those of the shell (help, quit) always have room. */
export function footerSpans(model: Model, screens: AllScreens, width: number): Span[] {
  const top = model.overlays.at(-1);
  if (top !== undefined) return fitting(overlayHints(top), [], width);
  if (isTyping(model, model.screen, screens)) return fitting(TYPING, [], width);
  const { unicode } = model.prefs;
  const rows = rowsOf(model, screens).filter((row) => row.footer && row.disabled?.(model) === undefined);
  const own = screens[model.screen].keys;
  const hint = (row: typeof rows[number]): Hint => [shownKey(row.keys[0] ?? "", unicode), row.title];
  return fitting(
    rows.filter((row) => own.includes(row)).map(hint),
    rows.filter((row) => !own.includes(row)).map(hint),
    width,
  );
}

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
  return [...first, ...last];
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
