/** The columns of the list: what stands in each, and which of them there is room for. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import type { GuestState } from "../../../src/lifecycle/states.ts";
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import { MIB } from "../../../src/core/units.ts";
import type { Model } from "../../model.ts";
import type { Prefs } from "../../prefs.ts";
import type { Span } from "../../line.ts";
import { diskRate, netRate } from "../../rates.ts";
import { fit } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { amount, memoryCell, percent, spark, uptimeCell } from "./figures.ts";
import { notesOf } from "./notes.ts";
import type { Row } from "./rows.ts";
import type { GuestsState, SortKey } from "./state.ts";

export interface Cell {
  readonly text: string;
  readonly tone: Tone;
}

interface Column {
  readonly title: string;
  readonly width: number;
  /** Columns of lower numbers get their room first. */
  readonly rank: number;
  readonly align?: "right";
  readonly sort?: SortKey;
  /** Takes what room is left, up to so many cells. */
  readonly grows?: number;
  readonly cell: (model: Model, guest: GuestView, width: number) => Cell;
}

const STATE_TONES: Readonly<Record<GuestState, Tone>> = {
  running: "good",
  paused: "warn",
  starting: "accent",
  stopping: "accent",
  suspending: "accent",
  resuming: "accent",
  suspended: "warn",
  crashed: "bad",
  broken: "bad",
  stopped: "dim",
};

const BLANK: Cell = { text: "", tone: "plain" };
const plain = (text: string): Cell => ({ text, tone: "plain" });
const NONE: Cell = { text: "-", tone: "dim" };
const yes = (is: boolean, tone: Tone): Cell => is ? { text: "yes", tone } : NONE;

/** The state; one that is not bad by itself is marked where something is wrong all the same. */
function stateCell({ state, problem }: GuestView): Cell {
  const tone = STATE_TONES[state];
  if (problem === null || tone === "bad") return { text: state, tone };
  return { text: `${state} !`, tone: "warn" };
}

const SPARK = 5;
const WIDE_SPARK = 8;

/** Figures that are not up to date any more are shown with a question mark. */
function figure(model: Model, guest: GuestView, text: string): Cell {
  if (text === "-") return NONE;
  return model.figures.get(guest.id)?.stale ? { text: `${text}?`, tone: "warn" } : plain(text);
}

/** A picture of the figure before it, in `width` cells. */
function sparkCell(
  model: Model,
  guest: GuestView,
  kind: "cpu" | "disk" | "net",
  most: number,
  width: number,
): Cell {
  const values = model.series.get(guest.id)?.[kind];
  if (values === undefined || values.length === 0) return BLANK;
  if (guest.pid === null && values.every((value) => value === 0)) return BLANK;
  return { text: spark(values, width, most, marksOf(model.prefs).bars), tone: "accent" };
}

/** Its gateway tells it: how old QEMU's answer is does not matter to it. */
function netCell(model: Model, { id }: GuestView): Cell {
  const text = amount(netRate(model.figures.get(id)));
  return text === "-" ? NONE : plain(text);
}

/** In the order in which they stand. At 100 cells all figures have room, at 120 their pictures too. */
const COLUMNS: readonly Column[] = [
  {
    title: "ID",
    width: 12,
    rank: 0,
    sort: "id",
    grows: 24,
    cell: (_model, { id }) => plain(sanitizeLine(id, 64)),
  },
  {
    title: "NAME",
    width: 16,
    rank: 15,
    grows: 24,
    cell: (_model, { id, name }) => plain(name === id ? "" : sanitizeLine(name, 64)),
  },
  {
    title: "KIND",
    width: 7,
    rank: 14,
    cell: (_model, { kind }) => ({ text: kind ?? "?", tone: "dim" }),
  },
  {
    title: "STATE",
    width: 10,
    rank: 1,
    sort: "state",
    cell: (_model, guest) => stateCell(guest),
  },
  { title: "READY", width: 5, rank: 2, cell: (_model, { ready }) => yes(ready, "good") },
  { title: "PRESENTED", width: 9, rank: 3, cell: (_model, { presented }) => yes(presented, "strong") },
  {
    title: "NETWORK",
    width: 8,
    grows: 14,
    rank: 5,
    cell: (_model, { network }) =>
      network === "off" ? { text: "off", tone: "dim" } : { text: sanitizeLine(network, 64), tone: "accent" },
  },
  {
    title: "CPU",
    width: 6,
    rank: 4,
    align: "right",
    sort: "cpu",
    cell: (model, guest) => figure(model, guest, percent(model.figures.get(guest.id)?.cpu?.percent)),
  },
  {
    title: "",
    width: SPARK,
    grows: WIDE_SPARK,
    rank: 10,
    cell: (model, guest, width) => sparkCell(model, guest, "cpu", 100 * (guest.vcpu ?? 1), width),
  },
  {
    title: "MEMORY",
    width: 15,
    rank: 6,
    align: "right",
    sort: "memory",
    cell: (model, guest) => figure(model, guest, memoryCell(guest, model.figures.get(guest.id))),
  },
  {
    title: "DISK/s",
    width: 8,
    rank: 8,
    align: "right",
    sort: "disk",
    cell: (model, guest) => figure(model, guest, amount(diskRate(model.figures.get(guest.id)))),
  },
  {
    title: "",
    width: SPARK,
    grows: WIDE_SPARK,
    rank: 11,
    cell: (model, guest, width) => sparkCell(model, guest, "disk", MIB, width),
  },
  {
    title: "NET/s",
    width: 8,
    rank: 9,
    align: "right",
    sort: "net",
    cell: netCell,
  },
  {
    title: "",
    width: SPARK,
    grows: WIDE_SPARK,
    rank: 12,
    cell: (model, guest, width) => sparkCell(model, guest, "net", MIB, width),
  },
  {
    title: "UP",
    width: 7,
    rank: 7,
    align: "right",
    sort: "up",
    cell: (model, { started_at }) => started_at === null ? NONE : plain(uptimeCell(started_at, model.now)),
  },
  {
    title: "NOTES",
    width: 16,
    rank: 13,
    grows: 200,
    cell: (model, guest) => {
      const [first, ...more] = notesOf(model, guest);
      if (first === undefined) return BLANK;
      return { text: more.length > 0 ? `${first.text} (+${more.length})` : first.text, tone: first.tone };
    },
  },
];

/** Cells before the first column: cursor, mark, and one between. */
const GUTTER = 3;

export interface Placed {
  readonly column: Column;
  readonly width: number;
}

/** The columns that fit into `columns` cells, in their order; what is left goes to those that can grow. */
export function place(columns: number): readonly Placed[] {
  let left = columns - GUTTER + 1;
  const chosen = new Set<Column>();
  for (const column of COLUMNS.toSorted((a, b) => a.rank - b.rank)) {
    if (column.width + 1 > left) continue;
    left -= column.width + 1;
    chosen.add(column);
  }
  return COLUMNS.filter((column) => chosen.has(column)).map((column) => {
    const more = Math.max(0, Math.min(left, (column.grows ?? column.width) - column.width));
    left -= more;
    return { column, width: column.width + more };
  });
}

/** The line of titles; what the list is sorted by is marked with its direction. */
export function headLine(
  placed: readonly Placed[],
  { sort, descending }: Pick<GuestsState, "sort" | "descending">,
  prefs: Prefs,
): string {
  const { up, down } = marksOf(prefs);
  const arrow = descending ? down : up;
  return " ".repeat(GUTTER) +
    placed.map(({ column: { title, align, sort: by }, width }) =>
      fit(by === sort ? `${title}${arrow}` : title, width, align ?? "left")
    ).join(" ");
}

/** One row as spans. */
export function rowLine(
  model: Model,
  placed: readonly Placed[],
  row: Row,
  at: { readonly cursor: boolean; readonly marked: boolean },
): readonly Span[] {
  const marks = marksOf(model.prefs);
  if (row.kind === "group") return [{ text: `${row.title} (${row.count})`, tone: "strong" }];
  const spans: { text: string; tone: Tone }[] = [{
    text: `${at.cursor ? marks.cursor : " "}${at.marked ? marks.marked : " "} `,
    tone: at.marked ? "accent" : "plain",
  }];
  placed.forEach(({ column, width }, i) => {
    const { text, tone } = column.cell(model, row.guest, width);
    const cell = (i === 0 ? "" : " ") + fit(text, width, column.align ?? "left", marks.more);
    // As few parts as there are tones: each is a piece of work in each frame. What is blank has none.
    const last = spans.at(-1);
    if (last !== undefined && (last.tone === tone || text === "")) last.text += cell;
    else spans.push({ text: cell, tone });
  });
  return spans;
}
