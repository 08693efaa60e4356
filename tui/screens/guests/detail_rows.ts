/** Details and events of one guest in the room that there is: in one column, or in two side by side. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import { partOf, type Row } from "../../line.ts";
import type { Model } from "../../model.ts";
import { beside, filled } from "../../sheet.ts";
import { marksOf } from "../../theme.ts";
import { detailLines, titleOf } from "./details.ts";
import { eventLines, eventsHead, NO_EVENTS } from "./events.ts";

/** One column: the title, details that can be scrolled, the last events of the guest where there are some. */
export function singleRows(model: Model, guest: GuestView, columns: number, rows: number): readonly Row[] {
  const events = eventLines(model, guest.id, Math.max(2, Math.min(12, Math.floor(rows / 3) - 1)));
  const room = Math.max(1, rows - (events.length === 0 ? 0 : events.length + 1));
  const lines: readonly Row[] = [
    [{ text: titleOf(guest), tone: "strong" }],
    ...detailLines(model, guest, columns),
  ];
  const shown = pageOf(model, lines, room);
  return events.length === 0 ? shown : [...filled(shown, room), eventsHead(model, "Events"), ...events];
}

/**
 * Two columns. What is going on stands left and stays there; the rest is scrolled, above the guest's events. Events of all guests
 * take the right column where they were asked for.
 */
export function pairRows(model: Model, guest: GuestView, columns: number, rows: number): readonly Row[] {
  const left = Math.floor((columns - 3) / 2);
  const isForAll = model.screens.guests.events && !model.screens.guests.details;
  const count = isForAll ? rows : Math.max(3, Math.min(12, Math.floor(rows / 3)));
  const lines = detailLines(model, guest, left);
  const at = sectionEnd(lines, rows) ?? breakBefore(lines, rows);
  const room = rows - count;
  const rest = room < 1 ? [] : filled(pageOf(model, withoutFirstBlank(lines.slice(at)), room), room);
  const events = eventLines(model, isForAll ? undefined : guest.id, count - 1);
  const lower = [
    eventsHead(model, isForAll ? "Events of all guests" : "Events"),
    ...events.length === 0 ? [NO_EVENTS] : events,
  ];
  return beside(lines.slice(0, at), [...rest, ...lower], left, model.prefs, rows);
}

/** Lines from where they are scrolled to; the last says how many are left. */
function pageOf(model: Model, lines: readonly Row[], room: number): readonly Row[] {
  const scroll = Math.min(model.screens.guests.scroll, Math.max(0, lines.length - room));
  const shown = lines.slice(scroll, scroll + room);
  if (scroll + room >= lines.length) return shown;
  const kept = shown.slice(0, Math.max(0, breakBefore(lines, scroll + room - 1) - scroll));
  const left = lines.length - scroll - kept.length;
  return [...kept, [{
    text: `${marksOf(model.prefs).more} ${left} more lines: > and < scroll`,
    tone: "dim",
  }]];
}

/** Where the last section ends that has room in a column of `rows`; undefined where that would leave half of it empty. */
function sectionEnd(lines: readonly Row[], rows: number): number | undefined {
  if (lines.length <= rows) return lines.length;
  for (let at = rows; at > rows / 2; at--) if (lines[at]?.length === 0) return at;
  return undefined;
}

/** How many of the lines stand in a column of `rows`: no heading is left alone at its end. */
function breakBefore(lines: readonly Row[], rows: number): number {
  if (lines.length <= rows) return lines.length;
  let at = rows;
  while (at > 0 && isHeading(lines[at - 1])) at--;
  return at;
}

function isHeading(row: Row | undefined): boolean {
  const [first, ...others] = row ?? [];
  return first === undefined || (others.length === 0 && partOf(first).tone === "strong");
}

function withoutFirstBlank(lines: readonly Row[]): readonly Row[] {
  return lines[0]?.length === 0 ? lines.slice(1) : lines;
}
