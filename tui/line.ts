/** Lines as parts, each with a tone: pure, so that what stands in a line is tested without a terminal. */
import { cut, skip, widthOf } from "./text.ts";
import type { Tone } from "./theme.ts";

/** A part of a line in one tone. A plain text is one in the tone `plain`. */
export type Span = string | { readonly text: string; readonly tone: Tone };
export type Part = { readonly text: string; readonly tone: Tone };
/** One line of the screen. */
export type Row = readonly Span[];

const BREAK = /[\n\t]/, BREAKS = /[\n\t]+/g;

/** Lines and tabs stay in what comes in from outside; in a row they are blanks. */
export function partOf(span: Span): Part {
  const part: Part = typeof span === "string" ? { text: span, tone: "plain" } : span;
  return BREAK.test(part.text) ? { ...part, text: part.text.replaceAll(BREAKS, " ") } : part;
}

/** The text of spans, without their tones. */
export function plainText(spans: readonly Span[]): string {
  return spans.map((span) => partOf(span).text).join("");
}

/** The spans in exactly `width` cells: the one that does not fit any more is cut with `mark`, the rest is left out. */
export function fitSpans(spans: readonly Span[], width: number, mark: string): Part[] {
  const parts: Part[] = [];
  let left = width;
  for (const span of spans) {
    const { text, tone } = partOf(span);
    const cells = widthOf(text);
    if (cells > left) {
      const rest = cut(text, left, mark);
      parts.push({ text: rest, tone });
      left -= widthOf(rest);
      break;
    }
    parts.push({ text, tone });
    left -= cells;
  }
  if (left > 0) parts.push({ text: " ".repeat(left), tone: "plain" });
  return parts;
}

/** What is left of the spans without their first `cells`; of a wide character that is cut through a space is left. */
export function skipSpans(spans: readonly Span[], cells: number): Part[] {
  const parts: Part[] = [];
  let left = cells;
  for (const span of spans) {
    const { text, tone } = partOf(span);
    const width = left > 0 ? widthOf(text) : 0;
    if (left > 0 && width <= left) left -= width;
    else {
      parts.push({ text: skip(text, left), tone });
      left = 0;
    }
  }
  return parts;
}

/** The row that the cursor is on: all of it in one tone, over the whole width. */
export function cursorRow(spans: readonly Span[], width: number, mark: string): Row {
  return [{ text: plainText(fitSpans(spans, width, mark)), tone: "selected" }];
}
