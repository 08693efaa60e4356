/** The wizard on a terminal: it shows the machine's questions one after the other, and gives back answers or that it was left. */
import { fail } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { Terminal } from "../ports/terminal.ts";
import type { Answers } from "../provision/answers.ts";
import {
  answerQuestion,
  askAgain,
  type Draft,
  draftToml,
  goBack,
  nextQuestion,
  notesOf,
  type Question,
  startWizard,
  summaryOf,
  wizardAnswers,
  type WizardFacts,
  type WizardState,
} from "../provision/wizard.ts";
import { STEP_TITLES } from "../provision/wizard_questions.ts";
import { confirm, intro, log, note, outro, S_BAR, select, text } from "./prompts.ts";

export interface WizardStart {
  /** The guest's id, which is what has to be typed where something is overwritten. */
  readonly id: string;
  /** What is known before, by key path; asked for all the same, as the default. */
  readonly draft?: Draft;
}

export interface WizardHooks {
  /** What policy will allow of what was said so far, a line each; told whenever it changes. */
  readonly allowed?: (draft: Draft) => Promise<readonly string[]>;
  /** What choices are made of, for what was said so far. */
  readonly facts?: (draft: Draft) => Promise<WizardFacts>;
  /** What a run with these answers would overwrite, a path each: each needs the id typed. */
  readonly overwrites?: (answers: Answers) => Promise<readonly string[]>;
  /** Leaves the wizard. */
  readonly signal?: AbortSignal;
}

/** What the wizard ends with. */
export interface WizardResult {
  readonly answers: Answers;
  /** The same as an answers file: to be sent on, or kept and used again. */
  readonly text: string;
}

/** What the operator did instead of answering. */
const CANCEL = Symbol("cancel");
type Asked = string | typeof CANCEL;

/**
 * Asks for all answers. `cancelled` when it was left; nothing has been done then. Failure `usage` without a terminal, where
 * nobody could answer.
 */
export async function askAnswers(
  io: { readonly terminal: Terminal },
  start: WizardStart,
  hooks: WizardHooks = {},
): Promise<WizardResult | "cancelled"> {
  needTerminal(io.terminal);
  intro(`A new guest: ${sanitizeLine(start.id, 64)}`);
  log.message(
    "Enter takes what is shown, '-' leaves out what may be.\nEsc goes back, or leaves. Nothing is done before the end.",
  );
  const run = new Run(io.terminal, start, hooks);
  const result = await run.all();
  if (result === "cancelled") outro("Left: nothing was done.");
  return result;
}

function needTerminal(terminal: Terminal): void {
  if (terminal.inIsTerminal && terminal.outIsTerminal) return;
  fail("usage", "there is no terminal to ask on", {
    hint: "give the answers in a file: --answers FILE.toml",
  });
}

class Run {
  private state: WizardState;
  private facts: WizardFacts = {};
  private shownStep = "";
  private shownAllowed = "";

  constructor(
    private readonly terminal: Terminal,
    private readonly start: WizardStart,
    private readonly hooks: WizardHooks,
  ) {
    this.state = startWizard(start.draft);
  }

  async all(): Promise<WizardResult | "cancelled"> {
    await this.look();
    while (!this.hooks.signal?.aborted) {
      const question = nextQuestion(this.state, this.facts);
      const done = question ? await this.one(question) : await this.review();
      if (done !== undefined) return done;
    }
    return "cancelled";
  }

  /** Asks one question; `cancelled` when the operator leaves. */
  private async one(question: Question): Promise<"cancelled" | undefined> {
    this.head(question);
    const given = await this.ask(question);
    if (given === CANCEL) return await this.backOrLeave();
    const next = answerQuestion(this.state, question, given);
    if (!next.ok) {
      log.error(next.error);
      return undefined;
    }
    this.state = next.value;
    await this.look();
    return undefined;
  }

  private head(question: Question): void {
    if (question.step === this.shownStep) return;
    this.shownStep = question.step;
    log.step(STEP_TITLES[question.step]);
    for (const line of notesOf(question.step, this.state.draft)) log.info(line);
  }

  /** What is known, and what policy says, for what was said now. */
  private async look(): Promise<void> {
    const { draft } = this.state;
    this.facts = await this.hooks.facts?.(draft) ?? {};
    const allowed = (await this.hooks.allowed?.(draft) ?? []).map((line) => sanitizeLine(line, 300));
    const told = allowed.join("\n");
    if (told === this.shownAllowed) return;
    this.shownAllowed = told;
    if (told !== "") log.info(["Policy:", ...allowed].join("\n"));
  }

  private async ask(question: Question): Promise<Asked> {
    const message = `${question.title}\n${question.explanation}`;
    const signal = this.hooks.signal ? { signal: this.hooks.signal } : {};
    const { fallback } = question;
    if (question.kind === "select") {
      const options = question.choices.map(({ value, label }) => ({
        value,
        label: sanitizeLine(label, 100),
      }));
      const initial = fallback === undefined ? {} : { initialValue: fallback };
      return textOf(await select({ message, options, maxItems: 10, ...initial, ...signal }));
    }
    if (question.kind === "confirm") {
      const given = await confirm({ message, initialValue: fallback === "yes", ...signal });
      return typeof given === "boolean" ? (given ? "yes" : "no") : CANCEL;
    }
    const placeholder = fallback ?? (question.optional ? "left out" : "");
    return textOf(
      await text({
        message: this.under(question.title, question.explanation),
        placeholder,
        defaultValue: fallback ?? "",
        validate: (given = "") => this.wrapped(question.validate(given)),
        ...signal,
      }),
    );
  }

  /** A question with lines below it: the library leads the first line alone of a text's message. */
  private under(title: string, explanation: string): string {
    const rest = wrap(explanation, this.terminal.columns - 4).map((line) => `${S_BAR}  ${line}`);
    return [title, ...rest].join("\n");
  }

  private wrapped(message: string | undefined): string | undefined {
    return message === undefined ? undefined : wrap(message, this.terminal.columns - 4).join("\n   ");
  }

  private async backOrLeave(): Promise<"cancelled" | undefined> {
    if (this.hooks.signal?.aborted) return "cancelled";
    const canGoBack = this.state.done.length > 0;
    const options = [
      ...(canGoBack ? [{ value: "back", label: "to the question before" }] : []),
      { value: "stay", label: "to this question" },
      { value: "leave", label: "leave; nothing was done" },
    ];
    const given = textOf(await select({ message: "Where to?", options, ...this.signal() }));
    if (given === CANCEL || given === "leave") return "cancelled";
    if (given === "back") {
      this.state = goBack(this.state);
      this.shownStep = "";
    }
    return undefined;
  }

  private signal(): { readonly signal?: AbortSignal } {
    return this.hooks.signal ? { signal: this.hooks.signal } : {};
  }

  /** Everything to be looked over, and what is to be done with it. */
  private async review(): Promise<WizardResult | "cancelled" | undefined> {
    const summary = summaryOf(this.state.draft, this.facts);
    const width = Math.max(...summary.map(([{ title }]) => title.length));
    const line = ([{ title }, value]: readonly [Question, string]) =>
      `${title.padEnd(width)}  ${value === "" ? "-" : sanitizeLine(value, 100)}`;
    note(summary.map(line).join("\n"), "To be made");
    const answers = wizardAnswers(this.state.draft);
    if (!answers.ok) { for (const fault of answers.error) log.error(fault.message); }
    const options = [
      ...(answers.ok ? [{ value: "go", label: "make it" }] : []),
      { value: "change", label: "change an answer" },
      { value: "leave", label: "leave; nothing was done" },
    ];
    const given = textOf(await select({ message: "Is that what you want?", options, ...this.signal() }));
    if (given === "change") return await this.change(summary);
    if (given !== "go" || !answers.ok) return given === CANCEL ? await this.backOrLeave() : "cancelled";
    if (!await this.consent(answers.value)) return undefined;
    return { answers: answers.value, text: draftToml(this.state.draft) };
  }

  private async change(summary: readonly (readonly [Question, string])[]): Promise<undefined> {
    const options = summary.map(([{ id, title }, value]) => ({
      value: id,
      label: title,
      hint: sanitizeLine(value, 60),
    }));
    const given = textOf(await select({ message: "Which one?", options, maxItems: 12, ...this.signal() }));
    if (given !== CANCEL) this.state = askAgain(this.state, given);
    this.shownStep = "";
    return undefined;
  }

  /** Whether the operator has typed the id for everything that would be overwritten. */
  private async consent(answers: Answers): Promise<boolean> {
    for (const path of await this.hooks.overwrites?.(answers) ?? []) {
      const given = textOf(
        await text({
          message: this.under(
            `${sanitizeLine(path, 300)} is there already and would be overwritten.`,
            `Type ${this.start.id} to let that happen.`,
          ),
          validate: (typed = "") =>
            typed === this.start.id ? undefined : `that is not ${this.start.id}; Esc keeps it`,
          ...this.signal(),
        }),
      );
      if (given === CANCEL) return false;
    }
    return true;
  }
}

/** Everything but a text is the library's sign that the question was left. */
function textOf(given: unknown): Asked {
  return typeof given === "string" ? given : CANCEL;
}

/** Lines of at most `width` characters, broken at blanks; a longer word has a line of its own. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
