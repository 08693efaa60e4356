import assert from "node:assert/strict";
import fc from "fast-check";
import { plainText } from "./line.ts";
import { PLAIN_PREFS } from "./prefs.ts";
import { beside, filled, labelled, moved, row, scrolled, windowOf, wrapped } from "./sheet.ts";

const harmless = fc.string().map((text) => text.replace(/[^\x20-\x7e]/g, "?"));

Deno.test("of parts side by side the left one has its width, whatever is in it", () => {
  fc.assert(fc.property(harmless, harmless, fc.integer({ min: 1, max: 60 }), (left, right, width) => {
    const rows = beside([row(left)], [row(right), row(right)], width, PLAIN_PREFS, 3).map(plainText);
    assert.deepEqual(rows.map((text) => text.slice(width, width + 3)), [" │ ", " │ ", " │ "]);
    assert.deepEqual(rows.map((text) => text.slice(width + 3)), [right, right, ""]);
  }));
});

Deno.test("a long text is broken into rows that fit, all but the first indented", () => {
  const texts = wrapped("one two three four five", 12, "plain", 2).map(plainText);
  assert.deepEqual(texts, ["one two", "  three four", "  five"]);
  const beside = labelled("hint: ", "one two three", 14, 6).map(plainText);
  assert.deepEqual(beside, ["hint: one two", "      three"]);
  const inside = moved(2, 12, (width) => wrapped("one two three", width)).map(plainText);
  assert.deepEqual(inside, ["  one two", "  three"]);
});

Deno.test("a list is shown around a row, or from a row on with its last page full", () => {
  assert.deepEqual(windowOf([0, 1, 2, 3, 4, 5], 3, 3), { top: 2, shown: [2, 3, 4] });
  assert.deepEqual(scrolled([0, 1, 2, 3], 9, 2), [2, 3]);
  assert.deepEqual(filled([["a"], ["b"]], 1), [["a"]]);
  assert.deepEqual(filled([["a"]], 2), [["a"], []]);
});
