/**
 * TOML text to a plain value with the place of every key. The only file that knows the TOML library. Syntax faults and
 * duplicates are gathered: the faulty line is left out and the rest read again, as far as that can be done without guessing.
 */
import { parse, stringify, TomlError } from "toml";
import { isObject } from "../src/core/json.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { findPlaces, type Places } from "./toml_places.ts";

export interface SyntaxFault {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly hint?: string;
}

export interface TomlDocument {
  /** Undefined when a fault left nothing that could be read. */
  readonly value: Readonly<Record<string, unknown>> | undefined;
  readonly places: Places;
  /** Not empty: the text is not a valid document, and `value` is what stands outside the faulty lines. */
  readonly faults: readonly SyntaxFault[];
}

const MOST_FAULTS = 20;
/** Work bound of reading again after a fault, in characters. */
const MOST_REREAD = 2 * 1024 * 1024;

/** Reads a whole text; never throws. */
export function readToml(text: string): TomlDocument {
  const faults: SyntaxFault[] = [];
  let rest = text;
  let reread = 0;
  while (true) {
    const outcome = attempt(rest);
    if ("value" in outcome) {
      const places = findPlaces(rest);
      return { value: outcome.value, places, faults: faults.map((f) => withFirst(f, text, places)) };
    }
    faults.push(outcome.fault);
    reread += rest.length;
    const next = faults.length < MOST_FAULTS && reread < MOST_REREAD
      ? without(rest, outcome.fault)
      : undefined;
    if (next === undefined) return { value: undefined, places: new Map(), faults };
    rest = next;
  }
}

function attempt(text: string): { value: Record<string, unknown> } | { fault: SyntaxFault } {
  try {
    return { value: parse(text, { maxDepth: 16 }) };
  } catch (error) {
    if (error instanceof TomlError) {
      const said = error.message.split("\n")[0] ?? "";
      const why = sanitizeLine(said.replace(/^Invalid TOML document: /, ""), 160);
      return { fault: { message: `not valid TOML: ${why}`, line: error.line, column: error.column } };
    }
    // The library ran out of stack or met a defect of its own: refused all the same.
    return {
      fault: {
        message: `could not be read as TOML: ${sanitizeLine(String(error), 160)}`,
        line: 1,
        column: 1,
      },
    };
  }
}

/** Whether a line is a whole `key = value` on its own: then leaving it out leaves the meaning of all others as it was. */
const WHOLE_LINE = /^\s*[^=#[\]{}]+=(?!.*("""|'''))[^[\]{}]*$/;

/** The text with the faulty statement blanked (same lines, same places), or undefined where that would be a guess. */
function without(text: string, fault: SyntaxFault): string | undefined {
  const lines = text.split("\n");
  const line = lines[fault.line - 1] ?? "";
  if (/^\s*\[/.test(line) && fault.message.includes("redefine")) {
    let index = fault.line - 1;
    do lines[index++] = ""; while (index < lines.length && !/^\s*\[/.test(lines[index] ?? ""));
    return lines.join("\n");
  }
  if (!WHOLE_LINE.test(line)) return undefined;
  lines[fault.line - 1] = "";
  return lines.join("\n");
}

/** A duplicate in words of the reader: which key, and where it stood first. */
function withFirst(fault: SyntaxFault, text: string, places: Places): SyntaxFault {
  if (!fault.message.includes("redefine")) return fault;
  const lines = text.split("\n");
  const line = lines[fault.line - 1] ?? "";
  const header = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(line)?.[1];
  const table = lines.slice(0, fault.line - 1).findLast((other) => /^\s*\[/.test(other));
  const prefix = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(table ?? "")?.[1];
  const key = /^\s*([^=]+?)\s*=/.exec(line)?.[1] ?? "";
  const name = header ?? (prefix === undefined ? key : `${prefix}.${key}`);
  const first = places.get(name);
  const shown = sanitizeLine(name, 80);
  const where = first === undefined || first.line === fault.line
    ? ""
    : `; it stands first in line ${first.line}`;
  return {
    ...fault,
    message: header === undefined
      ? `${shown} is set a second time${where}`
      : `the table [${shown}] stands a second time${where}`,
    hint: "keep one of them",
  };
}

/**
 * A text with some keys set or (undefined) taken out, for cases: comments and order are lost. Key paths are dotted; a key
 * with a dot in it can't be named. The error is a sentence.
 */
export function overrideToml(
  text: string,
  overrides: readonly (readonly [string, unknown])[],
): Result<string, string> {
  try {
    const root: Record<string, unknown> = parse(text);
    for (const [key, value] of overrides) {
      const parts = key.split(".");
      const last = parts.pop() ?? "";
      let at = root;
      for (const part of parts) {
        const next = Object.hasOwn(at, part) ? at[part] : undefined;
        const table: Record<string, unknown> = isObject(next) ? next : {};
        at[part] = table;
        at = table;
      }
      if (value === undefined) delete at[last];
      else at[last] = value;
    }
    return ok(stringify(root));
  } catch (error) {
    return err(`the policy can't be changed: ${sanitizeLine(String(error), 160)}`);
  }
}
