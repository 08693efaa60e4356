/** A terminal's screen as a picture (SVG). Pure. */
import { canStretch, hasShape, rectangle, shapeOf } from "./terminal_shapes.ts";

/** A run of characters of one style. Colours are the terminal's palette numbers 0 to 15, or undefined for the default. */
export interface StyledText {
  readonly text: string;
  readonly color?: number | undefined;
  readonly bold?: boolean;
  readonly dim?: boolean;
  /** Text in the colour of the background on its own colour. */
  readonly inverse?: boolean;
}

/** What a character of the first two fonts below takes at 14 px: columns are in line also where textLength is not known. */
const CELL_WIDTH = 8.43;
const LINE_HEIGHT = 18;
const MARGIN = 14;
const BACKGROUND = "#10151c";
const FOREGROUND = "#d5dae3";
/** How much of its colour faint text has. */
const FAINT = 0.6;
/** The sixteen colours of a terminal, dark theme, each readable on the background. */
const PALETTE = [
  "#5b6675",
  "#f0717b",
  "#8fd07c",
  "#e8c468",
  "#7aa8ec",
  "#cf95e0",
  "#6fcfd3",
  "#d5dae3",
  "#7d8898",
  "#ff8f98",
  "#aee69d",
  "#ffdd8a",
  "#9cc3ff",
  "#e5b3f2",
  "#92e8eb",
  "#ffffff",
];

/** A run that is drawn as one: characters, or one shape after the other. */
interface Piece {
  readonly column: number;
  readonly text: string;
  readonly isShape: boolean;
  readonly run: StyledText;
}

/** The picture of `lines`, `columns` wide; `title` is its text for those who can't see it. */
export function terminalSvg(
  lines: readonly (readonly StyledText[])[],
  columns: number,
  title: string,
): string {
  const width = Math.round(columns * CELL_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const pieces = lines.map(piecesOf);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${
      escape(title)
    }">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="${FOREGROUND}" xml:space="preserve">`,
    ...bars(lines),
    ...shapes(pieces),
    ...pieces.flatMap((line, i) => textLine(line, topOf(i) + 13)),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function topOf(line: number): number {
  return MARGIN + line * LINE_HEIGHT;
}

function leftOf(column: number): number {
  return MARGIN + column * CELL_WIDTH;
}

/** Words that stand apart are apart: a gap of blanks adds up what a font's characters are wider or narrower. */
function piecesOf(line: readonly StyledText[]): readonly Piece[] {
  let column = 0;
  return line.flatMap((run) =>
    run.text.split(/( {2,}|[─│┌┐└┘├┤┬┴┼▁-█]+)/).flatMap((text): Piece[] => {
      const from = column;
      column += [...text].length;
      if (text.trim() === "") return [];
      return [{ column: from, text, isShape: hasShape(text), run }];
    })
  );
}

/** What lies below inverse text. */
function bars(lines: readonly (readonly StyledText[])[]): string[] {
  const paths = new Paths();
  for (const [i, line] of lines.entries()) {
    let column = 0;
    for (const run of line) {
      const count = [...run.text].length;
      if (run.inverse) {
        const bar = { x: leftOf(column), y: topOf(i), width: count * CELL_WIDTH, height: LINE_HEIGHT };
        paths.add(colorOf(run), rectangle(bar));
      }
      column += count;
    }
  }
  return paths.drawn();
}

function shapes(lines: readonly (readonly Piece[])[]): string[] {
  const paths = new Paths();
  for (const [i, line] of lines.entries()) {
    for (const { column, text, isShape, run } of line) {
      if (!isShape) continue;
      for (const { at, char, count } of stretches(text)) {
        const cell = { x: leftOf(column + at), y: topOf(i), width: count * CELL_WIDTH, height: LINE_HEIGHT };
        paths.add(inkOf(run), shapeOf(char, cell) ?? "");
      }
    }
  }
  return paths.drawn();
}

/** Shapes in cells; what looks the same over many cells as in one wide one is drawn so. */
function stretches(text: string): { readonly at: number; readonly char: string; readonly count: number }[] {
  const made: { at: number; char: string; count: number }[] = [];
  for (const [at, char] of [...text].entries()) {
    const last = made.at(-1);
    if (last?.char === char && canStretch(char)) last.count++;
    else made.push({ at, char, count: 1 });
  }
  return made;
}

/** All of one colour is one path: between its parts no gap can show, whatever size it is drawn in. */
class Paths {
  readonly #byColor = new Map<string, string>();

  add(color: string, path: string): void {
    this.#byColor.set(color, (this.#byColor.get(color) ?? "") + path);
  }

  drawn(): string[] {
    return [...this.#byColor].map(([color, path]) => `<path fill="${color}" d="${path}"/>`);
  }
}

function colorOf({ color }: StyledText): string {
  return color === undefined ? FOREGROUND : PALETTE[color] ?? FOREGROUND;
}

/** What a run is drawn with. Faint is a colour, too: what opacity does to parts of a text hangs on who draws it. */
function inkOf(run: StyledText): string {
  if (run.inverse) return BACKGROUND;
  return run.dim ? mixed(colorOf(run), BACKGROUND, FAINT) : colorOf(run);
}

/** `share` of the one colour, the rest of the other; both as `#rrggbb`. */
function mixed(one: string, other: string, share: number): string {
  const part = (color: string, at: number) => parseInt(color.slice(at, at + 2), 16);
  return "#" + [1, 3, 5].map((at) => {
    const value = Math.round(part(one, at) * share + part(other, at) * (1 - share));
    return value.toString(16).padStart(2, "0");
  }).join("");
}

function textLine(line: readonly Piece[], y: number): string[] {
  const spans = line.filter(({ isShape }) => !isShape).map(({ column, text, run }) => {
    const ink = inkOf(run);
    const fill = ink === FOREGROUND ? "" : ` fill="${ink}"`;
    const weight = run.bold ? ' font-weight="bold"' : "";
    // textLength keeps the columns in line whatever font is there.
    const length = ` textLength="${
      ([...text].length * CELL_WIDTH).toFixed(1)
    }" lengthAdjust="spacingAndGlyphs"`;
    return `<tspan x="${leftOf(column).toFixed(1)}"${length}${fill}${weight}>${escape(text)}</tspan>`;
  });
  return spans.length > 0 ? [`<text y="${y}">${spans.join("")}</text>`] : [];
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
