/** Which room may import which, and who may touch the host: the picture of docs/ARCHITECTURE.md as a table. */

export type Room =
  | "core"
  | "ports"
  | "policy"
  | "registry"
  | "src"
  | "demo"
  | "dev"
  | "tui"
  | "main"
  | "guest"
  | "tests";

const SRC: readonly Room[] = ["core", "ports", "policy", "registry", "src", "demo"];

/** What each room may import. */
export const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  core: ["core"],
  ports: ["core", "ports"],
  policy: ["core", "policy"],
  registry: ["core", "ports", "registry"],
  src: SRC,
  // The one room of the program that uses a recipe of the tests: the demo runs the tests' own guest.
  demo: [...SRC, "guest"],
  dev: [...SRC, "dev", "tui"],
  tui: [...SRC, "tui"],
  main: [...SRC, "tui"],
  guest: ["core", "ports", "guest"],
  tests: [...SRC, "dev", "tui", "main", "guest", "tests"],
};

/** Rooms that touch the host, by `Deno.*` or a module of Node's that does I/O. */
const HOST_ROOMS: readonly Room[] = ["ports", "dev", "guest", "tests"];

/** Single files that touch the host outside these rooms, each with its reason. */
export const HOST_FILES: Readonly<Record<string, string>> = {
  "main.ts": "hands the arguments in and the exit code out",
  "src/cli/context.ts": "makes paths that the operator gave absolute, from the working folder",
};

/** Modules of Node's that compute and touch nothing outside. */
const PURE_NODE: readonly string[] = ["node:crypto", "node:buffer", "node:util", "node:assert/strict"];

/** Names of `Deno` that are types: no code is left of them. */
const TYPE_NAMES =
  /\bDeno\.(Signal|Conn|UnixConn|FsFile|ChildProcess|CommandStatus|FileInfo|DirEntry|HttpClient)\b/g;

/** Longest file, in lines. */
export const MAX_LINES = 400;

/** Files that are longer, each with its reason. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  "policy/rules.ts": "one table: every rule with its text, kept in one place so that ids can't collide",
};

/** A source file: its path from the top of the tree, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export function roomOf(path: string): Room {
  if (/_test\.tsx?$/.test(path)) return "tests";
  const named: [string, Room][] = [
    ["src/core/", "core"],
    ["src/ports/", "ports"],
    ["src/demo/", "demo"],
    ["src/dev/", "dev"],
    ["src/", "src"],
    ["policy/", "policy"],
    ["registry/", "registry"],
    ["tui/", "tui"],
    ["tests/guest/", "guest"],
    ["tests/", "tests"],
  ];
  return named.find(([folder]) => path.startsWith(folder))?.[1] ?? "main";
}

/** What is wrong with a file, one sentence each; empty when nothing is. */
export function findFaults(file: SourceFile): string[] {
  return [...importFaults(file), ...hostFaults(file), ...lengthFaults(file)];
}

function importFaults(file: SourceFile): string[] {
  const room = roomOf(file.path);
  return importsOf(file.text).flatMap((specifier) => {
    if (!specifier.startsWith(".")) return [];
    const target = resolve(file.path, specifier);
    const other = roomOf(target);
    return MAY_IMPORT[room].includes(other)
      ? []
      : [`${file.path}: ${room} may not import ${other} (${target})`];
  });
}

function hostFaults(file: SourceFile): string[] {
  const room = roomOf(file.path);
  if (HOST_ROOMS.includes(room) || file.path in HOST_FILES) return [];
  const faults: string[] = [];
  const code = withoutComments(file.text);
  const use = /\bDeno\.\w+/.exec(withoutStrings(code).replace(TYPE_NAMES, ""));
  if (use) faults.push(`${file.path}: ${room} may not use ${use[0]}: go through src/ports`);
  for (const specifier of importsOf(file.text, { types: false })) {
    if (specifier.startsWith("node:") && !PURE_NODE.includes(specifier)) {
      faults.push(`${file.path}: ${room} may not import ${specifier}: go through src/ports`);
    }
  }
  return faults;
}

function lengthFaults(file: SourceFile): string[] {
  const lines = file.text.split("\n").length - 1;
  if (lines <= MAX_LINES || file.path in LONG_FILES) return [];
  return [`${file.path}: ${lines} lines, more than ${MAX_LINES}: split it, or give a reason in LONG_FILES`];
}

/** Specifiers of all import and export-from statements and dynamic imports; without `types`, those of types are left out. */
export function importsOf(text: string, { types = true } = {}): string[] {
  const code = withoutComments(text);
  const statement =
    /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?"([^"\n]+)"|\bimport\(\s*"([^"\n]+)"\s*\)/gm;
  return [...code.matchAll(statement)]
    .filter(([, type]) => types || type === undefined)
    .map(([, , fixed, dynamic]) => fixed ?? dynamic ?? "");
}

/** Comments become spaces. Strings are stepped over, so that `"http://x"` is left whole. */
function withoutComments(text: string): string {
  const token = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (match) => match.startsWith("/") ? " " : match);
}

function withoutStrings(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
}

/** Path that a relative specifier of the file `from` means. */
function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
