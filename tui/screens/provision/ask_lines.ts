/** The wizard's pages, as rows: the id, a question, the file of the answers, the password. Pure. */
import { notesOf, type Question, summaryOf } from "../../../src/provision/wizard.ts";
import { STEP_TITLES, STEPS } from "../../../src/provision/wizard_questions.ts";
import type { Prefs } from "../../prefs.ts";
import type { Row } from "../../line.ts";
import { beside, heading, listRow, windowOf, wrapped } from "../../sheet.ts";
import { shortened } from "../../shorten.ts";
import { clean, cut, fit, widthOf } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { choicesOf, chosen, questionOf } from "./asking.ts";
import type { Field } from "./field.ts";
import type { Making, Mode } from "./state.ts";

type Of<K extends Mode["kind"]> = Extract<Mode, { readonly kind: K }>;

/** From here on the answers so far stand beside the question. */
const WIDE = 100;
const MAX_TEXT = 1_000;

export function idRows({ field, wrong }: Of<"id">, prefs: Prefs, columns: number): Row[] {
  return [
    heading("A new guest", columns, prefs),
    [],
    ...titleRows(
      "Id",
      "Names the guest everywhere, for example web-1 or win11-gate. It can't be changed later.",
      columns,
    ),
    [],
    fieldRow(field, prefs, columns),
    ...wrongRows(wrong, prefs, columns),
    [],
    ...wrapped("Enter goes on, Esc goes back. Nothing is done before the end.", columns, "dim"),
  ];
}

export function askRows(mode: Of<"ask">, prefs: Prefs, columns: number, height: number): Row[] {
  const { making } = mode;
  const question = questionOf(making);
  if (!question) return [];
  const wide = columns >= WIDE && !prefs.screenReader;
  const width = wide ? Math.floor(columns * 0.6) : columns;
  const head = [
    heading(`A new guest: ${making.id}`, columns, prefs),
    stepRow(question, prefs, columns),
    [],
  ];
  const room = height - head.length;
  const left = questionRows(mode, question, prefs, width, room);
  const said = wide ? saidRows(making, columns - width - 3, room) : [];
  return [...head, ...said.length === 0 ? left : beside(left, said, width, prefs, room)];
}

/** The steps, the one that is asked about marked by more than its tone; where there is no room, that one alone. */
function stepRow({ step }: Question, prefs: Prefs, columns: number): Row {
  const at = STEPS.indexOf(step);
  const alone: Row = [{ text: `step ${at + 1} of ${STEPS.length}: ${STEP_TITLES[step]}`, tone: "accent" }];
  if (columns < WIDE || prefs.screenReader) return alone;
  const { good, cursor, off } = marksOf(prefs);
  const names = STEPS.flatMap((name, i): Row => [
    i === 0 ? "" : "  ",
    i === at
      ? { text: `${cursor} ${name}`, tone: "strong" }
      : { text: `${i < at ? good : off} ${name}`, tone: "dim" },
  ]);
  return [...alone, "   ", ...names];
}

function questionRows(
  mode: Of<"ask">,
  question: Question,
  prefs: Prefs,
  columns: number,
  height: number,
): Row[] {
  const { making, wrong } = mode;
  const notes = notesOf(question.step, making.wizard.draft).flatMap((note) => wrapped(note, columns, "dim"));
  const title = [...notes, ...titleRows(question.title, question.explanation, columns), []];
  const policy = policyRows(making, prefs, columns);
  const foot = [...wrongRows(wrong, prefs, columns), [], ...policy];
  const choices = choicesOf(mode, question);
  if (choices.length === 0) {
    return [...title, fieldRow(mode.field, prefs, columns), ...defaultRows(question, columns), ...foot];
  }
  const at = chosen(mode, question);
  const rows = choices.map(({ label }, i) => choiceRow(clean(label, 200), i === at, prefs, columns));
  return [...title, ...windowOf(rows, at, Math.max(3, height - title.length - foot.length)).shown, ...foot];
}

const titleRows = (title: string, explanation: string, columns: number): Row[] => [
  [{ text: title, tone: "strong" }],
  ...wrapped(clean(explanation, MAX_TEXT), columns),
];

function choiceRow(label: string, selected: boolean, prefs: Prefs, columns: number): Row {
  const { cursor, on, off } = marksOf(prefs);
  return listRow([`${selected ? `${cursor} ${on}` : `  ${off}`} ${label}`], selected, columns, prefs);
}

/** What is typed, with the cursor; its end is shown where it is longer than the row. */
export function fieldRow({ text, at }: Field, prefs: Prefs, columns: number): Row {
  const characters = [...clean(text, Infinity)];
  const room = Math.max(8, columns - 4);
  const from = Math.max(0, at - room + 1);
  const before = characters.slice(from, at).join("");
  const under = characters[at] ?? " ";
  const after = characters.slice(at + 1, from + room).join("");
  return [
    { text: `${marksOf(prefs).cursor} `, tone: "accent" },
    before,
    { text: under, tone: "selected" },
    after,
  ];
}

function defaultRows({ fallback, optional }: Question, columns: number): Row[] {
  const takes = fallback !== undefined
    ? `Enter takes ${clean(fallback, 200)}`
    : optional
    ? "Enter leaves it out"
    : "";
  const out = fallback !== undefined && optional ? "- leaves it out" : "";
  const words = [takes, fallback === undefined ? "" : "Tab puts it into the field", out].filter((text) =>
    text !== ""
  );
  return words.length === 0 ? [] : wrapped(words.join(", "), columns, "dim");
}

export function wrongRows(wrong: string | undefined, prefs: Prefs, columns: number): Row[] {
  return wrong === undefined
    ? []
    : wrapped(`${marksOf(prefs).bad} ${clean(wrong, MAX_TEXT)}`, columns, "bad");
}

/** What policy and media say of what was said so far. */
export function policyRows({ refusals, remarks, looking }: Making, prefs: Prefs, columns: number): Row[] {
  const { bad, warn } = marksOf(prefs);
  const refused = refusals.flatMap((line) => wrapped(`${bad} ${clean(line, 300)}`, columns, "bad"));
  return [
    ...refused.length > 0 ? [[{ text: "Would be refused:", tone: "bad" } as const], ...refused] : [],
    ...remarks.flatMap((line) =>
      wrapped(`${warn} ${remarkText(clean(line, 300), columns, prefs)}`, columns, "warn")
    ),
    ...looking ? [[{ text: "Policy and media are being asked ...", tone: "dim" } as const]] : [],
  ];
}

/** About a row of it: a dry run says all. */
function remarkText(text: string, columns: number, prefs: Prefs): string {
  const short = prefs.screenReader ? text : shortened(text, Math.max(72, columns - 4));
  return short === text ? text : `${short} ${marksOf(prefs).more}`;
}

/** The answers so far, the last ones where there is no room for all. */
function saidRows({ wizard, facts }: Making, columns: number, height: number): Row[] {
  const said = summaryOf(wizard.draft, facts).filter(([{ id }]) => wizard.done.includes(id));
  if (said.length === 0) return [];
  const rows = said.map(([{ title }, value]): Row => [
    { text: `${fit(title, Math.min(24, columns >> 1))} `, tone: "dim" },
    cut(value === "" ? "-" : clean(value, 200), Math.max(1, columns - Math.min(24, columns >> 1) - 1)),
  ]);
  return [[{ text: "So far", tone: "strong" }], ...rows.slice(Math.max(0, rows.length - height + 1))];
}

export function saveRows({ making, field, wrong, saving }: Of<"save">, prefs: Prefs, columns: number): Row[] {
  return [
    heading(`Answers for ${making.id}`, columns, prefs),
    [],
    ...titleRows(
      "Save as",
      "A TOML file that `rayvisor provision ID --answers FILE` takes. No password stands in it.",
      columns,
    ),
    [],
    fieldRow(field, prefs, columns),
    ...wrongRows(wrong, prefs, columns),
    ...saving ? [[{ text: "writing ...", tone: "dim" } as const]] : [],
  ];
}

export function passwordRows(
  { making, typed, first, wrong }: Of<"password">,
  prefs: Prefs,
  columns: number,
): Row[] {
  const user = clean(String(making.wizard.draft["user.name"] ?? ""), 64);
  const dots = (prefs.unicode ? "•" : "*").repeat(Math.min(typed.length, columns - 4));
  return [
    heading(`Password of ${user}`, columns, prefs),
    [],
    ...titleRows(
      first ? "Password, once more" : "Password",
      "It goes to the supervisor alone, is in no file of answers and in no log, and is not shown.",
      columns,
    ),
    [],
    [
      { text: `${marksOf(prefs).cursor} `, tone: "accent" },
      widthOf(dots) > 0 ? dots : "",
      { text: " ", tone: "selected" },
    ],
    ...wrongRows(wrong, prefs, columns),
  ];
}
