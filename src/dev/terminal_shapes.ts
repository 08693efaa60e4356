/**
 * Characters that are drawn as shapes in a picture of a terminal: lines of frames and bars of figures meet from cell to cell, which a
 * font's own do not. Pure.
 */

export interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a line goes from the middle of its cell: up, right, down, left. Unicode, U+2500 to U+257F */
const LINES: Readonly<Record<string, string>> = {
  "─": "rl",
  "│": "ud",
  "┌": "rd",
  "┐": "dl",
  "└": "ur",
  "┘": "ul",
  "├": "urd",
  "┤": "udl",
  "┬": "rdl",
  "┴": "url",
  "┼": "urdl",
};
/** Each an eighth of the cell higher than the one before. */
const BARS = "▁▂▃▄▅▆▇█";
const STROKE = 1.3;

export function hasShape(char: string): boolean {
  return char !== "" && BARS.concat(...Object.keys(LINES)).includes(char.charAt(0));
}

/** Whether many of it side by side are one wide one. */
export function canStretch(char: string): boolean {
  return char === "─" || BARS.includes(char);
}

/** Data of an SVG path that fills the character's shape; undefined: it is a character like any other. */
export function shapeOf(char: string, cell: Cell): string | undefined {
  const eighths = BARS.indexOf(char) + 1;
  if (char.length === 1 && eighths > 0) {
    const height = cell.height * eighths / BARS.length;
    return rectangle({ ...cell, y: cell.y + cell.height - height, height });
  }
  const arms = LINES[char];
  if (arms === undefined) return undefined;
  const { x, y, width, height } = cell, half = STROKE / 2;
  const middle = x + width / 2, waist = y + height / 2;
  // Each arm takes the middle with it, so that they join without a notch.
  const made: Readonly<Record<string, string>> = {
    u: rectangle({ x: middle - half, y, width: STROKE, height: height / 2 + half }),
    d: rectangle({ x: middle - half, y: waist - half, width: STROKE, height: height / 2 + half }),
    l: rectangle({ x, y: waist - half, width: width / 2 + half, height: STROKE }),
    r: rectangle({ x: middle - half, y: waist - half, width: width / 2 + half, height: STROKE }),
  };
  return [...arms].map((arm) => made[arm] ?? "").join("");
}

export function rectangle({ x, y, width, height }: Cell): string {
  return `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
