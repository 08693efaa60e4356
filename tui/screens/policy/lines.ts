/** What the policy screen shows, as rows: how it is with the file, the file, and a panel beside it. Pure. */
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import { cursorRow, type Row, type Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { beside, row, windowOf, wrapped } from "../../sheet.ts";
import { clean, cut, widthOf } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { decisionRows } from "./decision_lines.ts";
import { differenceRows } from "./difference_lines.ts";
import type { PolicyText, Remark } from "./file.ts";
import { lineOfRow } from "./moving.ts";
import { problemRows, rightsRows, whatIfRows } from "./panel_lines.ts";
import { fileOf, type Panel, PANELS, problemsOf } from "./state.ts";

/** From this width on, file and panel stand side by side. */
const WIDE = 100;
const RULE_COLUMNS = 3;
/** From this width on, the names of the panels stand as far apart as those of the screens. */
const WIDE_TABS = 80;

/** At most `rows` rows. */
export function policyRows(model: Model, columns: number, rows: number): Row[] {
  const top = [...stateRows(model, columns), tabRow(model, columns)];
  const left = Math.max(1, rows - top.length);
  return [...top, ...body(model, columns, left)].slice(0, Math.max(1, rows));
}

function body(model: Model, columns: number, rows: number): readonly Row[] {
  const { focus } = model.screens.policy;
  if (isAlone(model, columns)) {
    return focus === "file" ? fileRows(model, columns, rows) : panelRows(model, columns, rows);
  }
  const widths = panelWidths(columns);
  return beside(
    fileRows(model, widths.left, rows),
    panelRows(model, widths.right, rows),
    widths.left,
    model.prefs,
    rows,
  );
}

/** How wide file and panel are, side by side. */
function panelWidths(columns: number): { readonly left: number; readonly right: number } {
  const left = Math.min(100, Math.floor((columns - RULE_COLUMNS) * 0.46));
  return { left, right: columns - RULE_COLUMNS - left };
}

/** Whether either the file or the panel is shown: there is no room for both, or they are read aloud. */
function isAlone({ prefs }: Model, columns: number): boolean {
  return columns < WIDE || prefs.screenReader;
}

/** How many rows the panel has that can only be scrolled; undefined where the cursor is on one of its rows. */
export function scrollLength(model: Model): number | undefined {
  const { columns } = model.size;
  const width = isAlone(model, columns) ? columns : panelWidths(columns).right;
  switch (model.screens.policy.panel) {
    case "what_if":
      return decisionRows(model, width).length;
    case "difference":
      return differenceRows(model, width, Infinity).length;
    default:
      return undefined;
  }
}

function panelRows(model: Model, columns: number, rows: number): readonly Row[] {
  switch (model.screens.policy.panel) {
    case "rights":
      return rightsRows(model, columns, rows);
    case "what_if":
      return whatIfRows(model, columns, rows);
    case "problems":
      return problemRows(model, columns, rows);
    case "difference":
      return differenceRows(model, columns, rows);
  }
}

/** Whether the file that is shown is what the supervisor goes by. */
function stateRows(model: Model, columns: number): Row[] {
  const { status, prefs, screens } = model;
  const { seen } = screens.policy;
  const marks = marksOf(prefs);
  const inForce = status?.policy.revision;
  const goesBy = inForce === undefined
    ? ""
    : inForce === "none"
    ? "; no policy is in force"
    : `; in force is revision ${inForce.slice(0, 12)}`;
  if (seen.kind === "unread") return [row({ text: "reading the policy file", tone: "dim" })];
  if (seen.kind === "none") return wrapped(`${marks.bad} ${seen.why.message}${goesBy}`, columns, "bad", 2);
  const { path, revision, problems } = seen.file;
  const name = `${clean(belowRoot(path, model.root), 200)}, revision ${revision.slice(0, 12)}`;
  if (problems.length > 0) {
    const many = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    return wrapped(`${marks.bad} ${name}: refused for ${many}${goesBy}`, columns, "bad", 2);
  }
  if (isInForce(model)) {
    const by = status?.policy.signed_by;
    const signed = by ? `, signed by key ${by.slice(0, 16)}` : "";
    return wrapped(`${marks.good} ${name}: in force${signed}`, columns, "good", 2);
  }
  return wrapped(`${marks.warn} ${name}: not in force${goesBy}`, columns, "warn", 2);
}

/** A path as the operator knows it: below the data root without that. */
function belowRoot(path: string, root: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}

/** Whether the supervisor goes by the very file that is shown. */
function isInForce({ status, screens }: Model): boolean {
  const file = fileOf(screens.policy);
  return file !== undefined && status?.policy.revision === file.revision && !status.policy.safe_mode;
}

const TABS: Readonly<Record<Panel, readonly [key: string, title: string]>> = {
  rights: ["r", "Rights"],
  what_if: ["w", "What if"],
  problems: ["p", "Problems"],
  difference: ["d", "Compare"],
};

function tabRow(model: Model, columns: number): Row {
  const { screens, guests, prefs } = model;
  const state = screens.policy;
  const alone = isAlone(model, columns);
  const tab = (isOn: boolean, key: string, title: string): Span => {
    const [before, after] = isOn ? ["[", "] "] : columns < WIDE_TABS ? ["", " "] : [" ", "  "];
    return { text: `${before}${key} ${title}${after}`, tone: isOn ? "strong" : "dim" };
  };
  const count = problemsOf(state).length;
  const title = (panel: Panel) =>
    panel === "problems" && count > 0 ? `${TABS[panel][1]} ${count}` : TABS[panel][1];
  const tabs = [
    tab(state.focus === "file", "f", "File"),
    ...PANELS.map((panel) =>
      tab(state.panel === panel && !(alone && state.focus === "file"), TABS[panel][0], title(panel))
    ),
  ];
  const at = guests.findIndex(({ id }) => id === state.vm);
  const { more } = marksOf(prefs);
  const guest = at < 0
    ? "no guest"
    : `${cut(sanitizeLine(state.vm ?? "", 63), 20, more)} ${at + 1}/${guests.length}`;
  return row(...tabs, " ", { text: guest, tone: "accent" });
}

/** The file with the line of the cursor in sight, and a caret below each place where something is wrong. */
function fileRows(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.policy;
  const file = fileOf(state);
  if (!file) {
    return state.seen.kind === "none" && state.seen.why.hint !== undefined
      ? wrapped(`hint: ${state.seen.why.hint}`, columns, "accent", 6)
      : [];
  }
  const made = numbered(model, file, columns, rows);
  const at = made.findIndex(({ line }) => line >= state.line);
  return windowOf(made, Math.max(0, at), rows).shown.map(({ row }) => row);
}

interface Numbered {
  readonly line: number;
  readonly row: Row;
}

/** The lines around the cursor, as many as can be in sight: a file may have a million. */
function numbered(model: Model, file: PolicyText, columns: number, rows: number): Numbered[] {
  const state = model.screens.policy;
  const marks = marksOf(model.prefs);
  const digits = String(file.lines.length).length;
  const gutter = digits + 3;
  const found = remarksByLine(file);
  const isMarkedHere = isMarked(model);
  const first = Math.max(0, state.line - 1 - rows);
  return file.lines.slice(first, state.line + rows).flatMap((text, i): Numbered[] => {
    const line = first + i + 1;
    const remarks = found.get(line) ?? [];
    const isAt = isMarkedHere && line === state.line;
    const isBad = remarks.some(({ bad }) => bad);
    const mark = isAt ? marks.cursor : isBad ? marks.bad : remarks.length > 0 ? marks.warn : " ";
    const spans: Span[] = [
      { text: `${mark} ${String(line).padStart(digits)} `, tone: isBad ? "bad" : "dim" },
      isComment(text) ? { text, tone: "dim" } : text,
    ];
    return [
      { line, row: isAt ? cursorRow(spans, columns, marks.more) : spans },
      ...remarks.map(({ remark, bad }) => ({
        line,
        row: caretRow(remark, gutter, columns, bad ? "bad" : "warn"),
      })),
    ];
  });
}

/**
 * Whether the line of the cursor is to be seen as such: the file has the keys, or what is beside it is about the line. Lines of
 * rights and decisions are those of the policy in force, which the file need not be.
 */
function isMarked({ screens, status }: Model): boolean {
  const state = screens.policy;
  if (state.focus === "file") return true;
  const isSame = state.panel === "problems" || status?.policy.revision === fileOf(state)?.revision;
  return isSame && lineOfRow(state) === state.line;
}

function isComment(text: string): boolean {
  return text.trimStart().startsWith("#");
}

function remarksByLine({ problems, notes }: PolicyText) {
  const found = new Map<number, { readonly remark: Remark; readonly bad: boolean }[]>();
  const add = (remark: Remark, bad: boolean) => {
    if (remark.line === undefined) return;
    const there = found.get(remark.line);
    if (there) there.push({ remark, bad });
    else found.set(remark.line, [{ remark, bad }]);
  };
  for (const one of problems) add(one, true);
  for (const one of notes) add(one, false);
  return found;
}

/** A caret below the place, and what is wrong there; where the place is out of sight, only the words. */
function caretRow(
  { before, length, message }: Remark,
  gutter: number,
  columns: number,
  tone: "bad" | "warn",
): Row {
  const indent = gutter + widthOf(before);
  const caret = "^".repeat(length);
  const fits = indent + length + 12 <= columns;
  return fits
    ? row(" ".repeat(indent), { text: `${caret} ${message}`, tone })
    : row(" ".repeat(gutter), { text: message, tone });
}
