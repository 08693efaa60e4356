/** Panels of the policy screen beside the file: rights of a guest, a what-if, problems. Pure. */
import { cursorRow, type Row, type Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { labelled, row, scrolled, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit, widthOf } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { profileOf } from "./asking.ts";
import { decisionRows } from "./decision_lines.ts";
import { fieldsOf } from "./fields.ts";
import type { Remark } from "./file.ts";
import { remarksOfFile } from "./moving.ts";
import { type RightRow, rightRows } from "./right_words.ts";
import { type Field, fileOf, problemsOf, valueOf } from "./state.ts";

const LABEL = 20;
/** Rows below the rights, about the one that the cursor is on. */
const ABOUT = 4;

/** What the guest may do, and below why the one under the cursor is so. */
export function rightsRows(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.policy;
  if (model.guests.length === 0) return [row({ text: "there is no guest to have rights", tone: "dim" })];
  const { rights } = state;
  if (rights.kind === "failed") return wrapped(rights.why, columns, "bad");
  const known = valueOf(rights);
  if (known === undefined) return [row({ text: "asking the supervisor", tone: "dim" })];
  if (known === null) {
    return wrapped(
      "it has no rights: no policy is in force, or the policy has no profile of that name for its kind",
      columns,
      "warn",
    );
  }
  const all = rightRows(known);
  const at = Math.min(state.at.rights, all.length - 1);
  const { top, shown } = windowOf(all, at, Math.max(1, rows - ABOUT));
  const one = all[at];
  return [
    ...shown.map((right, i) => rightRow(model, right, top + i === at, columns)),
    ...(one ? aboutRows(model, one, columns) : []),
  ].slice(0, rows);
}

function rightRow(model: Model, right: RightRow, isAt: boolean, columns: number): Row {
  const { cursor, more } = marksOf(model.prefs);
  const room = columns - 2 - LABEL - 1;
  const source = room >= 84 ? right.where : right.short;
  const valueWidth = Math.max(16, Math.min(34, room - (room >= 84 ? 54 : 18)));
  const spans: Span[] = [
    isAt ? `${cursor} ` : "  ",
    { text: fit(right.label, LABEL, "left", more), tone: "dim" },
    " ",
    fit(right.value, valueWidth, "left", more),
    " ",
    { text: source, tone: "dim" },
  ];
  return isAt && model.screens.policy.focus === "panel" ? cursorRow(spans, columns, more) : spans;
}

/** The right in full, with the very line of the file. */
function aboutRows(model: Model, { label, value, where, line }: RightRow, columns: number): Row[] {
  const file = fileOf(model.screens.policy);
  const isSame = file !== undefined && model.status?.policy.revision === file.revision;
  const text = line === undefined ? undefined : file?.lines[line - 1];
  return [
    [],
    ...wrapped(`${label}: ${value}`, columns, "strong").slice(0, 1),
    ...wrapped(where, columns, "accent").slice(0, 1),
    line === undefined
      ? row({ text: "the file leaves it out", tone: "dim" })
      : isSame
      ? row({ text: `${line}  ${text ?? ""}`, tone: "plain" })
      : row({ text: `line ${line} of the policy in force; the file that is shown is another`, tone: "warn" }),
  ];
}

const FIELD_LABELS: Readonly<Record<Field, string>> = {
  guest: "guest",
  action: "action",
  profile: "network",
};

/** What policy would decide, and layer by layer why. */
export function whatIfRows(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.policy;
  const { whatIf, vm } = state;
  const { cursor, more } = marksOf(model.prefs);
  if (vm === undefined) return [row({ text: "there is no guest to ask about", tone: "dim" })];
  const values: Readonly<Record<Field, string>> = {
    guest: clean(vm, 63),
    action: whatIf.action,
    profile: clean(profileOf(state), 64),
  };
  const fields = fieldsOf(state).map((field): Row => {
    const isAt = field === whatIf.field;
    const text = `${isAt ? cursor : " "} ${FIELD_LABELS[field].padEnd(8)} < ${values[field]} >`;
    return isAt && state.focus === "panel" ? cursorRow([text], columns, more) : row(text);
  });
  const decision = decisionRows(model, columns);
  const left = Math.max(1, rows - fields.length - 1);
  return [...fields, [], ...scrolled(decision, state.at.what_if, left)];
}

/** What is wrong with the file, and what in it is probably not meant. */
export function problemRows(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.policy;
  const all = remarksOfFile(state);
  const lines = fileOf(state)?.lines ?? [];
  const bad = problemsOf(state).length;
  if (state.seen.kind === "unread") return [];
  if (all.length === 0) return [row({ text: "nothing is wrong with the file", tone: "good" })];
  const at = Math.min(state.at.problems, all.length - 1);
  const made = all.flatMap((remark, i) =>
    remarkRows(model, remark, i < bad, i === at, columns, lines).map((one) => ({ i, one }))
  );
  const first = made.findIndex(({ i }) => i === at);
  return windowOf(made, first, rows).shown.map(({ one }) => one);
}

/** A problem with its place, the line with a caret below it where `lines` has it, and what could be meant. */
export function remarkRows(
  model: Model,
  remark: Remark,
  isBad: boolean,
  isAt: boolean,
  columns: number,
  lines: readonly string[] = [],
): Row[] {
  const { line, before, path, message, hint } = remark;
  const marks = marksOf(model.prefs);
  const tone = isBad ? "bad" : "warn";
  const place = line === undefined ? "" : `line ${line}:${[...before].length + 1}  `;
  const key = path === "" ? "" : `${path}: `;
  const mark = isAt ? marks.cursor : isBad ? marks.bad : marks.warn;
  return [
    ...wrapped(`${mark} ${place}${key}${message}`, columns, tone, 2),
    ...excerptRows(remark, lines, columns, tone),
    ...(hint === undefined ? [] : labelled("  hint: ", hint, columns, 8, "accent")),
  ];
}

/** The line of a problem with a caret below the place; the beginning is left out where the place would be out of sight. */
function excerptRows(
  { line, before, length }: Remark,
  lines: readonly string[],
  columns: number,
  tone: "bad" | "warn",
): Row[] {
  const text = line === undefined ? undefined : lines[line - 1];
  if (text === undefined) return [];
  const skip = Math.max(0, [...before].length + Math.min(length, 20) + 8 - columns);
  const from = (whole: string) => [...whole].slice(skip).join("");
  return [
    row({ text: `    ${from(text)}`, tone: "plain" }),
    row(" ".repeat(4 + widthOf(from(before))), { text: "^".repeat(length), tone }),
  ];
}
