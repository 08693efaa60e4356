/** A part of the screen as rows of spans: pure, so that what is shown is tested without a terminal. */
import { fitSpans, partOf, plainText, type Span } from "./line.ts";
import { wrap } from "./text.ts";
import type { Prefs } from "./prefs.ts";
import { marksOf, type Tone } from "./theme.ts";
import { windowAround, windowFrom } from "./window.ts";

/** One row; with `tone` all of it is in that tone (the row of the cursor). */
export interface Row {
  readonly spans: readonly Span[];
  readonly tone?: Tone;
}

export const EMPTY_ROW: Row = { spans: [] };

/** The same row in as few parts as it can be: each is a node of the frame, and costs time. */
export function merged({ spans, tone }: Row): Row {
  if (tone) return { spans: [plainText(spans)], tone };
  const parts: { text: string; tone: Tone }[] = [];
  for (const { text, tone } of spans.map(partOf)) {
    const last = parts.at(-1);
    // Spaces look alike in every tone that has no ground of its own.
    const isSame = last &&
      (last.tone === tone || (text.trim() === "" && last.tone !== "selected" && tone !== "selected"));
    if (isSame) last.text += text;
    else parts.push({ text, tone });
  }
  return { spans: parts };
}

export function row(...spans: readonly Span[]): Row {
  return { spans };
}

/** A text in one tone, broken into rows; all but the first are indented. */
export function wrapped(text: string, columns: number, tone: Tone = "plain", indent = 0): Row[] {
  return wrap(text, Math.max(8, columns - indent)).map((line, i) =>
    row({ text: i === 0 ? line : " ".repeat(indent) + line, tone })
  );
}

/** A text after a word of fixed width, the text broken into rows beside it. */
export function labelled(
  label: string,
  text: string,
  columns: number,
  width: number,
  tone: Tone = "plain",
): Row[] {
  return wrap(text, Math.max(8, columns - width)).map((line, i) =>
    row({ text: (i === 0 ? label : "").padEnd(width), tone: "dim" }, { text: line, tone })
  );
}

/** `rows` of the list with the one `at` in the middle, as far as the ends allow; `top` is the first. */
export function windowOf<T>(
  list: readonly T[],
  at: number,
  rows: number,
): { readonly top: number; readonly shown: readonly T[] } {
  const { from, to } = windowAround(list.length, at, rows);
  return { top: from, shown: list.slice(from, to) };
}

/** `rows` of the list from row `scroll` on; the last page is full. */
export function scrolled<T>(list: readonly T[], scroll: number, rows: number): readonly T[] {
  const { from, to } = windowFrom(list.length, scroll, rows);
  return list.slice(from, to);
}

/** Two parts side by side with a line between them, each in its own width. */
export function beside(
  left: readonly Row[],
  right: readonly Row[],
  widths: { readonly left: number; readonly right: number },
  prefs: Prefs,
  rows: number,
): Row[] {
  const { more } = marksOf(prefs);
  const rule = prefs.unicode ? "│" : "|";
  return Array.from({ length: rows }, (_, i) => {
    const parts = (one: Row | undefined, width: number) =>
      fitSpans(one?.spans ?? [], width, more).map(({ text, tone }) => ({
        text,
        tone: one?.tone ?? tone,
      }));
    return row(
      ...parts(left[i], widths.left),
      { text: ` ${rule} `, tone: "dim" },
      ...parts(right[i], widths.right),
    );
  });
}
