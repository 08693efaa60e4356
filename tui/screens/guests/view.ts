/** The screen as it is seen: the list, and beside it, below it or in its place the details and events of one guest. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import { cursorRow, type Row } from "../../line.ts";
import type { Model } from "../../model.ts";
import { beside, filled, heading } from "../../sheet.ts";
import { marksOf } from "../../theme.ts";
import { windowAround } from "../../window.ts";
import { arrangementOf, listHeight, PAIRED_COLUMNS } from "./arrangement.ts";
import { headLine, place, rowLine } from "./columns.ts";
import { titleOf } from "./details.ts";
import { pairRows, singleRows } from "./detail_rows.ts";
import { eventLines, eventsHead, NO_EVENTS } from "./events.ts";
import { emptyLines, headText } from "./heading.ts";
import { notesOf } from "./notes.ts";
import { indexOf, rowsOf, selectedOf } from "./rows.ts";
import { spokenLines } from "./spoken.ts";

/** The list, and below it the events of all guests where they were asked for. */
export function guestRows(model: Model, columns: number, rows: number): readonly Row[] {
  const { events, details } = model.screens.guests;
  const hasOwnPlace = !details && arrangementOf(model.size) === "below" && !model.prefs.screenReader;
  if (!events || hasOwnPlace) return guestsRows(model, columns, rows);
  const count = Math.max(2, Math.floor(rows / 3));
  const lines = eventLines(model, undefined, count - 1);
  return [
    ...filled(guestsRows(model, columns, rows - count), rows - count),
    eventsHead(model, "Events of all guests"),
    ...lines.length === 0 ? [NO_EVENTS] : lines,
  ];
}

function guestsRows(model: Model, columns: number, rows: number): readonly Row[] {
  const guest = selectedOf(model);
  const { details } = model.screens.guests;
  // Lines are as long as they are: nobody looks at columns.
  if (model.prefs.screenReader && !details) {
    return model.guests.length === 0 ? emptyLines(model, Number.MAX_SAFE_INTEGER) : spokenLines(model, rows);
  }
  if (guest && details) return wholeRows(model, guest, columns, rows);
  switch (arrangementOf(model.size)) {
    case "alone":
      return listRows(model, columns, rows, true);
    case "below":
      return belowRows(model, guest, columns, rows);
    case "beside": {
      const right = Math.max(44, Math.min(90, Math.floor(columns * 0.3)));
      const left = columns - right - 3;
      return beside(
        listRows(model, left, rows, false),
        guest ? singleRows(model, guest, right, rows) : [],
        left,
        model.prefs,
        rows,
      );
    }
  }
}

/** Details that have the screen to themselves. */
function wholeRows(model: Model, guest: GuestView, columns: number, rows: number): readonly Row[] {
  if (columns < PAIRED_COLUMNS || model.prefs.screenReader) return singleRows(model, guest, columns, rows);
  return [heading(titleOf(guest), columns, model.prefs), ...pairRows(model, guest, columns, rows - 1)];
}

function belowRows(
  model: Model,
  guest: GuestView | undefined,
  columns: number,
  rows: number,
): readonly Row[] {
  const height = Math.min(rows, listHeight(model.size));
  const list = filled(listRows(model, columns, height, false), height);
  if (guest === undefined) return list;
  return [
    ...list,
    heading(titleOf(guest), columns, model.prefs),
    ...pairRows(model, guest, columns, rows - height - 1),
  ];
}

function listRows(model: Model, columns: number, rows: number, withNotes: boolean): readonly Row[] {
  const { guests } = model.screens;
  const all = rowsOf(model);
  const at = indexOf(model);
  const guest = selectedOf(model);
  const placed = place(columns);
  const note = withNotes && guest ? notesOf(model, guest)[0] : undefined;
  const room = Math.max(1, rows - 2 - (withNotes ? 1 : 0));
  const { from, to } = windowAround(all.length, at ?? 0, room);
  const marked = new Set(guests.marks);
  const { more } = marksOf(model.prefs);
  const list = all.slice(from, to).map((row, i): Row => {
    const isCursor = from + i === at;
    const isMarked = row.kind === "guest" && marked.has(row.guest.id);
    const spans = rowLine(model, placed, row, { cursor: isCursor, marked: isMarked });
    return isCursor ? cursorRow(spans, columns, more) : spans;
  });
  const titles: readonly Row[] = all.length === 0
    ? emptyLines(model, columns)
    : [[{ text: headLine(placed, guests, model.prefs), tone: "dim" }]];
  const shown = [headText(model), ...titles, ...list];
  return withNotes ? [...filled(shown, rows - 1), note ? [{ text: note.text, tone: note.tone }] : []] : shown;
}
