/** A terminal's screen as a picture (SVG). Pure. */

/** A run of characters of one style. Colours are the terminal's palette numbers 0 to 15, or undefined for the default. */
export interface StyledText {
  readonly text: string;
  readonly color?: number | undefined;
  readonly bold?: boolean;
  readonly dim?: boolean;
  /** Text in the colour of the background on its own colour. */
  readonly inverse?: boolean;
}

const CELL_WIDTH = 8.4;
const LINE_HEIGHT = 18;
const MARGIN = 14;
const BACKGROUND = "#10151c";
const FOREGROUND = "#d5dae3";
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

/** The picture of `lines`, `columns` wide; `title` is its text for those who can't see it. */
export function terminalSvg(
  lines: readonly (readonly StyledText[])[],
  columns: number,
  title: string,
): string {
  const width = Math.round(columns * CELL_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${
      escape(title)
    }">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="${FOREGROUND}" xml:space="preserve">`,
    ...lines.flatMap((line, i) => bars(line, MARGIN + i * LINE_HEIGHT)),
    ...lines.map((line, i) => textLine(line, MARGIN + i * LINE_HEIGHT + 13)),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** What lies below inverse text. */
function bars(line: readonly StyledText[], y: number): string[] {
  let column = 0;
  return line.flatMap((run) => {
    const x = (MARGIN + column * CELL_WIDTH).toFixed(1), count = [...run.text].length;
    column += count;
    if (!run.inverse) return [];
    const width = (count * CELL_WIDTH).toFixed(1);
    return [`<rect x="${x}" y="${y}" width="${width}" height="${LINE_HEIGHT}" fill="${colorOf(run)}"/>`];
  });
}

function colorOf({ color }: StyledText): string {
  return color === undefined ? FOREGROUND : PALETTE[color] ?? FOREGROUND;
}

function textLine(line: readonly StyledText[], y: number): string {
  let column = 0;
  const spans = line.flatMap((run) => {
    const x = (MARGIN + column * CELL_WIDTH).toFixed(1);
    const count = [...run.text].length;
    column += count;
    if (run.text.trim() === "") return [];
    const fill = run.inverse
      ? ` fill="${BACKGROUND}"`
      : run.color === undefined
      ? ""
      : ` fill="${colorOf(run)}"`;
    const weight = run.bold ? ' font-weight="bold"' : "";
    const faint = run.dim ? ' opacity="0.65"' : "";
    // textLength keeps the columns in line whatever font is there.
    const length = ` textLength="${(count * CELL_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
    return [`<tspan x="${x}"${length}${fill}${weight}${faint}>${escape(run.text)}</tspan>`];
  });
  return spans.length ? `<text y="${y}">${spans.join("")}</text>` : "";
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
