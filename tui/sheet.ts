/** What screens are laid out with: texts broken into rows, lists around the cursor, two parts side by side. Pure. */
import { cursorRow, fitSpans, type Row, type Span } from "./line.ts";
import type { Prefs } from "./prefs.ts";
import { widthOf, wrap } from "./text.ts";
import { marksOf, type Tone } from "./theme.ts";
import { windowAround, windowFrom } from "./window.ts";

/** However little room there is, text is broken no shorter. */
const MIN_TEXT_COLUMNS = 8;

export function row(...spans: readonly Span[]): Row {
  return spans;
}

/** A text in one tone, over as many rows as it needs; those after the first are moved in by `indent`. */
export function wrapped(text: string, columns: number, tone: Tone = "plain", indent = 0): Row[] {
  return wrap(text, Math.max(MIN_TEXT_COLUMNS, columns - indent)).map((line, i) => [
    { text: i === 0 ? line : " ".repeat(indent) + line, tone },
  ]);
}

/** A text with a word before it, which takes `width` cells; its further rows stand below its first. */
export function labelled(
  label: string,
  text: string,
  columns: number,
  width = label.length + 1,
  tone: Tone = "plain",
): Row[] {
  return wrap(text, Math.max(MIN_TEXT_COLUMNS, columns - width)).map((line, i) => [
    { text: (i === 0 ? label : "").padEnd(width), tone: "dim" },
    { text: line, tone },
  ]);
}

/** Rows that are moved in by `indent`, made for the width that is left to them. */
export function moved(indent: number, columns: number, made: (columns: number) => readonly Row[]): Row[] {
  return made(columns - indent).map((row) => [" ".repeat(indent), ...row]);
}

/** A heading with a rule to the end of the row; without one for a screen reader. */
export function heading(title: string, columns: number, { unicode, screenReader }: Prefs): Row {
  if (screenReader) return [{ text: title, tone: "strong" }];
  const rule = (unicode ? "─" : "-").repeat(Math.max(0, columns - widthOf(title) - 1));
  return [{ text: title, tone: "strong" }, { text: ` ${rule}`, tone: "dim" }];
}

/** A row of a list; the one that the cursor is on spans the whole width. */
export function listRow(spans: Row, isCursor: boolean, columns: number, prefs: Prefs): Row {
  return isCursor && !prefs.screenReader ? cursorRow(spans, columns, marksOf(prefs).more) : spans;
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

/** Exactly `height` rows: cut, or filled up with empty ones. */
export function filled(rows: readonly Row[], height: number): Row[] {
  return Array.from({ length: Math.max(0, height) }, (_, i) => rows[i] ?? []);
}

/** Two parts side by side with a line between them, the left one in `width` cells. */
export function beside(
  left: readonly Row[],
  right: readonly Row[],
  width: number,
  prefs: Prefs,
  rows: number,
): Row[] {
  const { more } = marksOf(prefs);
  const rule = prefs.unicode ? "│" : "|";
  return Array.from({ length: rows }, (_, i) => [
    ...fitSpans(left[i] ?? [], width, more),
    { text: ` ${rule} `, tone: "dim" },
    ...right[i] ?? [],
  ]);
}
