/** What stands in an overlay: lines of spans that fit the room. Pure. */
import type { JobView } from "../src/actions/views.ts";
import { unreachable } from "../src/core/result.ts";
import { helpLines } from "./help.ts";
import type { Row, Span } from "./line.ts";
import type { Model, Overlay } from "./model.ts";
import { paletteEntries } from "./palette.ts";
import type { AllScreens } from "./screens/all.ts";
import { wrapped } from "./sheet.ts";
import { cut, fit, widthOf, wrap } from "./text.ts";
import { marksOf, type Tone } from "./theme.ts";
import { windowAround, windowFrom } from "./window.ts";

export interface Room {
  readonly columns: number;
  readonly rows: number;
}

export interface OverlayContent {
  readonly title: string;
  readonly lines: readonly (readonly Span[])[];
  /** Width of the lines. */
  readonly columns: number;
  readonly tone: Tone;
}

type Of<K extends Overlay["kind"]> = Extract<Overlay, { kind: K }>;

const DIALOG_COLUMNS = 64;
const TEXT_COLUMNS = 100;

export function overlayContent(
  model: Model,
  screens: AllScreens,
  top: Overlay,
  room: Room,
): OverlayContent {
  switch (top.kind) {
    case "confirm":
      return confirmContent(top, room, model);
    case "choose":
      return chooseContent(top, room, model);
    case "palette":
      return paletteContent(model, screens, top, room);
    case "help": {
      const lines = helpLines(model, screens, Math.min(room.columns, TEXT_COLUMNS));
      return scrolled("Help", lines, top.scroll, room, model);
    }
    case "text": {
      const columns = Math.min(room.columns, TEXT_COLUMNS);
      const lines = top.lines.flatMap((line) => wrap(line, columns)).map((line): Span[] => [line]);
      return scrolled(top.title, lines, top.scroll, room, model);
    }
    case "jobs":
      return jobsContent(model, top, room);
    default:
      return unreachable(top);
  }
}

function confirmContent(top: Of<"confirm">, room: Room, { prefs }: Model): OverlayContent {
  const columns = Math.min(room.columns, DIALOG_COLUMNS);
  const { cursor, more } = marksOf(prefs);
  const said = top.lines.flatMap((line) => wrapped(line, columns, "plain", line.startsWith("  ") ? 4 : 0));
  const asked: Row[] = [];
  if (top.typed === undefined) {
    asked.push([{ text: "y", tone: "accent" }, " yes    ", { text: "n", tone: "accent" }, " no"]);
  } else {
    const { word, given } = top.typed;
    asked.push(["Type ", { text: word, tone: "strong" }, " and press Enter; Esc leaves"]);
    asked.push([{ text: `${cursor} ${given}_`, tone: given === word ? "good" : "plain" }]);
  }
  const gap: Row[] = said.length > 0 ? [[]] : [];
  const left = Math.max(1, room.rows - asked.length - gap.length);
  // What it comes to stands first: of a long list the end is left out.
  const shown: readonly Row[] = said.length <= left
    ? said
    : [...said.slice(0, left - 1), [{ text: `${more} ${said.length - left + 1} more lines`, tone: "dim" }]];
  return { title: top.title, lines: [...shown, ...gap, ...asked], columns, tone: "warn" };
}

function chooseContent(top: Of<"choose">, room: Room, { prefs }: Model): OverlayContent {
  const columns = Math.min(room.columns, DIALOG_COLUMNS);
  const { from, to } = windowAround(top.choices.length, top.at, room.rows);
  const { cursor, more } = marksOf(prefs);
  const lines = top.choices.slice(from, to).map(({ label, disabled }, i): Span[] => {
    const isAt = from + i === top.at;
    const text = `${isAt ? cursor : " "} ${label}${disabled === undefined ? "" : `  (${disabled})`}`;
    return [{
      text: fit(text, columns, "left", more),
      tone: isAt ? "selected" : disabled === undefined ? "plain" : "dim",
    }];
  });
  return { title: top.title, lines, columns, tone: "accent" };
}

function paletteContent(
  model: Model,
  screens: AllScreens,
  top: Of<"palette">,
  room: Room,
): OverlayContent {
  const columns = Math.min(room.columns, TEXT_COLUMNS);
  const entries = paletteEntries(model, screens, top.text);
  const { from, to } = windowAround(entries.length, top.at, Math.min(room.rows, 16) - 2);
  const { cursor, more } = marksOf(model.prefs);
  const label = Math.min(Math.floor(columns / 2), 36);
  const lines = entries.slice(from, to).map((entry, i): Span[] => {
    const isAt = from + i === top.at;
    const name = `${isAt ? cursor : " "} ${entry.label}${entry.completes ? " " + more : ""}`;
    const said = entry.disabled ?? entry.hint;
    const rest = fit(said, Math.max(0, columns - label - 2), "left", more);
    if (isAt) return [{ text: `${fit(name, label, "left", more)}  ${rest}`, tone: "selected" }];
    const isOff = entry.disabled !== undefined;
    return [
      { text: fit(name, label, "left", more), tone: isOff ? "dim" : "plain" },
      { text: `  ${rest}`, tone: "dim" },
    ];
  });
  const found: Span[] = entries.length === 0
    ? [{ text: "nothing fits", tone: "warn" }]
    : [{ text: `${top.at + 1} of ${entries.length}`, tone: "dim" }];
  return {
    title: "Commands",
    lines: [[{ text: `: ${top.text}_`, tone: "strong" }], ...lines, found],
    columns,
    tone: "accent",
  };
}

function jobsContent(model: Model, top: Of<"jobs">, room: Room): OverlayContent {
  const columns = Math.min(room.columns, TEXT_COLUMNS);
  if (model.jobs.length === 0) {
    return {
      title: "Jobs",
      lines: [["Nothing is under way."]],
      columns: Math.min(columns, DIALOG_COLUMNS),
      tone: "accent",
    };
  }
  const { from, to } = windowAround(model.jobs.length, top.at, room.rows);
  const { cursor, more } = marksOf(model.prefs);
  const lines = model.jobs.slice(from, to).map((job, i): Span[] => {
    const isAt = from + i === top.at;
    const text = `${isAt ? cursor : " "} ${jobText(job, model.now)}`;
    return [{ text: fit(text, columns, "left", more), tone: isAt ? "selected" : "plain" }];
  });
  return { title: `Jobs: ${model.jobs.length}`, lines, columns, tone: "accent" };
}

const JOB_STATES: Readonly<Record<JobView["state"], string>> = {
  waiting: "waits",
  running: "under way",
  called_off: "called off",
};

function jobText(job: JobView, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(job.started_at ?? job.asked_at)) / 1000));
  const progress = job.progress === null ? "" : `  ${job.progress}`;
  return `${job.action} ${job.vm ?? ""}  ${JOB_STATES[job.state]} ${seconds} s${progress}`;
}

function scrolled(
  title: string,
  lines: readonly (readonly Span[])[],
  scroll: number,
  room: Room,
  { prefs }: Model,
): OverlayContent {
  const { from, to } = windowFrom(lines.length, scroll, room.rows);
  const widest = Math.max(
    20,
    widthOf(title) + 4,
    ...lines.map((line) => line.reduce((sum, span) => sum + widthOf(textOf(span)), 0)),
  );
  const isAll = lines.length <= room.rows;
  const where = isAll ? "" : `  ${from + 1} to ${to} of ${lines.length}`;
  const columns = Math.min(room.columns, Math.max(widest, widthOf(title + where) + 4));
  const head = cut(`${title}${where}`, columns, marksOf(prefs).more);
  return { title: head, lines: lines.slice(from, to), columns, tone: "accent" };
}

function textOf(span: Span): string {
  return typeof span === "string" ? span : span.text;
}
