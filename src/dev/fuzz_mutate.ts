/** Mutations of TOML and JSON texts at the level of bytes, tokens, lines and structure. Pure: the choices decide. */
import type { Choices } from "./fuzz_random.ts";

export type Mutation = (text: string, choices: Choices) => string;

const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "then"];
const KEYS = [...NAMES, '""', "''", '"a.b"', '"\\u0000"', '"é"', "ключ", "a.b", "1", "-", "version", "kind"];

/** Values of every TOML type, at and past the ends of their ranges. */
const VALUES = [
  ...[
    "true",
    "false",
    "0",
    "1",
    "-0",
    "+1",
    "-1",
    "64",
    "512",
    "513",
    "100",
    "101",
    "0.0",
    "1.0",
    "1e0",
    "80.0",
  ],
  ...[
    "0x10",
    "0o17",
    "0b1",
    "1_000",
    "0_1",
    "01",
    "inf",
    "-inf",
    "nan",
    "9007199254740993",
    "99999999999999999999",
  ],
  ...[
    "9223372036854775807",
    "-9223372036854775808",
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
    "2025-02-30",
  ],
  ...[
    '""',
    "''",
    '"on"',
    '"off"',
    '"ON"',
    '"provisioning_only"',
    '"linux"',
    '"windows"',
    '"24h"',
    '"0h"',
    '"1"',
  ],
  ...[
    '"../x"',
    '"/etc"',
    '"run"',
    '"vm/x"',
    '"./a//b"',
    '"a\\u0000"',
    '"\\ud800"',
    '"\\U0010FFFF"',
    '"""\na"""',
    "'''x'''",
  ],
  ...[
    '"a.b:1/tcp"',
    '"*.b.c:1-2/udp"',
    '"10.0.0.0/8:1/tcp"',
    '"[::1]:1/tcp"',
    '"[fe80::/10]:65536/tcp"',
    '"*:1/tcp"',
  ],
  ...[
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "{a = 1}",
    "{a.b = 1, a.c = 2}",
    "[1, 1.0]",
    '["a", "a"]',
    "[true,]",
    "{a = 1,}",
    "{\n}",
  ],
] as const;

const TOKEN = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_+.:-]+/g;

function replaceAt(text: string, at: number, length: number, put: string): string {
  return text.slice(0, at) + put + text.slice(at + length);
}

const character: Mutation = (text, choices) => {
  const at = choices.below(text.length + 1);
  const put = choices.oneIn(3)
    ? ""
    : choices.of([..."\0\t\n\r \"'#=[]{}.,\\*-_0a\u007f\u0085\u2028\ufeff\ud800é😀"]);
  return replaceAt(text, at, choices.below(3), put);
};

const cut: Mutation = (text, choices) => {
  const at = choices.below(text.length + 1);
  return choices.oneIn(4) ? text.slice(0, at) : replaceAt(text, at, choices.below(40), "");
};

const token: Mutation = (text, choices) => {
  const tokens = [...text.matchAll(TOKEN)];
  if (tokens.length === 0) return text;
  const { index, 0: found } = choices.of(tokens);
  const put = choices.oneIn(4) ? choices.of(tokens)[0] : choices.of(choices.oneIn(5) ? KEYS : VALUES);
  return replaceAt(text, index, found.length, put);
};

/** Gives an assignment another value. */
const value: Mutation = (text, choices) =>
  onLine(text, choices, /=/, (line) => {
    return `${line.slice(0, line.indexOf("=") + 1)} ${choices.of(VALUES)}`;
  });

const key: Mutation = (text, choices) =>
  onLine(text, choices, /=/, (line) => {
    const [name = "", ...rest] = line.split("=");
    const put = choices.of([
      ...KEYS,
      `"${name.trim()}"`,
      `${name.trim()}s`,
      name.trim().slice(1),
      `x.${name.trim()}`,
    ]);
    return `${put} =${rest.join("=")}`;
  });

const header: Mutation = (text, choices) =>
  onLine(text, choices, /^\s*\[/, (line) => {
    const name = line.replace(/[[\]\s]|#.*/g, "");
    return choices.of([
      `[[${name}]]`,
      `[${name}`,
      `[${name}.${choices.of(KEYS)}]`,
      `[${choices.of(KEYS)}.${name}]`,
      `[${name.split(".").slice(0, -1).join(".")}]`,
      `[${name.split(".").map((part) => `"${part}"`).join(" . ")}]`,
      `${name} = {}`,
      `${name}.${choices.of(KEYS)} = ${choices.of(VALUES)}`,
      "",
    ]);
  });

function onLine(text: string, choices: Choices, which: RegExp, change: (line: string) => string): string {
  const lines = text.split("\n");
  const fitting = lines.flatMap((line, i) => which.test(line) ? [i] : []);
  if (fitting.length === 0) return text;
  const at = choices.of(fitting);
  lines[at] = change(lines[at] ?? "");
  return lines.join("\n");
}

/** Duplicates, moves or takes out a line, or with the separator of tables a whole table. */
const rearrange = (separator: RegExp, glue: string): Mutation => (text, choices) => {
  const parts = text.split(separator);
  const from = choices.below(parts.length), to = choices.below(parts.length + 1);
  const [part = ""] = choices.oneIn(3) ? [parts[from]] : parts.splice(from, 1);
  if (!choices.oneIn(4)) parts.splice(Math.min(to, parts.length), 0, part);
  return parts.join(glue);
};

/** Writes a table of simple lines in the form of an inline table or of dotted keys, in front of all tables. */
const otherForm: Mutation = (text, choices) => {
  const tables = [...text.matchAll(/^\[([\w.-]+)\][^\n]*\n((?:[\w-]+ *=[^\n]*\n)+)/gm)];
  if (tables.length === 0) return text;
  const { index, 0: whole, 1: name = "", 2: body = "" } = choices.of(tables);
  const pairs = body.trim().split("\n").map((line) => line.replace(/\s+#[^"']*$/, ""));
  const form = choices.oneIn(2)
    ? `${name} = { ${pairs.join(", ")} }\n`
    : pairs.map((p) => `${name}.${p}\n`).join("");
  const rest = choices.oneIn(3) ? text : replaceAt(text, index, whole.length, "");
  return form + rest;
};

const deep: Mutation = (text, choices) => {
  const n = choices.of([3, 15, 16, 17, 40, 400]);
  const made = choices.of([
    `d = ${"[".repeat(n)}${"]".repeat(n)}\n`,
    `d = ${"{a=".repeat(n)}1${"}".repeat(n)}\n`,
    `${"a.".repeat(n)}b = 1\n`,
    `[${"a.".repeat(n)}b]\n`,
    `[[${"a.".repeat(n)}b]]\n`.repeat(2),
    `${"k".repeat(n)} = 1\n`,
    `d = "${"\\u00e9".repeat(n)}"\n`,
    "[t]\n".repeat(n),
    "k = 1\n".repeat(n),
    `d = ${"9".repeat(n)}\n`,
  ]);
  return choices.oneIn(2) ? made + text : text + made;
};

const ALL: readonly Mutation[] = [
  ...[character, cut, token, token, value, value, value, key, header, deep, otherForm],
  ...[rearrange(/\n/, "\n"), rearrange(/\n(?=\[)/, "\n")],
];

/** One to four mutations of a text. */
export function mutate(text: string, choices: Choices): string {
  let mutated = text;
  for (let left = 1 + choices.below(4); left > 0; left--) mutated = choices.of(ALL)(mutated, choices);
  return mutated;
}

/** As {@link mutate}, for JSON: without the forms that are TOML's own. */
export function mutateJson(text: string, choices: Choices): string {
  const value = choices.of([
    "null",
    "{}",
    "[]",
    "1e999",
    "-1",
    "1.5",
    '"\\ud800"',
    '"../x"',
    '"a"',
    "true",
    '{"__proto__":{}}',
  ]);
  const nested = `${'{"a":'.repeat(200)}1${"}".repeat(200)}`;
  const jsonToken: Mutation = (t) => {
    const tokens = [...t.matchAll(TOKEN)];
    if (tokens.length === 0) return t;
    const { index, 0: found } = choices.of(tokens);
    return replaceAt(
      t,
      index,
      found.length,
      choices.oneIn(30) ? nested : choices.oneIn(3) ? choices.of(tokens)[0] : value,
    );
  };
  let mutated = text;
  for (let left = 1 + choices.below(3); left > 0; left--) {
    mutated = choices.of([character, cut, jsonToken, jsonToken, rearrange(/\n/, "\n")])(mutated, choices);
  }
  return mutated;
}
