import assert from "node:assert/strict";
import fc from "fast-check";
import { plainText, type Span } from "./line.ts";
import { PLAIN_PREFS } from "./components/say.tsx";
import { beside, labelled, merged, row, scrolled, windowOf, wrapped } from "./sheet.ts";
import { widthOf } from "./text.ts";

const spans: fc.Arbitrary<Span[]> = fc.array(fc.oneof(
  fc.string(),
  fc.record({
    text: fc.string(),
    tone: fc.constantFrom("dim" as const, "bad" as const, "selected" as const),
  }),
));

Deno.test("a row in fewer parts reads the same", () => {
  fc.assert(fc.property(spans, (all) => {
    const one = merged(row(...all));
    assert.equal(plainText(one.spans), plainText(all));
    assert.ok(one.spans.length <= Math.max(1, all.length));
  }));
  assert.deepEqual(merged(row({ text: "a", tone: "dim" }, " ", { text: "b", tone: "dim" })).spans, [
    { text: "a b", tone: "dim" },
  ]);
  assert.deepEqual(merged({ spans: ["a", { text: "b", tone: "bad" }], tone: "selected" }).spans, ["ab"]);
});

Deno.test("parts side by side have their widths, whatever is in them", () => {
  fc.assert(fc.property(spans, spans, fc.integer({ min: 1, max: 60 }), (left, right, width) => {
    const clean = (all: readonly Span[]) => [plainText(all).replace(/[^\x20-\x7e]/g, "?")];
    const rows = beside(
      [row(...clean(left))],
      [row(...clean(right))],
      { left: width, right: width },
      PLAIN_PREFS,
      2,
    );
    assert.deepEqual(rows.map(({ spans }) => widthOf(plainText(spans))), [2 * width + 3, 2 * width + 3]);
  }));
});

Deno.test("a long text is broken into rows that fit, all but the first indented", () => {
  const texts = wrapped("one two three four five", 12, "plain", 2).map(({ spans }) => plainText(spans));
  assert.deepEqual(texts, ["one two", "  three four", "  five"]);
  const beside = labelled("hint: ", "one two three", 14, 6).map(({ spans }) => plainText(spans));
  assert.deepEqual(beside, ["hint: one two", "      three"]);
});

Deno.test("a list is shown around a row, or from a row on with its last page full", () => {
  assert.deepEqual(windowOf([0, 1, 2, 3, 4, 5], 3, 3), { top: 2, shown: [2, 3, 4] });
  assert.deepEqual(scrolled([0, 1, 2, 3], 9, 2), [2, 3]);
});
