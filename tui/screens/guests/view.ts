/** The screen as it is seen: the list, and beside it or in its place the details and events of one guest. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import { cursorRow, type Row } from "../../line.ts";
import type { Model } from "../../model.ts";
import { beside, filled } from "../../sheet.ts";
import { marksOf } from "../../theme.ts";
import { zoneOf } from "../../time.ts";
import { windowAround } from "../../window.ts";
import { headLine, place, rowLine } from "./columns.ts";
import { detailLines } from "./details.ts";
import { eventLines } from "./events.ts";
import { emptyLines, headText } from "./heading.ts";
import { notesOf } from "./notes.ts";
import { BESIDE_COLUMNS } from "./questions.ts";
import { indexOf, rowsOf, selectedOf } from "./rows.ts";
import { spokenLines } from "./spoken.ts";

/** The list, and below it the events of all guests where they were asked for. */
export function guestRows(model: Model, columns: number, rows: number): readonly Row[] {
  if (!model.screens.guests.events) return guestsRows(model, columns, rows);
  const count = Math.max(2, Math.floor(rows / 3));
  const lines = eventLines(model, undefined, count - 1);
  return [
    ...filled(guestsRows(model, columns, rows - count), rows - count),
    eventsHead(model, "Events of all guests"),
    ...lines.length === 0 ? [[{ text: "none since this UI was opened", tone: "dim" } as const]] : lines,
  ];
}

function eventsHead(model: Model, title: string): Row {
  return [{ text: title, tone: "strong" }, { text: `  times ${zoneOf(model.now)}`, tone: "dim" }];
}

function guestsRows(model: Model, columns: number, rows: number): readonly Row[] {
  const guest = selectedOf(model);
  const { details } = model.screens.guests;
  // Lines are as long as they are: nobody looks at columns.
  if (model.prefs.screenReader && !details) {
    return model.guests.length === 0 ? emptyLines(model, Number.MAX_SAFE_INTEGER) : spokenLines(model, rows);
  }
  if (guest && details) return detailsRows(model, guest, columns, rows);
  if (columns < BESIDE_COLUMNS) return listRows(model, columns, rows, true);
  const right = Math.max(44, Math.min(90, Math.floor(columns * 0.3)));
  const left = columns - right - 3;
  return beside(
    listRows(model, left, rows, false),
    guest ? detailsRows(model, guest, right, rows) : [],
    left,
    model.prefs,
    rows,
  );
}

function listRows(model: Model, columns: number, rows: number, withNotes: boolean): readonly Row[] {
  const { sort, descending, marks } = model.screens.guests;
  const all = rowsOf(model);
  const at = indexOf(model);
  const guest = selectedOf(model);
  const placed = place(columns);
  const note = withNotes && guest ? notesOf(model, guest)[0] : undefined;
  const room = Math.max(1, rows - 2 - (withNotes ? 1 : 0));
  const { from, to } = windowAround(all.length, at ?? 0, room);
  const marked = new Set(marks);
  const { more } = marksOf(model.prefs);
  const list = all.slice(from, to).map((row, i): Row => {
    const isCursor = from + i === at;
    const isMarked = row.kind === "guest" && marked.has(row.guest.id);
    const spans = rowLine(model, placed, row, { cursor: isCursor, marked: isMarked });
    return isCursor ? cursorRow(spans, columns, more) : spans;
  });
  const titles: readonly Row[] = all.length === 0
    ? emptyLines(model, columns)
    : [[{ text: headLine(placed, sort, descending), tone: "dim" }]];
  const shown = [headText(model), ...titles, ...list];
  return withNotes ? [...filled(shown, rows - 1), note ? [{ text: note.text, tone: note.tone }] : []] : shown;
}

function detailsRows(model: Model, guest: GuestView, columns: number, rows: number): readonly Row[] {
  const events = eventLines(model, guest.id, Math.max(2, Math.min(12, Math.floor(rows / 3) - 1)));
  const room = Math.max(1, rows - (events.length === 0 ? 0 : events.length + 1));
  const lines = detailLines(model, guest, columns);
  const scroll = Math.min(model.screens.guests.scroll, Math.max(0, lines.length - room));
  const shown: Row[] = lines.slice(scroll, scroll + room);
  const left = lines.length - scroll - room;
  if (left > 0) {
    shown[room - 1] = [{
      text: `${marksOf(model.prefs).more} ${left + 1} more lines: > and < scroll`,
      tone: "dim",
    }];
  }
  return events.length === 0 ? shown : [...filled(shown, room), eventsHead(model, "Events"), ...events];
}
