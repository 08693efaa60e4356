/**
 * Text in cells of a terminal: how wide it is, cut with a mark, padded. Text of guests and files is made harmless once, where it
 * comes in (`clean()`); what is laid out has no escape sequences any more.
 */
import { sanitizeLine, sanitizeText } from "../src/core/sanitize.ts";

/** Characters of one cell and one code unit each: ASCII, lines and bars of frames and figures, and our marks. */
const SIMPLE = /^[\x20-\x7e…─-▟▴▸▾○●✓✗]*$/;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Ranges of characters that take two cells: East Asian Wide and Fullwidth, and pictures. Unicode, EastAsianWidth.txt */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2329, 0x232a],
  [0x23e9, 0x23ec],
  [0x23f0, 0x23f0],
  [0x23f3, 0x23f3],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2648, 0x2653],
  [0x267f, 0x267f],
  [0x2693, 0x2693],
  [0x26a1, 0x26a1],
  [0x26aa, 0x26ab],
  [0x26bd, 0x26be],
  [0x26c4, 0x26c5],
  [0x26ce, 0x26ce],
  [0x26d4, 0x26d4],
  [0x26ea, 0x26ea],
  [0x26f2, 0x26f3],
  [0x26f5, 0x26f5],
  [0x26fa, 0x26fa],
  [0x26fd, 0x26fd],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x2728, 0x2728],
  [0x274c, 0x274c],
  [0x274e, 0x274e],
  [0x2753, 0x2755],
  [0x2757, 0x2757],
  [0x2795, 0x2797],
  [0x27b0, 0x27b0],
  [0x27bf, 0x27bf],
  [0x2b1b, 0x2b1c],
  [0x2b50, 0x2b50],
  [0x2b55, 0x2b55],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18aff],
  [0x1aff0, 0x1b2ff],
  [0x1f004, 0x1f004],
  [0x1f0cf, 0x1f0cf],
  [0x1f18e, 0x1f18e],
  [0x1f191, 0x1f19a],
  [0x1f1e6, 0x1f202],
  [0x1f210, 0x1f23b],
  [0x1f240, 0x1f248],
  [0x1f250, 0x1f251],
  [0x1f260, 0x1f265],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f7e0, 0x1f7eb],
  [0x1f7f0, 0x1f7f0],
  [0x1f90c, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x3fffd],
];

/** What takes no cell of its own: marks on another character, and what is not seen. */
const NO_CELL = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}]+$/u;

function isWide(code: number): boolean {
  if (code < 0x1100) return false;
  let low = 0, high = WIDE.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = WIDE[middle];
    if (range === undefined) return false;
    if (code < range[0]) high = middle - 1;
    else if (code > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

function cellsOf(grapheme: string): number {
  if (NO_CELL.test(grapheme)) return 0;
  const code = grapheme.codePointAt(0) ?? 0;
  return isWide(code) || grapheme.includes("\ufe0f") ? 2 : 1;
}

/** How many cells a line takes. */
export function widthOf(text: string): number {
  if (SIMPLE.test(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += cellsOf(segment);
  return width;
}

/** The line in at most `width` cells; what was cut off shows as `mark`. */
export function cut(text: string, width: number, mark = "…"): string {
  if (width <= 0) return "";
  if (SIMPLE.test(text) ? text.length <= width : widthOf(text) <= width) return text;
  const room = width - widthOf(mark);
  if (room < 0) return "";
  if (SIMPLE.test(text)) return text.slice(0, room) + mark;
  let kept = "", used = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    const cells = cellsOf(segment);
    if (used + cells > room) break;
    kept += segment;
    used += cells;
  }
  return kept + mark;
}

/** The line without its first `cells`; a wide character that is cut through leaves a space. */
export function skip(text: string, cells: number): string {
  if (cells <= 0) return text;
  if (SIMPLE.test(text)) return text.slice(cells);
  let used = 0;
  for (const { segment, index } of GRAPHEMES.segment(text)) {
    if (used >= cells) return " ".repeat(used - cells) + text.slice(index);
    used += cellsOf(segment);
  }
  return " ".repeat(Math.max(0, used - cells));
}

/** The line in exactly `width` cells: cut, or filled up with spaces. */
export function fit(text: string, width: number, align: "left" | "right" = "left", mark = "…"): string {
  const line = cut(text, width, mark);
  const fill = " ".repeat(Math.max(0, width - widthOf(line)));
  return align === "left" ? line + fill : fill + line;
}

/** Lines of at most `width` cells, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(/(?<= )/)) {
      if (widthOf((line + word).trimEnd()) <= width) {
        line += word;
        continue;
      }
      if (line !== "") lines.push(line.trimEnd());
      let rest = word;
      while (widthOf(rest.trimEnd()) > width) {
        const part = cut(rest, width, "");
        if (part === "") break; // not even one character fits
        lines.push(part);
        rest = rest.slice(part.length);
      }
      line = rest;
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

/** One line of what somebody else has said, made harmless. */
export function clean(text: string, max = 256): string {
  return sanitizeLine(text, max);
}

const MAX_DEPTH = 12;

/** A value with every text in it made harmless; for what comes in from outside. Lines and tabs stay. */
export function cleanAll<T>(value: T): T {
  return cleaned(value, 0) as T; // the same shape: texts become texts
}

const HARMLESS = /^[\x20-\x7e\n]*$/;

/** The very same value where nothing in it had to be changed: of most answers nothing has to be. */
function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === "string") return HARMLESS.test(value) ? value : sanitizeText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) {
    const members = value.map((one) => cleaned(one, depth + 1));
    return members.some((one, i) => one !== value[i]) ? members : value;
  }
  let isSame = true;
  const entries = Object.entries(value).map(([key, one]) => {
    const name = cleaned(key, depth), member = cleaned(one, depth + 1);
    if (name !== key || member !== one) isSame = false;
    return [name, member];
  });
  return isSame ? value : Object.fromEntries(entries);
}
