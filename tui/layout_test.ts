import assert from "node:assert/strict";
import fc from "fast-check";
import { columnWidths } from "./columns.ts";
import { PLAIN_PREFS } from "./components/say.tsx";
import { fitSpans, plainText } from "./line.ts";
import { sparkline } from "./sparkline.ts";
import { windowAround, windowFrom } from "./window.ts";
import { widthOf } from "./text.ts";

Deno.test("columns share what is left over, and the least important go first", () => {
  const columns = [{ min: 10, share: 1 }, { min: 8, priority: 2 }, { min: 6, share: 1, max: 8, priority: 1 }];
  assert.deepEqual(columnWidths(columns, 40), [22, 8, 8]);
  assert.deepEqual(columnWidths(columns, 18), [11, 0, 6]);
  assert.deepEqual(columnWidths(columns, 12), [12, 0, 0]);
  assert.deepEqual(columnWidths(columns, 5), [5, 0, 0]);
});

Deno.test("columns never take more than there is", () => {
  const column = fc.record({
    min: fc.integer({ min: 1, max: 20 }),
    share: fc.integer({ min: 0, max: 3 }),
    priority: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 200 }),
      (all, width) => {
        const shown = columnWidths(all, width).filter((one) => one > 0);
        assert.ok(shown.length >= 1);
        assert.ok(shown.reduce((sum, one) => sum + one, shown.length - 1) <= width);
      },
    ),
  );
});

Deno.test("a line of spans has exactly its width", () => {
  assert.equal(
    plainText(fitSpans(["ab", { text: "cdef", tone: "good" }, "x"], 5, "…")),
    "abcd…".slice(0, 4) + "…",
  );
  assert.equal(widthOf(plainText(fitSpans(["ab"], 5, "…"))), 5);
});

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

Deno.test("a sparkline has a bar for each value, none for nothing, and the newest on the right", () => {
  assert.equal(sparkline([0, 1, 50, 100], 6, PLAIN_PREFS, 100), "   ▁▄█");
  assert.equal(sparkline([1, 2, 3, 4, 5], 2, PLAIN_PREFS), "▇█");
  assert.equal(sparkline([200], 1, { ...PLAIN_PREFS, unicode: false }, 100), "@");
  assert.equal(sparkline([], 3, PLAIN_PREFS), "   ");
});
