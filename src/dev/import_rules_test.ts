import assert from "node:assert/strict";
import { findFaults, importsOf, MAX_LINES, roomOf } from "./import_rules.ts";

Deno.test("importsOf() finds every form of import and no comment or string", () => {
  const text = `
import "./a.ts";
import type { B } from "./b.ts";
import {
  c,
  type C,
} from "./c.ts";
export * from "./d.ts";
export { e } from "./e.ts";
const f = await import("./f.ts");
// import "./no.ts";
/* import "./no.ts"; */
const g = 'import "./no.ts"';
const h = "http://x/"; import * as i from "./i.ts";
`;
  assert.deepEqual(importsOf(text), ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts"]);
  assert.deepEqual(importsOf(text, { types: false }), ["./a.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts"]);
});

Deno.test("roomOf() puts tests into their own room wherever they lie", () => {
  assert.equal(roomOf("src/core/ids.ts"), "core");
  assert.equal(roomOf("src/core/ids_test.ts"), "tests");
  assert.equal(roomOf("src/qmp/client.ts"), "src");
  assert.equal(roomOf("tests/guest/build.ts"), "guest");
  assert.equal(roomOf("main.ts"), "main");
});

const FORBIDDEN: [string, string][] = [
  ["src/core/a.ts", 'import "../ports/files.ts";'],
  ["policy/a.ts", 'import { x } from "../src/ports/files.ts";'],
  ["policy/a.ts", 'import { x } from "../registry/types.ts";'],
  ["registry/a.ts", 'import { x } from "../policy/types.ts";'],
  ["src/qmp/a.ts", 'import { x } from "../../tui/app.tsx";'],
  ["src/qmp/a.ts", 'import { x } from "../dev/build.ts";'],
  ["src/qmp/a.ts", 'import { x } from "../../tests/guest/build.ts";'],
  ["src/qmp/a.ts", 'await import("../../tests/fakes/qmp.ts");'],
  ["main.ts", 'import { x } from "./tests/guest/build.ts";'],
  ["tests/guest/a.ts", 'import { x } from "../../src/qmp/client.ts";'],
  ["src/qmp/a.ts", "const text = Deno.readTextFileSync(path);"],
  ["src/qmp/a.ts", 'import { readFileSync } from "node:fs";'],
  ["src/qmp/a.ts", "x\n".repeat(MAX_LINES + 1)],
];

const ALLOWED: [string, string][] = [
  ["src/core/a.ts", 'import "./ids.ts";'],
  ["policy/a.ts", 'import { x } from "../src/core/ids.ts";\nimport { z } from "zod";'],
  ["registry/a.ts", 'import { x } from "../src/ports/files.ts";'],
  ["src/demo/a.ts", 'import { x } from "../../tests/guest/build.ts";'],
  ["tui/a.tsx", 'import { x } from "../src/api/client.ts";'],
  ["main.ts", 'import { x } from "./src/cli/program.ts";\nDeno.exit(0);'],
  ["src/ports/a.ts", "Deno.cwd();"],
  ["src/qmp/a_test.ts", 'import { x } from "../../tests/fakes/qmp.ts";\nDeno.test();'],
  ["src/qmp/a.ts", 'import type { Stats } from "node:fs";\nfunction f(s: Deno.Signal) {}'],
  ["src/qmp/a.ts", '// Deno.cwd() is not used\nconst text = "Deno.cwd()";'],
  ["src/qmp/a.ts", 'import { createHash } from "node:crypto";'],
  ["src/qmp/a.ts", "x\n".repeat(MAX_LINES)],
];

for (const [path, text] of FORBIDDEN) {
  Deno.test(`findFaults() refuses in ${path}: ${text.split("\n")[0]}`, () => {
    assert.equal(findFaults({ path, text }).length, 1);
  });
}

for (const [path, text] of ALLOWED) {
  Deno.test(`findFaults() lets pass in ${path}: ${text.split("\n")[0]}`, () => {
    assert.deepEqual(findFaults({ path, text }), []);
  });
}
