/** Runs, as rows: those that are not over, and one as it goes on. Pure. */
import type { ProvisionView } from "../../../src/actions/views.ts";
import { formatDuration } from "../../../src/core/units.ts";
import { STEP_TITLES, stepsOf } from "../../../src/provision/steps.ts";
import { localTime, zoneOf } from "../../time.ts";
import type { Model } from "../../model.ts";
import type { Prefs } from "../../prefs.ts";
import type { Row } from "../../line.ts";
import { heading, labelled, listRow, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { eventLines } from "../guests/events.ts";
import type { Mode } from "./state.ts";

type Of<K extends Mode["kind"]> = Extract<Mode, { readonly kind: K }>;

const MAX_TEXT = 1_000;
/** So many markers are shown of a run, where there is room. */
const EVENTS = 12;
/** Cells of a step's name. */
const STEP_COLUMNS = 8;

const STATES: Readonly<Record<ProvisionView["state"], { readonly word: string; readonly tone: Tone }>> = {
  running: { word: "under way", tone: "accent" },
  interrupted: { word: "interrupted", tone: "warn" },
  failed: { word: "failed", tone: "bad" },
};

function markOf(state: ProvisionView["state"], prefs: Prefs): string {
  const { on, warn, bad } = marksOf(prefs);
  return { running: on, interrupted: warn, failed: bad }[state];
}

export function listRows({ at }: Of<"runs">, model: Model, columns: number, height: number): Row[] {
  const { prefs, provisioning, now } = model;
  const { cursor, off } = marksOf(prefs);
  const width = Math.min(Math.max(8, ...provisioning.map(({ vm }) => vm.length)), columns < 80 ? 20 : 40);
  const rows = provisioning.map((run, i): Row => {
    const { word, tone } = STATES[run.state];
    const steps = stepsOf({ baseline: run.baseline !== null });
    const spans: Row = [
      `${i === at ? `${cursor} ` : "  "}${fit(run.vm, width)}`,
      { text: `  ${markOf(run.state, prefs)} ${word.padEnd(11)}`, tone },
      `  step ${steps.indexOf(run.step) + 1} of ${steps.length}: ${run.step.padEnd(STEP_COLUMNS)}`,
      { text: `  begun ${formatDuration(Math.max(0, now - Date.parse(run.begun_at)))} ago`, tone: "dim" },
    ];
    return listRow(spans, i === at, columns, prefs);
  });
  const isNew = at >= rows.length;
  const fresh: Row[] = prefs.readOnly ? [] : [listRow(
    [
      `${isNew ? `${cursor} ` : "  "}A new guest`,
      { text: `  ${off} asked for step by step; nothing is done before the end`, tone: "dim" },
    ],
    isNew,
    columns,
    prefs,
  )];
  const none = rows.length === 0
    ? [...wrapped("No run is under way, none was interrupted.", columns, "dim"), []]
    : [];
  return [
    heading("Provisioning", columns, prefs),
    ...none,
    ...windowOf([...rows, ...fresh], at, Math.max(1, height - 2 - none.length)).shown,
  ];
}

export function runRows(mode: Of<"run">, model: Model, columns: number, height: number): Row[] {
  const { prefs, provisioning, now } = model;
  const run = provisioning.find(({ vm }) => vm === mode.vm);
  const head = run ? progressRows(run, model, columns) : withoutRun(mode, prefs, columns);
  const room = height - head.length;
  const events = eventLines(model, mode.vm, Math.max(1, Math.min(EVENTS, (room >> 1) - 1)));
  const eventRows = events.length === 0 || room < 4
    ? []
    : [heading(`Events  times ${zoneOf(now)}`, columns, prefs), ...events];
  const left = room - eventRows.length - 1;
  const serial = mode.serial.length === 0 || left < 1 ? [] : [
    heading("Console", columns, prefs),
    ...mode.serial.slice(-left).map((line): Row => [{ text: clean(line, 400), tone: "dim" }]),
  ];
  return [...head, ...eventRows, ...serial];
}

/** What is shown once nothing of the run is left, or before it is there. */
function withoutRun({ vm, begun, outcome }: Of<"run">, prefs: Prefs, columns: number): Row[] {
  const { good, bad } = marksOf(prefs);
  const head = heading(vm, columns, prefs);
  if (outcome?.kind === "done") {
    const runs = outcome.os === undefined ? "" : `: ${clean(outcome.os, 120)}`;
    return [
      head,
      ...wrapped(
        `${good} ${vm} is provisioned${runs}. It is among the guests (1), and r starts it there.`,
        columns,
        "good",
      ),
    ];
  }
  if (outcome?.kind === "undone") {
    return [head, ...wrapped(`${good} ${vm} is undone: all that it had made is gone.`, columns, "good")];
  }
  if (outcome?.kind === "failed") {
    return [head, ...wrapped(`${bad} failed: ${clean(outcome.why, MAX_TEXT)}`, columns, "bad")];
  }
  const text = begun
    ? `No run of ${vm} is under way, and none was interrupted.`
    : "The supervisor is being asked ...";
  return [head, ...wrapped(text, columns, "dim")];
}

function progressRows(run: ProvisionView, { prefs, now }: Model, columns: number): Row[] {
  const { word, tone } = STATES[run.state];
  const begun = Date.parse(run.begun_at);
  const age = formatDuration(Math.max(0, now - begun));
  const steps = stepsOf({ baseline: run.baseline !== null });
  const at = steps.indexOf(run.step);
  const facts = [
    run.phase === null ? "" : `phase: ${clean(run.phase, 120)}`,
    run.restarts === 0 ? "" : `restarts: ${run.restarts}`,
    run.os === null ? "" : `system: ${clean(run.os, 120)}`,
    run.baseline === null ? "" : `baseline: ${clean(run.baseline, 80)}`,
  ].filter((text) => text !== "");
  return [
    heading(run.vm, columns, prefs),
    [
      { text: `${markOf(run.state, prefs)} ${word}`, tone },
      `  step ${at + 1} of ${steps.length}  ${run.state === "running" ? age : `begun ${age} ago`}`,
      { text: `  ${run.state === "running" ? "since" : "at"} ${localTime(begun, now)}`, tone: "dim" },
    ],
    ...steps.map((step, i): Row => stepRow(step, i - at, run, prefs)),
    ...facts.length === 0 ? [] : wrapped(facts.join("   "), columns),
    ...run.why === null ? [] : labelled("why", clean(run.why, MAX_TEXT), columns, undefined, "bad"),
    ...wayOn(run, prefs, columns),
  ];
}

function stepRow(step: keyof typeof STEP_TITLES, place: number, run: ProvisionView, prefs: Prefs): Row {
  const { good, off, cursor } = marksOf(prefs);
  const title = `  ${STEP_TITLES[step]}`;
  if (place < 0) {
    return [{ text: `  ${good} ${step.padEnd(STEP_COLUMNS)}  done       `, tone: "good" }, {
      text: title,
      tone: "dim",
    }];
  }
  if (place > 0) return [{ text: `  ${off} ${step.padEnd(STEP_COLUMNS)}  to come    ${title}`, tone: "dim" }];
  const { word, tone } = STATES[run.state];
  const mark = run.state === "running" ? cursor : markOf(run.state, prefs);
  return [{ text: `  ${mark} ${step.padEnd(STEP_COLUMNS)}  ${word.padEnd(11)}`, tone }, title];
}

function wayOn({ state }: ProvisionView, { readOnly }: Prefs, columns: number): Row[] {
  if (readOnly) return [];
  const words = state === "running"
    ? "x cancels it, u undoes all that it has made"
    : "g goes on where it was, u undoes all that it has made";
  return wrapped(words, columns, "accent");
}
