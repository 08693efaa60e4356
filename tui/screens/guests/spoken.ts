/** The list for a screen reader: one guest a line, in words, without columns and pictures. Pure. */
import type { Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { diskRate, netRate } from "../../rates.ts";
import { clean } from "../../text.ts";
import { windowAround } from "../../window.ts";
import { memory, percent, rate, uptime } from "./figures.ts";
import { headText } from "./heading.ts";
import { notesOf } from "./notes.ts";
import { indexOf, type Row, rowsOf } from "./rows.ts";

/** A guest in words takes about so many lines of a terminal. */
const LINES_EACH = 3;

/** As many guests as `height` lines have room for, the one that the cursor is on among them. */
export function spokenLines(model: Model, height: number): readonly (readonly Span[])[] {
  const rows = rowsOf(model);
  const at = indexOf(model) ?? 0;
  const { from, to } = windowAround(rows.length, at, Math.max(1, Math.floor((height - 1) / LINES_EACH)));
  return [
    headText(model),
    ...rows.slice(from, to).map((row, i) => [spokenRow(model, row, from + i === at)]),
  ];
}

function spokenRow(model: Model, row: Row, isCursor: boolean): string {
  if (row.kind === "group") return `${row.title}, ${row.count}:`;
  const { guest } = row;
  const figures = model.figures.get(guest.id);
  const words = [
    `${isCursor ? "selected: " : ""}${model.screens.guests.marks.includes(guest.id) ? "marked: " : ""}${
      clean(guest.id, 64)
    }`,
    guest.kind ?? "unknown kind",
    guest.state,
    ...(guest.ready ? ["ready"] : []),
    ...(guest.presented ? ["presented"] : []),
    `network ${clean(guest.network, 64)}`,
    ...(guest.pid === null ? [] : [
      `processor ${percent(figures?.cpu?.percent)}`,
      `memory ${memory(guest, figures)}`,
      `disk ${rate(diskRate(figures))}`,
      ...(guest.network === "off" ? [] : [`net ${rate(netRate(figures))}`]),
      `up ${uptime(guest.started_at, model.now)}`,
    ]),
    ...notesOf(model, guest).map(({ text }) => text),
  ];
  return words.join(", ");
}
