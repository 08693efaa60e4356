/** A policy file as it is shown: every line harmless, every problem with the place of its caret. Pure. */
import type { Problem } from "../../../src/core/problem.ts";
import { clean } from "../../text.ts";

/** Longest line that is shown, characters. */
const MOST_LINE = 1000;

/** One thing that is wrong with a file, or remarkable in it. */
export interface Remark {
  /** Number of its line, from 1; undefined: the file as a whole is meant. */
  readonly line: number | undefined;
  /** What stands before the place, as it is shown. */
  readonly before: string;
  /** How many characters from there on are meant: a word, at least one. */
  readonly length: number;
  /** Key path; empty where there is none. */
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface PolicyText {
  readonly path: string;
  /** Hash of its bytes; equals that of the policy in force where the supervisor has taken this very file. */
  readonly revision: string;
  readonly lines: readonly string[];
  /** Empty: the file is good. */
  readonly problems: readonly Remark[];
  /** What is legal in it but probably not meant. */
  readonly notes: readonly Remark[];
  /** Network profiles that it has; empty where it is not good. */
  readonly networkProfiles: readonly string[];
}

/** The lines of a text, each made harmless by itself, so that none swallows another. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) =>
    clean(line.replace(/\r$/, "").replaceAll("\t", "  "), MOST_LINE)
  );
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** The single problems of a failure, in the order of the file; those without a place come first. */
export function remarksOf(problem: Problem, text: string): Remark[] {
  const singles = problem.problems?.length ? problem.problems : [problem];
  const raw = text.split("\n");
  return singles.map((single) => remarkOf(single, raw)).sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

export function remarkOf({ message, hint, path, place }: Problem, raw: readonly string[]): Remark {
  const line = place && place.line >= 1 && place.line <= Math.max(1, raw.length) ? place.line : undefined;
  const whole = line === undefined ? "" : raw[line - 1] ?? "";
  const at = Math.max(0, (place?.column ?? 1) - 1);
  const word = /^[\w.-]+|^"[^"]*"/.exec(whole.slice(at))?.[0] ?? "";
  const isKey = path !== undefined && !path.startsWith("/");
  return {
    line,
    before: clean(whole.slice(0, at).replaceAll("\t", "  "), MOST_LINE),
    length: Math.max(1, Math.min(word.length, 40)),
    path: isKey && !message.includes(path) ? clean(path, 120) : "",
    message: clean(message, 400),
    hint: hint === undefined ? undefined : clean(hint, 300),
  };
}
