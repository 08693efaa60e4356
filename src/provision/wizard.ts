/**
 * The wizard as a pure machine: what was said so far in, the next question out. Whoever asks (a terminal, the terminal UI) shows
 * the question and gives back what was typed. What it ends with is what an answers file ends with.
 */
import type { GuestKind } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type Fault, type Field, readShape } from "../core/shape.ts";
import { formatBytes } from "../core/units.ts";
import { type Answers, readAnswers } from "./answers.ts";
import { answersKeys } from "./answers_schema.ts";
import {
  type Draft,
  type DraftValue,
  ENTRIES,
  type Entry,
  LOGIN,
  LOGIN_WAYS,
  type WizardStep,
} from "./wizard_questions.ts";

export type { Draft, DraftValue, WizardStep } from "./wizard_questions.ts";

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** `path`: text that names a file on this host. Lists are typed as text, with blanks between their parts. */
export type QuestionKind = "select" | "text" | "confirm" | "path";

/** A question, ready to be shown. Answers are texts: `yes` and `no` for `confirm`, a choice's value for `select`. */
export interface Question {
  readonly id: string;
  readonly step: WizardStep;
  readonly kind: QuestionKind;
  readonly title: string;
  readonly explanation: string;
  /** Of `select`; never empty there. */
  readonly choices: readonly Choice[];
  /** What an empty answer means; undefined: nothing, or that it is left out where `optional`. There a `-` always leaves it out. */
  readonly fallback?: string;
  readonly optional: boolean;
  /** What is wrong with an answer, or undefined. */
  readonly validate: (text: string) => string | undefined;
}

/** What choices are made of, as far as it is known. */
export interface WizardFacts {
  /** Editions of the medium that was named. */
  readonly editions?: readonly string[];
  readonly languages?: readonly string[];
  /** Profiles of the policy for guests of this kind, and its network profiles. */
  readonly profiles?: readonly string[];
  readonly networkProfiles?: readonly string[];
}

/** `done`: questions that were answered, in the order in which they were. */
export interface WizardState {
  readonly draft: Draft;
  readonly done: readonly string[];
}

/** A wizard at its beginning. `draft` is what is known before; it is asked for all the same, as the default. */
export function startWizard(draft: Draft = {}): WizardState {
  return { draft, done: [] };
}

/** The kind that was said, or Linux: before it is said, nothing else is asked. */
export function kindOfDraft(draft: Draft): GuestKind {
  return draft["guest.type"] === "windows" ? "windows" : "linux";
}

/** Every question that applies to what was said so far, in order. */
export function questionsOf(draft: Draft, facts: WizardFacts = {}): readonly Question[] {
  return ENTRIES.filter((entry) => applies(entry, draft)).map((entry) => questionOf(entry, draft, facts));
}

/** The question to ask now; undefined when all are answered: then the answers are to be looked over. */
export function nextQuestion(state: WizardState, facts: WizardFacts = {}): Question | undefined {
  const entry = ENTRIES.find((entry) => applies(entry, state.draft) && !state.done.includes(entry.id));
  return entry && questionOf(entry, state.draft, facts);
}

/** The state after an answer to {@link nextQuestion}; the error is what is wrong with it. */
export function answerQuestion(
  state: WizardState,
  question: Question,
  text: string,
): Result<WizardState, string> {
  const wrong = question.validate(text);
  if (wrong !== undefined) return err(wrong);
  const given = givenBy(question, text);
  const { [question.id]: _before, ...others } = state.draft;
  const value = given === "" ? undefined : valueOf(question.id, given, kindOfDraft(state.draft));
  const draft = value === undefined ? others : { ...others, [question.id]: value };
  // Another kind has other questions, and other answers to the same ones.
  const isOther = kindOfDraft(draft) !== kindOfDraft(state.draft);
  const kept = isOther ? [] : state.done.filter((id) => id !== question.id);
  return ok({ draft, done: [...kept, question.id] });
}

/** One question back; what was answered there is its default. At the first question nothing changes. */
export function goBack(state: WizardState): WizardState {
  return { ...state, done: state.done.slice(0, -1) };
}

/** Asks one question again, and then those that newly apply. */
export function askAgain(state: WizardState, id: string): WizardState {
  return { ...state, done: state.done.filter((other) => other !== id) };
}

/** The answers, or what is wrong with them as a whole. */
export function wizardAnswers(draft: Draft): Result<Answers, readonly Fault[]> {
  return readAnswers(fileOf(draft));
}

/** The value that an answers file with these answers stands for. */
export function fileOf(draft: Draft): Readonly<Record<string, unknown>> {
  const kind = kindOfDraft(draft);
  const sections: Record<string, Record<string, unknown>> = {};
  const set = (path: string, value: unknown) => {
    const [section = "", key = ""] = path.split(".");
    (sections[section] ??= {})[key] = value;
  };
  for (const [path] of answersKeys(kind)) {
    const value = draft[path];
    const entry = ENTRIES.find(({ id }) => id === path);
    if (value !== undefined && (entry === undefined || applies(entry, draft))) set(path, value);
  }
  if (draft[LOGIN] === "prompt") set("user.password_prompt", true);
  return { version: 0, ...sections };
}

/** The answers as a file, to be kept and used again. */
export function draftToml(draft: Draft): string {
  const sections = Object.entries(fileOf(draft)).flatMap(([name, section]) => {
    if (typeof section !== "object" || section === null) return [`${name} = ${JSON.stringify(section)}`];
    return [
      "",
      `[${name}]`,
      ...Object.entries(section).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    ];
  });
  return `${sections.join("\n")}\n`;
}

function applies(entry: Entry, draft: Draft): boolean {
  const kind = kindOfDraft(draft);
  return (entry.of === undefined || entry.of === kind) && (entry.when?.(draft) ?? true);
}

function questionOf(entry: Entry, draft: Draft, facts: WizardFacts): Question {
  const kind = kindOfDraft(draft);
  const field = fieldOf(entry.id, kind);
  const choices = choicesOf(entry.id, kind, facts);
  const fallback = fallbackOf(entry.id, draft, field, choices);
  const optional = field !== undefined && field.presence !== "required" && !(entry.must?.(draft) ?? false);
  const question = {
    id: entry.id,
    step: entry.step,
    kind: kindOfQuestion(entry.id, field, choices),
    title: entry.title,
    explanation: [field?.doc, entry.why].filter((text) => text !== undefined).join(" "),
    choices,
    ...(fallback === undefined ? {} : { fallback }),
    optional,
  };
  return { ...question, validate: (text) => faultOf(question, text, kind, field) };
}

function fieldOf(id: string, kind: GuestKind): Field<unknown> | undefined {
  return answersKeys(kind).find(([path]) => path === id)?.[1];
}

function kindOfQuestion(
  id: string,
  field: Field<unknown> | undefined,
  choices: readonly Choice[],
): QuestionKind {
  if (choices.length > 0) return "select";
  if (typeof field?.fallback === "boolean") return "confirm";
  return /_iso$|\.image$|_file$/.test(id) ? "path" : "text";
}

const words = (values: readonly string[]): readonly Choice[] =>
  values.map((value) => ({ value, label: value }));

/** Closed lists of the schema, and what is known of the host. */
function choicesOf(id: string, kind: GuestKind, facts: WizardFacts): readonly Choice[] {
  switch (id) {
    case "guest.type":
      return [{ value: "windows", label: "Windows 11" }, { value: "linux", label: "Linux" }];
    case "disk.image_format":
      return words(["qcow2", "raw"]);
    case "windows.telemetry":
      return words(["off", "required", "optional"]);
    case LOGIN:
      return LOGIN_WAYS.filter((way) => way !== "key" || kind === "linux")
        .map((value) => ({ value, label: LOGIN_LABELS[value] }));
    case "windows.edition":
      return words(facts.editions ?? []);
    case "windows.language":
      return words(facts.languages ?? []);
    case "guest.profile":
      return words(facts.profiles ?? []);
    case "network.profile":
      return words(facts.networkProfiles ?? []);
    default:
      return [];
  }
}

const LOGIN_LABELS = {
  prompt: "by a password that is asked for now",
  file: "by a password from a file",
  key: "by a key of SSH alone",
} as const;

/** What was said before, else the schema's default; of a select only what can be chosen. */
function fallbackOf(
  id: string,
  draft: Draft,
  field: Field<unknown> | undefined,
  choices: readonly Choice[],
): string | undefined {
  const texts = [draft[id], id === LOGIN ? "prompt" : field?.fallback].map((value) => shown(id, value));
  if (choices.length === 0) return texts.find((text) => text !== undefined);
  const known = texts.find((text) => choices.some((choice) => choice.value === text));
  return known ?? choices[0]?.value;
}

/** A value as it is typed. */
function shown(id: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (id === "disk.size" && typeof value === "number") return formatBytes(value).replace(" ", "");
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.join(SEPARATOR[id] ?? " ");
  return String(value);
}

/** A key of SSH has blanks in it: only one is asked for. */
const SEPARATOR: Readonly<Record<string, string>> = { "user.ssh_keys": "\n" };

/** What was typed, as the value that the file would have. */
function valueOf(id: string, text: string, kind: GuestKind): DraftValue {
  const fallback = fieldOf(id, kind)?.fallback;
  const plain = text.trim();
  if (typeof fallback === "boolean") return plain === "yes";
  if (typeof fallback === "number" && id !== "disk.size" && /^\d+$/.test(plain)) return Number(plain);
  if (Array.isArray(fallback)) {
    return id in SEPARATOR ? [plain] : plain.split(/[\s,]+/).filter((part) => part !== "");
  }
  return plain;
}

/** What an answer means: an empty one the default, a hyphen nothing, where nothing may be said. */
function givenBy(question: Pick<Question, "fallback" | "optional" | "kind">, text: string): string {
  if (text.trim() === "-" && question.optional && question.kind !== "select") return "";
  return text.trim() === "" ? question.fallback ?? "" : text;
}

function faultOf(
  question: Pick<Question, "id" | "choices" | "fallback" | "optional" | "kind">,
  text: string,
  kind: GuestKind,
  field: Field<unknown> | undefined,
): string | undefined {
  const given = givenBy(question, text);
  if (given.trim() === "") return question.optional ? undefined : "an answer is needed";
  if (question.choices.length > 0) {
    return question.choices.some((choice) => choice.value === given) ? undefined : "choose one of the list";
  }
  if (field === undefined) return undefined;
  if (typeof field.fallback === "boolean") return /^(yes|no)$/.test(given.trim()) ? undefined : "yes or no";
  const read = readShape(field.shape, valueOf(question.id, given, kind));
  if (read.ok) return undefined;
  const fault = read.error[0];
  // The whole document is this one value: the name that the message begins with says nothing.
  const said = fault?.message.replace(/^(the document|\[\d+\])? ?(is )?/, "") ?? "";
  return fault?.hint === undefined ? said : `${said} (${fault.hint})`;
}

/** What is told at the beginning of a step, where there is something that nobody is asked. */
export function notesOf(step: WizardStep, draft: Draft): readonly string[] {
  const isWindows = kindOfDraft(draft) === "windows";
  return step === "system" && isWindows ? ["Secure Boot and TPM 2.0 are on: Windows 11 asks for both."] : [];
}

/** Everything that was answered, for looking over: the question's title and the answer as it was typed, in order. */
export function summaryOf(draft: Draft, facts: WizardFacts = {}): readonly (readonly [Question, string])[] {
  return questionsOf(draft, facts).map((question) => {
    const value = shown(question.id, draft[question.id]) ?? "";
    return [question, question.choices.find((choice) => choice.value === value)?.label ?? value] as const;
  });
}
