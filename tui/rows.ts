/** Rows of text of a screen: pure. */
import { fitSpans, type Span } from "./line.ts";
import type { Prefs } from "./prefs.ts";
import { wrap } from "./text.ts";
import { marksOf, type Tone } from "./theme.ts";

export type Row = readonly Span[];

/** A text in one tone, over as many rows as it needs; those after the first are moved in by `indent`. */
export function textRows(text: string, columns: number, tone: Tone = "plain", indent = 0): Row[] {
  const lead = " ".repeat(indent);
  return wrap(text, Math.max(8, columns - indent)).map((line) => [{ text: lead + line, tone }]);
}

/** A text with a word before it; its further rows stand below its first. */
export function namedRows(name: string, text: string, columns: number, tone: Tone = "plain"): Row[] {
  const width = name.length + 1;
  return wrap(text, Math.max(8, columns - width)).map((line, i) => [
    { text: (i === 0 ? name : "").padEnd(width), tone: "dim" },
    { text: line, tone },
  ]);
}

/** A heading with a rule to the end of the row; without one for a screen reader. */
export function headingRow(title: string, columns: number, { unicode, screenReader }: Prefs): Row {
  if (screenReader) return [{ text: title, tone: "strong" }];
  const rule = (unicode ? "─" : "-").repeat(Math.max(0, columns - title.length - 1));
  return [{ text: title, tone: "strong" }, { text: ` ${rule}`, tone: "dim" }];
}

/** At most `height` rows of a list, the row `at` among them. */
export function around<T>(rows: readonly T[], at: number, height: number): readonly T[] {
  const top = Math.min(Math.max(0, at - Math.floor(height / 2)), Math.max(0, rows.length - height));
  return rows.slice(top, top + Math.max(0, height));
}

/** Two columns with a gap between them, as many rows as the longer one has. */
export function sideBySide(
  left: readonly Row[],
  right: readonly Row[],
  leftWidth: number,
  prefs: Prefs,
): Row[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => [
    ...fitSpans(left[i] ?? [], leftWidth, marksOf(prefs).more),
    "  ",
    ...right[i] ?? [],
  ]);
}
