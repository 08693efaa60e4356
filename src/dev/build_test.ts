import assert from "node:assert/strict";
import { chunkText, factsText, isBaseUnreachable } from "./build.ts";

const FACTS = { version: "1.2.3", commit: "abc", base: "official", deno: "2.7.11" } as const;

Deno.test("factsText() says what the program is made of", () => {
  assert.match(
    factsText(FACTS),
    /^globalThis\.__RAYVISOR_BUILD__ = \{"version":"1\.2\.3",.*"base":"official".*\};\n/,
  );
});

Deno.test("chunkText() takes out optional imports and leaves the others", () => {
  const text = chunkText('var a = 1;\nimport tools from "react-devtools-core";\nimport b from "node:fs";\n');
  assert.match(text, /\nconst tools = undefined;\nimport b from "node:fs";\n$/);
});

Deno.test("isBaseUnreachable() tells a base that can't be had from a fault of the program", () => {
  const unreachable =
    "error: Writing deno compile executable\n\nCaused by:\n    0: Setting up base binary.\n    1: dns error";
  assert.equal(isBaseUnreachable({ said: unreachable, timedOut: false }), true);
  assert.equal(isBaseUnreachable({ said: "", timedOut: true }), true);
  assert.equal(
    isBaseUnreachable({ said: 'error: Module not found "file:///main.js"', timedOut: false }),
    false,
  );
});
