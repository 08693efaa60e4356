import assert from "node:assert/strict";
import fc from "fast-check";
import { yamlDocument } from "./yaml.ts";

Deno.test("yamlDocument() writes mappings and lists as blocks, lists of texts in a line, texts in quotes", () => {
  assert.equal(
    yamlDocument({
      a: "yes",
      b: 1,
      c: true,
      d: [],
      e: {},
      f: ["x", "y: z"],
      g: { h: ["i"] },
      j: [{ k: "l", m: { n: false } }, ["o"], "p"],
    }),
    `a: "yes"
b: 1
c: true
d: []
e: {}
f: ["x", "y: z"]
g:
  h: ["i"]
j:
  - k: "l"
    m:
      n: false
  - ["o"]
  - "p"
`,
  );
});

Deno.test("every text is one line of a JSON string, so that no parser reads it as something else", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()), (text) => {
    const written = yamlDocument({ a: text });
    assert.match(written, /^a: ".*"\n$/);
    assert.equal(JSON.parse(written.slice(3)), text);
    // deno-lint-ignore no-control-regex -- those are what must not be there
    assert.doesNotMatch(written, /[\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]/);
  }));
  assert.throws(() => yamlDocument({ a: "\ud800" }), /half a character/);
  assert.throws(() => yamlDocument({ "a b": "" }), /no plain key/);
});
