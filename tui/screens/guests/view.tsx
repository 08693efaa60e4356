/** The screen as it is drawn: the list, and beside it or in its place the details and events of one guest. */
import { Box, Text } from "ink";
import { memo, type ReactNode } from "react";
import type { GuestView } from "../../../src/actions/views.ts";
import { Line, Say } from "../../components/say.tsx";
import { plainText, type Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { windowAround } from "../../window.ts";
import { zoneOf } from "../../time.ts";
import { headLine, place, rowLine } from "./columns.ts";
import { detailLines, type Line as DetailLine } from "./details.ts";
import { eventLines } from "./events.ts";
import { emptyLines, headText } from "./heading.ts";
import { notesOf } from "./notes.ts";
import { spokenLines } from "./spoken.ts";
import { BESIDE_COLUMNS } from "./questions.ts";
import { indexOf, rowsOf, selectedOf } from "./rows.ts";

interface Area {
  readonly model: Model;
  readonly columns: number;
  readonly rows: number;
}

export function View({ model, columns, rows }: Area): ReactNode {
  if (!model.screens.guests.events) return <Guests model={model} columns={columns} rows={rows} />;
  const count = Math.max(2, Math.floor(rows / 3));
  const lines = eventLines(model, undefined, count - 1);
  return (
    <Box flexDirection="column">
      <Guests model={model} columns={columns} rows={rows - count} />
      {spanRow("events", eventsHead(model, "Events of all guests"), columns)}
      {lines.length === 0
        ? spanRow("none", [{ text: "none since this UI was opened", tone: "dim" }], columns)
        : null}
      {lines.map((line, i) => spanRow(`event ${i}`, line, columns))}
    </Box>
  );
}

function eventsHead(model: Model, title: string): readonly Span[] {
  return [{ text: title, tone: "strong" }, { text: `  times ${zoneOf(model.now)}`, tone: "dim" }];
}

function Guests({ model, columns, rows }: Area): ReactNode {
  const guest = selectedOf(model);
  if (model.prefs.screenReader && !model.screens.guests.details) return <Spoken model={model} rows={rows} />;
  const isBeside = columns >= BESIDE_COLUMNS;
  if (guest && model.screens.guests.details) {
    return <Details model={model} guest={guest} columns={columns} rows={rows} />;
  }
  if (!isBeside) return <List model={model} columns={columns} rows={rows} withNotes />;
  const right = Math.max(44, Math.min(90, Math.floor(columns * 0.3)));
  const bar = model.prefs.unicode ? "│" : "|";
  return (
    <Box>
      <List model={model} columns={columns - right - 2} rows={rows} />
      <Say tone="dim">{Array<string>(rows).fill(`${bar} `).join("\n")}</Say>
      {guest ? <Details model={model} guest={guest} columns={right} rows={rows} /> : null}
    </Box>
  );
}

/** Lines are as long as they are: nobody looks at columns. */
function Spoken({ model, rows }: Pick<Area, "model" | "rows">): ReactNode {
  const lines = model.guests.length === 0
    ? [...emptyLines(model, Number.MAX_SAFE_INTEGER)]
    : spokenLines(model, rows);
  return (
    <Box flexDirection="column">
      {lines.map((line, i) => <Text key={i}>{plainText(line)}</Text>)}
    </Box>
  );
}

/** One line; drawn anew only when something in it has changed. */
const Row = memo(
  function Row({ text, tone, width, spans }: {
    /** What stands in it, for comparison; without `spans` it is the line itself. */
    readonly text: string;
    readonly tone?: Tone;
    readonly width: number;
    readonly spans?: readonly Span[];
  }): ReactNode {
    return <Line spans={spans ?? [text]} width={width} {...(tone ? { tone } : {})} />;
  },
  (a, b) =>
    a.text === b.text && a.tone === b.tone && a.width === b.width && tones(a.spans) === tones(b.spans),
);

function tones(spans: readonly Span[] | undefined): string {
  return spans?.map((span) => typeof span === "string" ? "" : span.tone).join() ?? "";
}

function spanRow(key: number | string, spans: readonly Span[], width: number, tone?: Tone): ReactNode {
  return <Row key={key} text={plainText(spans)} spans={spans} width={width} {...(tone ? { tone } : {})} />;
}

function List(
  { model, columns, rows, withNotes = false }: Area & { readonly withNotes?: boolean },
): ReactNode {
  const state = model.screens.guests;
  const all = rowsOf(model);
  const at = indexOf(model);
  const guest = selectedOf(model);
  const placed = place(columns);
  const note = withNotes && guest ? notesOf(model, guest)[0] : undefined;
  const room = Math.max(1, rows - 2 - (withNotes ? 1 : 0));
  const { from: first, to } = windowAround(all.length, at ?? 0, room);
  const marked = new Set(state.marks);
  const lines = all.slice(first, to);
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {spanRow("head", headText(model), columns)}
      {all.length === 0
        ? emptyLines(model, columns).map((line, i) => spanRow(i, line, columns))
        : spanRow("titles", [{ text: headLine(placed, state.sort, state.descending), tone: "dim" }], columns)}
      {lines.map((row, i) => {
        const isCursor = first + i === at;
        const isMarked = row.kind === "guest" && marked.has(row.guest.id);
        const spans = rowLine(model, placed, row, { cursor: isCursor, marked: isMarked });
        return spanRow(`row ${i}`, spans, columns, isCursor ? "selected" : undefined);
      })}
      {withNotes ? <Box flexGrow={1} /> : null}
      {withNotes ? spanRow("note", [note ? { text: note.text, tone: note.tone } : ""], columns) : null}
    </Box>
  );
}

function Details({ model, guest, columns, rows }: Area & { readonly guest: GuestView }): ReactNode {
  const events = eventLines(model, guest.id, Math.max(2, Math.min(12, Math.floor(rows / 3) - 1)));
  const room = Math.max(1, rows - (events.length === 0 ? 0 : events.length + 1));
  const lines = detailLines(model, guest, columns);
  const scroll = Math.min(model.screens.guests.scroll, Math.max(0, lines.length - room));
  const shown: DetailLine[] = lines.slice(scroll, scroll + room);
  const left = lines.length - scroll - room;
  if (left > 0) {
    shown[room - 1] = [{
      text: `${marksOf(model.prefs).more} ${left + 1} more lines: > and < scroll`,
      tone: "dim",
    }];
  }
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {shown.map((line, i) => spanRow(i, line, columns))}
      <Box flexGrow={1} />
      {events.length === 0 ? null : spanRow("events", eventsHead(model, "Events"), columns)}
      {events.map((line, i) => spanRow(`event ${i}`, line, columns))}
    </Box>
  );
}
