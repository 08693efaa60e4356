import assert from "node:assert/strict";
import fc from "fast-check";
import { fitSpans, plainText, skipSpans } from "./line.ts";
import { windowAround, windowFrom } from "./window.ts";
import { widthOf } from "./text.ts";

Deno.test("a line of spans has exactly its width", () => {
  assert.equal(
    plainText(fitSpans(["ab", { text: "cdef", tone: "good" }, "x"], 5, "…")),
    "abcd…".slice(0, 4) + "…",
  );
  assert.equal(widthOf(plainText(fitSpans(["ab"], 5, "…"))), 5);
});

Deno.test("a line cut in two has all of its cells, also where the cut goes through a wide character", () =>
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("日本", "a日", "ä", "👩‍🚀x"))),
      fc.nat(40),
      (texts, at) => {
        const row = fitSpans(texts.map((text) => text.replace(/[^\x20-\x7e日本ä👩‍🚀]/gu, "?")), 40, "…");
        const left = plainText(fitSpans(row, at, "")), right = plainText(skipSpans(row, at));
        assert.equal(widthOf(left), at);
        assert.equal(widthOf(right), 40 - at);
      },
    ),
  ));

Deno.test("the cursor is always in the window, and the window is full where it can be", () =>
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.integer({ min: 1, max: 50 }), (count, at, height) => {
      const { from, to } = windowAround(count, Math.min(at, Math.max(0, count - 1)), height);
      assert.equal(to - from, Math.min(count, height));
      if (count > 0) assert.ok(from <= Math.min(at, count - 1) && Math.min(at, count - 1) < to);
      const page = windowFrom(count, at, height);
      assert.ok(page.from >= 0 && page.to <= count && page.to - page.from === Math.min(count, height));
    }),
  ));
