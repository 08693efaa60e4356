import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanAll, cut, fit, widthOf, wrap } from "./text.ts";

Deno.test("wide characters take two cells, marks on others none", () => {
  assert.equal(widthOf("abc"), 3);
  assert.equal(widthOf("日本"), 4);
  assert.equal(widthOf("e\u0301"), 1);
  assert.equal(widthOf("👩‍👩‍👧"), 2);
  assert.equal(widthOf("🇩🇪"), 2);
  assert.equal(widthOf("●▸▁"), 3);
});

Deno.test("what is cut fits, ends with the mark, and breaks no character", () => {
  assert.equal(cut("abcdef", 4), "abc…");
  assert.equal(cut("日本語", 4), "日…");
  assert.equal(cut("abc", 3), "abc");
  assert.equal(cut("abc", 0), "");
  assert.equal(fit("ab", 4, "right"), "  ab");
});

Deno.test("fit() gives exactly the width, whatever the text", () =>
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const plain = text.replace(/[\n\r\t]/g, " ");
      assert.equal(widthOf(fit(plain, width)), width);
    }),
  ));

Deno.test("wrapped lines fit, and no character of a word is lost", () =>
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 2, max: 30 }), (text, width) => {
      const lines = wrap(text, width);
      for (const line of lines) assert.ok(widthOf(line) <= width, JSON.stringify(line));
      assert.equal(lines.join("").replace(/\s/g, ""), text.replace(/\s/g, ""));
    }),
  ));

Deno.test("texts of an answer are made harmless in every depth", () => {
  const answer = { notes: ["a\x1b[2Jb", { why: "x\u202ey" }], "k\x07": 1, yes: true, none: null };
  assert.deepEqual(cleanAll(answer), { notes: ["ab", { why: "xy" }], k: 1, yes: true, none: null });
});

Deno.test("what is measured by its length alone has as many cells as when it is measured by its characters", () => {
  for (const char of "a~…─│┘▁▇█▸▴▾○●✓✗") assert.equal(widthOf(`${char}日`), widthOf(char) + 2, char);
});

Deno.test("each text of an answer is looked at once, however deep it lies", () => {
  let reads = 0;
  const leaf = {
    get text() {
      reads++;
      return "\x1b[2J";
    },
  };
  let value: unknown = leaf;
  for (let depth = 0; depth < 10; depth++) value = { value };
  cleanAll(value);
  assert.equal(reads, 1);
});
