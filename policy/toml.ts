/**
 * TOML text to a plain value with the place of every key. The only file that knows the TOML library. Syntax faults and
 * duplicates are gathered: the faulty line is left out and the rest read again, as far as that can be done without guessing.
 */
import { parse, stringify, TomlError } from "toml";
import { err, ok, type Result } from "../src/core/result.ts";
import { Fraction, isTable } from "../src/core/shape.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { NO_PLACES, type Places, placesWhenAsked } from "./toml_places.ts";

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
  const deep = deepKey(text);
  if (deep) return { value: undefined, places: NO_PLACES, faults: [deep] };
  const faults: SyntaxFault[] = [];
  let rest = text;
  let reread = 0;
  while (true) {
    const outcome = attempt(rest);
    if ("value" in outcome) {
      const places = placesWhenAsked(rest);
      return { value: outcome.value, places, faults: faults.map((f) => withFirst(f, text, places)) };
    }
    faults.push(outcome.fault);
    reread += rest.length;
    const next = faults.length < MOST_FAULTS && reread < MOST_REREAD
      ? without(rest, outcome.fault)
      : undefined;
    if (next === undefined) {
      const places = placesWhenAsked(text);
      return { value: undefined, places: NO_PLACES, faults: faults.map((f) => withFirst(f, text, places)) };
    }
    rest = next;
  }
}

function attempt(text: string): { value: Record<string, unknown> } | { fault: SyntaxFault } {
  try {
    return { value: plainNumbers(parse(text, { maxDepth: DEEPEST, integersAsBigInt: true })) };
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

/** The deepest key of a policy has five parts. */
const DEEPEST = 16;
/** A statement whose key has more parts than {@link DEEPEST}: a million of them would be a tree as deep. */
const DEEP_KEY = new RegExp(
  `^[ \\t]*(?:\\[\\[?[ \\t]*)?(?:[A-Za-z0-9_-]+[ \\t]*\\.[ \\t]*){${DEEPEST}}`,
  "m",
);

function deepKey(text: string): SyntaxFault | undefined {
  const found = DEEP_KEY.exec(text);
  if (found === null) return undefined;
  const line = text.slice(0, found.index).split("\n").length;
  return { message: `a key has more than ${DEEPEST} parts`, line, column: 1 };
}

/** Whole numbers as numbers where they are exact (else they stay bigint), all others as `Fraction`. In place. */
function plainNumbers(root: Record<string, unknown>): Record<string, unknown> {
  // Not by recursion: arrays of tables may lie deeper than the stack.
  const open: object[] = [root];
  const plain = (value: unknown): unknown => {
    if (typeof value === "bigint") return value >= -MOST_EXACT && value <= MOST_EXACT ? Number(value) : value;
    if (typeof value === "number") return new Fraction(value);
    if (typeof value === "object" && value !== null && !(value instanceof Date)) open.push(value);
    return value;
  };
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (Array.isArray(at)) {
      for (let i = 0; i < at.length; i++) at[i] = plain(at[i]);
      continue;
    }
    const table = at as Record<string, unknown>; // what the parser made: tables without a prototype
    for (const key in table) {
      const value = table[key];
      if (typeof value !== "string" && typeof value !== "boolean") table[key] = plain(value);
    }
  }
  return root;
}

const MOST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

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
  const hint = "keep one of them";
  // Inside an inline table or list: which key it is would be a guess.
  if (header === undefined && line.slice(0, fault.column - 1).trim() !== "") {
    return { ...fault, message: "a key in this line is set a second time", hint };
  }
  const table = lines.slice(0, fault.line - 1).findLast((other) => /^\s*\[/.test(other));
  const prefix = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(table ?? "")?.[1];
  const key = /^\s*([^=]+?)\s*=/.exec(line)?.[1] ?? "";
  const name = (header ?? (prefix === undefined ? key : `${prefix}.${key}`)).replaceAll(/"([\w-]+)"/g, "$1");
  const first = firstPlace(places, name);
  const shown = sanitizeLine(name, 80);
  const where = first === undefined || first >= fault.line ? "" : `; it stands first in line ${first}`;
  const message = header === undefined
    ? `${shown} is set a second time${where}`
    : `the table [${shown}] stands a second time${where}`;
  return { ...fault, message, hint };
}

/** The line of a key, or of the first key inside it where it is a table that dotted keys made. */
function firstPlace(places: Places, name: string): number | undefined {
  const own = places.get(name);
  if (own) return own.line;
  for (const [path, { line }] of places) {
    if (path.startsWith(`${name}.`) || path.startsWith(`${name}[`)) return line;
  }
  return undefined;
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
    const root: Record<string, unknown> = parse(text, { integersAsBigInt: true });
    for (const [key, value] of overrides) {
      const parts = key.split(".");
      const last = parts.pop() ?? "";
      let at = root;
      for (const part of parts) {
        const next = Object.hasOwn(at, part) ? at[part] : undefined;
        const table: Record<string, unknown> = isTable(next) ? next : Object.create(null);
        setOwn(at, part, table);
        at = table;
      }
      if (value === undefined) delete at[last];
      else setOwn(at, last, tomlNumbers(value));
    }
    return ok(stringify(root, { numbersAsFloat: true }));
  } catch (error) {
    return err(`the policy can't be changed: ${sanitizeLine(String(error), 160)}`);
  }
}

/** Sets a key of its own, whatever it is called (`__proto__` too). */
function setOwn(table: object, key: string, value: unknown): void {
  Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A JSON value with its whole numbers as TOML integers. */
function tomlNumbers(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(tomlNumbers);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, tomlNumbers(inner)]));
}
