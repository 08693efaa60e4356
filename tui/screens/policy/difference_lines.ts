/** What another policy would change, as rows: guest by guest, the host's keys, what is taken from guests that run. Pure. */
import type { PolicyCheckView } from "../../../src/actions/views.ts";
import { STEP_TEXT } from "../../../src/cli/policy_text.ts";
import type { RightChange } from "../../../policy/difference.ts";
import type { Row } from "../../line.ts";
import type { Model } from "../../model.ts";
import { row, scrolled, wrapped } from "../../sheet.ts";
import { clean } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { localTime } from "../../time.ts";
import { remarkOf } from "./file.ts";
import { remarkRows } from "./panel_lines.ts";
import { rightLabel, rightValue } from "./right_words.ts";
import type { Candidate } from "./state.ts";

export function differenceRows(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.policy;
  const field: Row[] = state.typing === undefined ? [] : [
    row({ text: "policy file: ", tone: "accent" }, ...endOf(state.typing, columns - 15), {
      text: " ",
      tone: "selected",
    }),
  ];
  const all = state.candidate
    ? candidateRows(model, state.candidate, columns)
    : wrapped("a shows what another policy file would change", columns, "dim");
  const left = Math.max(1, rows - field.length);
  return [...field, ...scrolled(all, state.at.difference, left)];
}

/** The end of what is typed, where the cursor is. */
function endOf(text: string, columns: number): string[] {
  return [clean([...text].slice(-Math.max(8, columns)).join(""), 1024)];
}

function candidateRows(model: Model, candidate: Candidate, columns: number): readonly Row[] {
  const marks = marksOf(model.prefs);
  switch (candidate.kind) {
    case "reading":
      return wrapped(`reading ${clean(candidate.path, 300)}`, columns, "dim");
    case "bad":
      return [
        ...wrapped(
          `${marks.bad} ${clean(candidate.path, 300)} can't become the policy`,
          columns,
          "bad",
          2,
        ),
        ...candidate.problems.flatMap((remark) =>
          remarkRows(model, remark, true, false, columns, candidate.lines)
        ),
      ];
    case "applied":
      return [
        ...wrapped(
          `${marks.good} ${clean(candidate.path, 300)} is in force since ${
            localTime(candidate.at, model.now)
          }`,
          columns,
          "good",
          2,
        ),
        ...changeRows(model, candidate.view, columns),
      ];
    case "checked": {
      const { check, file } = candidate;
      if (check.kind === "failed") return wrapped(`${marks.bad} ${check.why}`, columns, "bad", 2);
      if (check.kind !== "known") return wrapped(`checking ${clean(file.path, 300)}`, columns, "dim");
      const how = model.prefs.readOnly ? "" : "; A puts it in force";
      return [
        ...wrapped(`${clean(file.path, 300)}: nothing is changed yet${how}`, columns, "accent"),
        ...changeRows(model, check.value, columns),
      ];
    }
  }
}

function changeRows(model: Model, view: PolicyCheckView, columns: number): readonly Row[] {
  const { guests, keys } = view.difference;
  const short = (revision: string) => revision === "none" ? "none" : revision.slice(0, 12);
  const taken = takenTexts(view);
  return [
    row({ text: `revision ${short(view.from)} -> ${short(view.to)}`, tone: "dim" }),
    ...(view.signed_by === null ? [] : wrapped(
      `signed by key ${view.signed_by.slice(0, 16)}: ${clean(view.demanded_by ?? "")}`,
      columns,
      "dim",
    )),
    ...(guests.length + keys.length === 0 ? [row("no guest's rights and no limit change")] : []),
    ...(taken.length === 0 ? [] : [[], row({ text: "taken from guests that run", tone: "warn" })]),
    ...taken.flatMap((text) => wrapped(`  ${text}`, columns, "warn", 4)),
    ...guests.flatMap(({ vm, changes, lost }) => [
      [],
      ...wrapped(clean(vm) + (lost === undefined ? "" : `: ${clean(lost)}`), columns, "strong"),
      ...changes.flatMap((change) => changed(model, change, columns)),
    ]),
    ...(keys.length === 0 ? [] : [[], row({ text: "host", tone: "strong" })]),
    ...keys.flatMap((change) => changed(model, change, columns)),
    ...view.remarks.flatMap((note) => wrapped(`note: ${remarkOf(note, []).message}`, columns, "warn", 6)),
  ];
}

function changed(model: Model, { right, from, to, where }: RightChange, columns: number): Row[] {
  const arrow = model.prefs.unicode ? "→" : "->";
  const text = `  ${rightLabel(right)}: ${rightValue(right, from)} ${arrow} ${rightValue(right, to)}`;
  const source = clean(where, 200);
  return text.length + source.length + 3 <= columns
    ? [row(text, { text: `  ${source}`, tone: "dim" })]
    : [...wrapped(text, columns, "plain", 4), ...wrapped(`    ${source}`, columns, "dim", 4)];
}

/** What would be taken away from guests that run, one sentence each. */
export function takenTexts({ consequences }: PolicyCheckView): readonly string[] {
  return consequences.flatMap(({ vm, steps }) =>
    steps.map(({ kind, reason }) => clean(`${vm}: ${STEP_TEXT[kind]} (${reason.rule}: ${reason.why})`, 400))
  );
}
