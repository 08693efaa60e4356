import assert from "node:assert/strict";
import fc from "fast-check";
import { compare, median, orderOf, percentile, summarize } from "./stats.ts";

Deno.test("median() is the middle value, or the mean of the two middle ones", () => {
  const cases: readonly (readonly [readonly number[], number])[] = [
    [[5], 5],
    [[3, 1], 2],
    [[9, 1, 2], 2],
    [[10, 9, 1, 2], 5.5],
    [[-1, -3, -2], -2],
    [[100, 20, 3], 20], // as numbers, not as text
  ];
  for (const [values, expected] of cases) assert.equal(median(values), expected, values.join(" "));
  assert.throws(() => median([]), RangeError);
});

Deno.test("summarize() keeps the list as it is and puts the median between the extremes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1 }), (values) => {
      const before = [...values];
      const { median, min, max, n } = summarize(values);
      assert.deepEqual(values, before);
      assert.ok(min <= median && median <= max);
      assert.ok(values.includes(min) && values.includes(max));
      assert.equal(n, values.length);
    }),
  );
});

Deno.test("compare() takes differences and ratios within pairs, not between medians", () => {
  const { subject, yardstick, difference, ratio } = compare([10, 200, 30], [5, 100, 20]);
  assert.deepEqual([subject.median, yardstick.median], [30, 20]);
  assert.deepEqual(difference, { median: 10, min: 5, max: 100, n: 3 });
  assert.deepEqual(ratio, { median: 2, min: 1.5, max: 2, n: 3 });
  assert.throws(() => compare([1], [1, 2]), RangeError);
  assert.throws(() => compare([], []), RangeError);
});

Deno.test("orderOf() measures every side once a round, each first in turn", () => {
  assert.deepEqual([0, 1, 2, 3].map((round) => orderOf(round, 3)), [[0, 1, 2], [1, 2, 0], [2, 0, 1], [
    0,
    1,
    2,
  ]]);
  fc.assert(
    fc.property(fc.nat(100), fc.integer({ min: 1, max: 9 }), (round, count) => {
      assert.deepEqual(
        orderOf(round, count).sort((a, b) => a - b),
        Array.from({ length: count }, (_, i) => i),
      );
    }),
  );
});

Deno.test("percentile() is a value that was measured, and the largest at the end", () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  assert.deepEqual([0, 50, 99, 100].map((percent) => percentile(values, percent)), [1, 100, 198, 200]);
  assert.equal(percentile([7], 99), 7);
  assert.throws(() => percentile([], 50), RangeError);
});
