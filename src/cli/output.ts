/** What a command says: one JSON document, or text for people. */
import { type Problem, problemOf } from "../core/problem.ts";
import { jsonLine } from "../core/json.ts";
import { sanitizeText } from "../core/sanitize.ts";
import type { Terminal } from "../ports/terminal.ts";

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
const SGR: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export class Output {
  constructor(readonly terminal: Terminal, readonly options: OutputOptions) {}

  get json(): boolean {
    return this.options.json;
  }

  /** The result of a command: `value` as JSON, or the text that `render` makes of it. */
  result<T>(value: T, render: (value: T) => string): void {
    if (this.json) this.terminal.out(jsonLine(value) + "\n");
    else this.print(render(value));
  }

  /** Text for people on standard output; nothing with `--json`. */
  print(text: string): void {
    if (!this.json && text) this.terminal.out(text.endsWith("\n") ? text : text + "\n");
  }

  /** One JSON document of a stream (JSON Lines), or a line for people. */
  item<T>(value: T, render: (value: T) => string): void {
    this.terminal.out((this.json ? jsonLine(value) : render(value)) + "\n");
  }

  /** One line of a stream that is text already, for people and programs alike. */
  line(text: string): void {
    this.terminal.out(text + "\n");
  }

  /** A remark for people on standard error; nothing with `--quiet`. */
  note(text: string): void {
    if (!this.options.quiet) this.terminal.err(text + "\n");
  }

  style(style: Style, text: string): string {
    if (!this.options.color) return text;
    const [on, off] = SGR[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  }

  /** A failure: with `--json` the one document on standard output, and always words on standard error. */
  failure(error: unknown): Problem {
    const problem = problemOf(error);
    if (this.json) this.terminal.out(jsonLine({ error: problem }) + "\n");
    else this.terminal.err(this.renderProblem(problem) + "\n");
    return problem;
  }

  renderProblem(problem: Problem): string {
    const lines = [`${this.style("red", "error:")} ${sanitizeText(problem.message)}`];
    for (const reason of problem.reasons ?? []) {
      const where = reason.where ? this.style("dim", `  (${reason.where})`) : "";
      lines.push(`  ${this.style("yellow", reason.rule)}: ${sanitizeText(reason.why)}${where}`);
    }
    for (const single of problem.problems ?? []) lines.push("  " + this.renderSingle(single));
    if (problem.hint) lines.push(`${this.style("cyan", "hint:")} ${sanitizeText(problem.hint)}`);
    return lines.join("\n");
  }

  /** `file:line:column: key: message` as compilers say it. */
  renderSingle(problem: Problem): string {
    const place = problem.place;
    const at = place ? `${place.file ?? ""}${place.file ? ":" : ""}${place.line}:${place.column}: ` : "";
    const key = problem.path && !problem.message.includes(problem.path) ? `${problem.path}: ` : "";
    const hint = problem.hint ? ` (${problem.hint})` : "";
    return sanitizeText(`${at}${key}${problem.message}${hint}`);
  }
}

/** Columns of text, each as wide as its widest cell, two spaces apart; the last is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (text: string) => [...text.replace(STYLING, "")].length;
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, width(cell)));
  return rows.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - width(cell)))
      .join("  ")
  ).join("\n");
}

// deno-lint-ignore no-control-regex
const STYLING = /\x1b\[\d+m/g;
