/** A frame with a title around rows; without Unicode of plain ASCII. Pure. */
import { fitSpans, type Row } from "../line.ts";
import type { Prefs } from "../prefs.ts";
import { filled } from "../sheet.ts";
import { cut, widthOf } from "../text.ts";
import { marksOf, type Tone } from "../theme.ts";

export interface PanelProps {
  readonly title: string;
  readonly width: number;
  /** With the two lines of the frame. */
  readonly height: number;
  readonly rows: readonly Row[];
  readonly tone: Tone;
}

/** Cells and lines that the frame itself takes. */
export const FRAME_COLUMNS = 4;
export const FRAME_ROWS = 2;

const UNICODE = { side: "│", top: ["┌", "─", "┐"], bottom: ["└", "─", "┘"] } as const;
const ASCII = { side: "|", top: ["+", "-", "+"], bottom: ["+", "-", "+"] } as const;

export function panelRows({ title, width, height, rows, tone }: PanelProps, prefs: Prefs): Row[] {
  const { side, top, bottom } = prefs.unicode ? UNICODE : ASCII;
  const { more } = marksOf(prefs);
  const head = title === "" ? "" : ` ${cut(title, width - 6, more)} `;
  return [
    [
      { text: `${top[0]}${top[1]}`, tone },
      { text: head, tone: "strong" },
      { text: `${top[1].repeat(Math.max(0, width - 3 - widthOf(head)))}${top[2]}`, tone },
    ],
    ...filled(rows, height - FRAME_ROWS).map((row): Row => [
      { text: `${side} `, tone },
      ...fitSpans(row, width - FRAME_COLUMNS, more),
      { text: ` ${side}`, tone },
    ]),
    [{ text: `${bottom[0]}${bottom[1].repeat(width - 2)}${bottom[2]}`, tone }],
  ];
}
