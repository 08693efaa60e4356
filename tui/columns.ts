/** How wide the columns of a table are: pure. */

export interface ColumnSize {
  /** Least width in cells. */
  readonly min: number;
  /** Greatest width; absent: `min`, or no bound for a column with a share. */
  readonly max?: number;
  /** Its part of what is left over, against the other columns' shares; absent: none. */
  readonly share?: number;
  /** Where there is too little room, columns with the greatest number go first; 0, the default, stays. */
  readonly priority?: number;
}

const GAP = 1;

/** Width of each column, 0 for one that is left out; together with a gap of one cell between them at most `width`. */
export function columnWidths(columns: readonly ColumnSize[], width: number): number[] {
  const shown = new Set(columns.keys());
  const used = () => [...shown].reduce((sum, i) => sum + (columns[i]?.min ?? 0), 0) + GAP * (shown.size - 1);
  while (used() > width && shown.size > 1) {
    const last = [...shown].reduce((worst, i) =>
      priorityOf(columns, i) >= priorityOf(columns, worst) ? i : worst
    );
    shown.delete(last);
  }
  const widths = columns.map(({ min }, i) => shown.has(i) ? Math.min(min, width) : 0);
  spread(columns, widths, shown, width - used());
  return widths;
}

function priorityOf(columns: readonly ColumnSize[], i: number): number {
  return columns[i]?.priority ?? 0;
}

/** Gives what is left over to the columns with a share, as long as one can grow. */
function spread(
  columns: readonly ColumnSize[],
  widths: number[],
  shown: ReadonlySet<number>,
  room: number,
): void {
  let left = room;
  while (left > 0) {
    const growing = [...shown].filter((i) => {
      const { share = 0, max = Infinity } = columns[i] ?? { min: 0 };
      return share > 0 && (widths[i] ?? 0) < max;
    });
    const shares = growing.reduce((sum, i) => sum + (columns[i]?.share ?? 0), 0);
    if (shares === 0) return;
    const before = left;
    for (const i of growing) {
      const column = columns[i];
      const part = Math.max(1, Math.floor((before * (column?.share ?? 0)) / shares));
      const grow = Math.min(part, left, (column?.max ?? Infinity) - (widths[i] ?? 0));
      widths[i] = (widths[i] ?? 0) + grow;
      left -= grow;
    }
  }
}
