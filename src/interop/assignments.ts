/**
 * Assignments of a shell's language as data: `NAME=word`, quoted or not, and `NAME=(word word)`. Nothing is ever run or expanded.
 * What a shell would expand, run or read on from another line is told with its line and its reason.
 */

export interface Assignment {
  readonly name: string;
  readonly line: number;
  /** One value, or those of an array. */
  readonly value: string | readonly string[];
}

/** A line that is no plain assignment. `name` where it begins as one. */
export interface Unread {
  readonly name?: string;
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

export const MAX_CONF_BYTES = 64 * 1024;
const MAX_LINES = 2000;

/** Reads all lines; comments and empty ones are passed over. Linear in the text's length. */
export function readAssignments(text: string): { assignments: Assignment[]; unread: Unread[] } {
  const assignments: Assignment[] = [];
  const unread: Unread[] = [];
  const lines = text.split("\n");
  for (const [i, whole] of lines.slice(0, MAX_LINES).entries()) {
    const line = i + 1, source = whole.replace(/\r$/, "").trim();
    if (source === "" || source.startsWith("#")) continue;
    const [, name, rest] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(source) ?? [];
    if (name === undefined || rest === undefined) {
      unread.push({ line, text: source, why: "it is no assignment, and nothing is run" });
      continue;
    }
    const read = rest.startsWith("(") ? readArray(rest) : readWord(rest, 0);
    if ("why" in read) unread.push({ name, line, text: source, why: read.why });
    else if (!isEnd(rest, read.end)) {
      unread.push({ name, line, text: source, why: "more than one word follows, which would be run" });
    } else assignments.push({ name, line, value: read.value });
  }
  if (lines.length > MAX_LINES) {
    unread.push({ line: MAX_LINES + 1, text: "", why: `it has more than ${MAX_LINES} lines` });
  }
  return { assignments, unread };
}

/** Nothing but white space or a comment follows. */
function isEnd(text: string, at: number): boolean {
  return /^(\s+#.*|\s*)$/.test(text.slice(at));
}

type Read<T> = { readonly value: T; readonly end: number } | { readonly why: string };

/** Characters that mean something to a shell outside of quotes. */
const ACTIVE = new Set("|&;<>()*?[]{}~!");

const EXPANDS = {
  "$": "it expands a variable or runs a command ($)",
  "`": "it runs a command (`)",
} as const;

/** One word from `at` on: quoted parts and plain ones, as a shell joins them. */
function readWord(text: string, at: number): Read<string> {
  let value = "";
  let i = at;
  while (i < text.length) {
    const c = text.charAt(i);
    if (/\s/.test(c)) break;
    if (c === ")" && at > 0) break; // the end of an array
    if (c === "'") {
      const end = text.indexOf("'", i + 1);
      if (end < 0) return { why: "a quote is not closed on its line" };
      value += text.slice(i + 1, end);
      i = end + 1;
    } else if (c === '"') {
      const quoted = readDoubleQuoted(text, i + 1);
      if ("why" in quoted) return quoted;
      value += quoted.value;
      i = quoted.end;
    } else if (c === "$" || c === "`") return { why: EXPANDS[c] };
    else if (c === "\\") {
      if (i + 1 >= text.length) return { why: "it goes on in the next line" };
      value += text.charAt(i + 1);
      i += 2;
    } else if (ACTIVE.has(c)) return { why: `it has a ${c}, which a shell acts on` };
    else {
      value += c;
      i++;
    }
  }
  return { value, end: i };
}

function readDoubleQuoted(text: string, at: number): Read<string> {
  let value = "";
  for (let i = at; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '"') return { value, end: i + 1 };
    if (c === "$" || c === "`") return { why: EXPANDS[c] };
    if (c === "\\" && '"\\$`'.includes(text.charAt(i + 1)) && i + 1 < text.length) value += text.charAt(++i);
    else value += c;
  }
  return { why: "a quote is not closed on its line" };
}

function readArray(text: string): Read<string[]> {
  const values: string[] = [];
  let i = 1;
  while (i < text.length) {
    if (/\s/.test(text.charAt(i))) i++;
    else if (text.charAt(i) === ")") return { value: values, end: i + 1 };
    else {
      const word = readWord(text, i);
      if ("why" in word) return word;
      values.push(word.value);
      i = word.end;
    }
  }
  return { why: "its list is not closed on its line" };
}
