/** What the screen `preflight` shows, as rows: the checks by groups, and all of the selected one. Pure. */
import { formatDuration } from "../../../src/core/units.ts";
import type { CheckReport, Profile, Status } from "../../../src/preflight/types.ts";
import type { Model } from "../../model.ts";
import type { Prefs } from "../../prefs.ts";
import type { Row } from "../../line.ts";
import { heading, labelled, listRow, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import {
  blockingOf,
  type CheckRow,
  countOf,
  type PreflightState,
  selectedRow,
  shownRows,
  statusOf,
} from "./state.ts";

const TONES: Readonly<Record<Status, Tone>> = { PASS: "good", WARN: "warn", FAIL: "bad", SKIP: "dim" };
const MAX_TEXT = 2_000;
/** A check that took less says nothing of its time. */
const WORTH_SAYING_MS = 500;
const STATUSES: readonly Status[] = ["FAIL", "WARN", "PASS", "SKIP"];

export function preflightRows(model: Model, columns: number, height: number): Row[] {
  const state = model.screens.preflight;
  const head = headRows(state, model, columns);
  const shown = shownRows(state);
  if (shown.length === 0) return [...head, [], ...nothingRows(state, columns)];
  const room = height - head.length;
  const details = detailRows(state, model, columns, Math.max(3, Math.floor(room / 2)));
  const list = listRows(state, model.prefs, columns, room - details.length);
  const gap = Array.from({ length: Math.max(0, room - details.length - list.length) }, (): Row => []);
  return [...head, ...list, ...gap, ...details];
}

function headRows(state: PreflightState, { prefs, now }: Model, columns: number): Row[] {
  const { rows, run, profile } = state;
  const counts = STATUSES.flatMap((status): Row => {
    const count = countOf(state, status);
    return count === 0 ? [] : ["  ", { text: `${count} ${status}`, tone: TONES[status] }];
  });
  const done = rows.filter((row) => statusOf(row) !== undefined).length;
  const line: Row = [
    { text: columns < 80 ? `${profile} guests` : `Ready for ${profile} guests?`, tone: "strong" },
    `  ${runText(state, done, now)}`,
    ...counts,
  ];
  const end = run.kind === "ended" ? verdictRows(state, prefs, columns) : [];
  return [...firstRows(state, prefs, columns), line, ...end];
}

/** What it comes to. What fails need not block: then there can be a guest that is slower, or has less. */
function verdictRows(state: PreflightState, prefs: Prefs, columns: number): Row[] {
  const { profile, rows } = state;
  const { bad, warn, good } = marksOf(prefs);
  const blocking = blockingOf(state);
  if (blocking.length > 0) {
    const text = `${bad} no ${profile} guest before these are put right: ${blocking.join(", ")}`;
    return wrapped(text, columns, "bad");
  }
  const failed = rows.filter((row) => statusOf(row) === "FAIL").map(({ id }) => id);
  if (failed.length > 0) {
    const text = `${warn} ${profile} guests can run, but slower or with something missing: `;
    return wrapped(text + failed.join(", "), columns, "warn");
  }
  return wrapped(`${good} nothing is in the way of ${profile} guests`, columns, "good");
}

function firstRows({ first }: PreflightState, { readOnly }: Prefs, columns: number): Row[] {
  if (first !== "yes") return [];
  const then = readOnly ? "" : "; then n makes the first guest";
  return wrapped(`No guest yet. Here is whether this host is ready for one${then}.`, columns, "accent");
}

function runText({ run, rows }: PreflightState, done: number, now: number): string {
  switch (run.kind) {
    case "never":
      return "not looked at yet";
    case "running":
      return `${done} of ${rows.length} checks, ${formatDuration(Math.max(0, now - run.since))}`;
    case "ended":
      return `${rows.length} ${rows.length === 1 ? "check" : "checks"} in ${formatDuration(run.tookMs)}`;
    case "cancelled":
      return `cancelled after ${done} of ${rows.length} checks`;
    case "failed":
      return "not carried out";
  }
}

function nothingRows({ run, faultsOnly, rows }: PreflightState, columns: number): Row[] {
  if (run.kind === "failed") {
    const { message, hint } = run.problem;
    return [...wrapped(clean(message, MAX_TEXT), columns, "bad"), ...hint ? wrapped(hint, columns) : []];
  }
  if (faultsOnly && rows.length > 0) return wrapped("Nothing warns or fails. f shows all checks.", columns);
  return wrapped(run.kind === "running" ? "The checks begin ..." : "r runs the checks.", columns, "dim");
}

function listRows(state: PreflightState, prefs: Prefs, columns: number, height: number): readonly Row[] {
  const shown = shownRows(state), selected = selectedRow(state);
  const width = Math.min(Math.max(...shown.map(({ id }) => id.length)), columns < 100 ? 26 : 34);
  const rows: Row[] = [];
  let at = 0;
  for (const [i, row] of shown.entries()) {
    if (row.group !== shown[i - 1]?.group) rows.push([{ text: row.group, tone: "strong" }]);
    if (row === selected) at = rows.length;
    rows.push(listRow(checkRow(row, row === selected, width, prefs), row === selected, columns, prefs));
  }
  return windowOf(rows, at, Math.max(1, height)).shown;
}

function checkRow(row: CheckRow, selected: boolean, width: number, prefs: Prefs): Row {
  const marks = marksOf(prefs);
  const status = statusOf(row);
  const cursor = selected ? `${marks.cursor} ` : "  ";
  const id = fit(row.id, width, "left", marks.more);
  if (status === undefined || row.at.kind !== "ended") {
    const detail = row.at.kind === "waiting" && row.at.detail !== "" ? row.at.detail : row.title;
    return [cursor, { text: `${marks.off} ...  `, tone: "dim" }, id, "  ", {
      text: clean(detail, MAX_TEXT),
      tone: "dim",
    }];
  }
  return [
    cursor,
    { text: `${markOf(status, prefs)} ${status} `, tone: TONES[status] },
    id,
    "  ",
    clean(row.at.result.details, MAX_TEXT),
  ];
}

function blockText({ status, blocking }: CheckReport, profile: Profile): string {
  if (status !== "FAIL") return "";
  return blocking ? `, blocks ${profile} guests` : `, does not block ${profile} guests`;
}

function markOf(status: Status, prefs: Prefs): string {
  const marks = marksOf(prefs);
  return { PASS: marks.good, WARN: marks.warn, FAIL: marks.bad, SKIP: marks.off }[status];
}

/** The selected check. The remedy stands on rows of its own from the first column on, so that a terminal can copy it. */
function detailRows(state: PreflightState, { prefs }: Model, columns: number, most: number): Row[] {
  const row = selectedRow(state);
  if (!row) return [];
  const ended = row.at.kind === "ended" ? row.at.result : undefined;
  const took = ended && ended.took_ms >= WORTH_SAYING_MS ? `, ${formatDuration(ended.took_ms)}` : "";
  const tail = took + (ended ? blockText(ended, state.profile) : "");
  const head = heading(`${ended?.status ?? "running"} ${row.id}: ${row.title}${tail}`, columns, prefs);
  const found = ended ? labelled("found", clean(ended.details, MAX_TEXT), columns) : [];
  const why = labelled("why  ", row.why, columns);
  const remedy = ended && ended.remediation !== ""
    ? [
      [{ text: "do:", tone: "dim" } as const],
      ...wrapped(clean(ended.remediation, MAX_TEXT), columns, "accent"),
    ]
    : [];
  const room = most - 1 - remedy.length;
  const both = [...found, ...why];
  if (both.length <= room) return [head, ...both, ...remedy];
  return [head, ...found.slice(0, Math.max(1, room)), ...remedy];
}
