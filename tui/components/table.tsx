/**
 * A list with columns. Only the rows that can be seen are laid out; a row whose object, width and selection are the same is not
 * made anew. Columns must be the same array between frames for that: make them outside the component, or memoise them.
 */
import { Box } from "ink";
import { memo, type ReactNode } from "react";
import { type ColumnSize, columnWidths } from "../columns.ts";
import { type Part, partOf, plainText, type Span } from "../line.ts";
import { cut, fit, widthOf } from "../text.ts";
import { marksOf } from "../theme.ts";
import { windowAround } from "../window.ts";
import { Line, Say, usePrefs } from "./say.tsx";

export interface Column<R> extends ColumnSize {
  readonly title: string;
  readonly align?: "left" | "right";
  /** What stands in a cell of this width; it is cut where it is longer. */
  readonly cell: (row: R, width: number) => Span | readonly Span[];
}

export interface TableProps<R> {
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string;
  /** Index of the row with the cursor; undefined: none. */
  readonly at: number | undefined;
  readonly isMarked?: (row: R) => boolean;
  readonly width: number;
  /** With the line of titles. */
  readonly height: number;
  /** Said in place of rows where there are none. */
  readonly empty?: string;
}

/** The cells in front of each row: cursor and mark. */
const LEAD = 2;

export function Table<R>(props: TableProps<R>): ReactNode {
  const { columns, rows, keyOf, at, isMarked, width, height, empty = "Nothing to show" } = props;
  const widths = columnWidths(columns, width - LEAD);
  const { from, to } = windowAround(rows.length, at ?? 0, height - 1);
  return (
    <Box flexDirection="column" width={width}>
      <Line spans={["  ", ...headOf(columns, widths)]} width={width} />
      {rows.length === 0 ? <Say tone="dim">{`  ${empty}`}</Say> : null}
      {rows.slice(from, to).map((row, i) => (
        <Row
          key={keyOf(row)}
          row={row}
          columns={columns as readonly Column<unknown>[] /* the row beside it is of the same type */}
          widths={widths.join(" ")}
          isAt={from + i === at}
          isMarked={isMarked?.(row) ?? false}
          width={width}
        />
      ))}
    </Box>
  );
}

function headOf<R>(columns: readonly Column<R>[], widths: readonly number[]): Span[] {
  return columns.flatMap(({ title, align }, i): Span[] => {
    const width = widths[i] ?? 0;
    return width === 0 ? [] : [{ text: fit(title, width, align), tone: "dim" }, " "];
  });
}

interface RowProps {
  readonly row: unknown;
  readonly columns: readonly Column<unknown>[];
  /** As text, so that equal widths are equal properties. */
  readonly widths: string;
  readonly isAt: boolean;
  readonly isMarked: boolean;
  readonly width: number;
}

const Row = memo(function Row({ row, columns, widths, isAt, isMarked, width }: RowProps) {
  const marks = marksOf(usePrefs());
  const sizes = widths.split(" ").map(Number);
  const lead = `${isAt ? marks.cursor : " "}${isMarked ? marks.marked : " "}`;
  const spans = columns.flatMap((column, i): Span[] => {
    const cells = sizes[i] ?? 0;
    return cells === 0 ? [] : [...cellOf(column.cell(row, cells), cells, column.align, marks.more), " "];
  });
  return <Line spans={[lead, ...spans]} width={width} {...(isAt ? { tone: "selected" } : {})} />;
});

/** The spans of a cell in exactly its width. */
function cellOf(
  said: Span | readonly Span[],
  width: number,
  align: "left" | "right" | undefined,
  mark: string,
): Span[] {
  const spans = isMany(said) ? said : [said];
  const parts: Part[] = [];
  let left = width;
  for (const span of spans) {
    const { text, tone } = partOf(span);
    const shown = cut(text, left, mark);
    parts.push({ text: shown, tone });
    left -= widthOf(shown);
    if (shown !== text || left <= 0) break;
  }
  const fill = " ".repeat(Math.max(0, width - widthOf(plainText(parts))));
  return align === "right" ? [fill, ...parts] : [...parts, fill];
}

function isMany(said: Span | readonly Span[]): said is readonly Span[] {
  return Array.isArray(said);
}
