/** A frame with a title around lines. Without Unicode of plain ASCII; for a screen reader only the title. */
import { Box } from "ink";
import type { Span } from "../line.ts";
import { cut, widthOf } from "../text.ts";
import { marksOf, type Tone } from "../theme.ts";
import { Line, usePrefs } from "./say.tsx";

export interface PanelProps {
  readonly title: string;
  readonly width: number;
  /** With the two lines of the frame. */
  readonly height: number;
  readonly lines: readonly (readonly Span[])[];
  readonly tone?: Tone;
}

/** Cells and lines that the frame itself takes. */
export const FRAME_COLUMNS = 4;
export const FRAME_ROWS = 2;

const UNICODE = { left: "│", right: "│", top: ["┌", "─", "┐"], bottom: ["└", "─", "┘"] } as const;
const ASCII = { left: "|", right: "|", top: ["+", "-", "+"], bottom: ["+", "-", "+"] } as const;

export function Panel({ title, width, height, lines, tone = "accent" }: PanelProps) {
  const prefs = usePrefs();
  const { unicode, screenReader } = prefs;
  if (screenReader) {
    return (
      <Box flexDirection="column">
        <Line spans={[{ text: title, tone: "strong" }]} width={width} />
        {lines.map((spans, i) => <Line key={i} spans={spans} width={width} />)}
      </Box>
    );
  }
  const { left, right, top, bottom } = unicode ? UNICODE : ASCII;
  const head = title === "" ? "" : ` ${cut(title, width - 6, marksOf(prefs).more)} `;
  const inner = width - FRAME_COLUMNS, shown = height - FRAME_ROWS;
  const filled = Array.from({ length: Math.max(0, shown) }, (_, i) => lines[i] ?? []);
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Line
        width={width}
        spans={[
          { text: `${top[0]}${top[1]}`, tone },
          { text: head, tone: "strong" },
          { text: `${top[1].repeat(Math.max(0, width - 3 - widthOf(head)))}${top[2]}`, tone },
        ]}
      />
      {filled.map((spans, i) => (
        <Box key={i} width={width}>
          <Line spans={[{ text: `${left} `, tone }]} width={2} />
          <Line spans={spans} width={inner} />
          <Line spans={[{ text: ` ${right}`, tone }]} width={2} />
        </Box>
      ))}
      <Line
        spans={[{ text: `${bottom[0]}${bottom[1].repeat(width - 2)}${bottom[2]}`, tone }]}
        width={width}
      />
    </Box>
  );
}
