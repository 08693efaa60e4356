import assert from "node:assert/strict";
import fc from "fast-check";
import { WordLimit } from "./word_limit.ts";

Deno.test("so many words at once, then one each interval, which tells how many were left unsaid", () => {
  const words = new WordLimit(3, 1000);
  assert.deepEqual([0, 0, 0, 0, 500].map((now) => words.take(now)), [0, 0, 0, undefined, undefined]);
  assert.equal(words.take(1000), 2);
  assert.equal(words.take(1999), undefined);
  assert.equal(words.take(2000), 1);
  assert.deepEqual([60_000, 60_000, 60_000, 60_000].map((now) => words.take(now)), [0, 0, 0, undefined]);
});

Deno.test("a clock that is set back leaves what can be said", () => {
  const words = new WordLimit(1, 1000);
  assert.equal(words.take(1_000_000), 0);
  assert.equal(words.take(0), undefined);
  assert.equal(words.take(1000), 1);
});

Deno.test("whenever it is asked, no more is said than the burst and one each interval, and every word is counted", () => {
  fc.assert(fc.property(fc.array(fc.nat(3000), { maxLength: 60 }), (pauses) => {
    const words = new WordLimit(5, 1000);
    let now = 0, said = 0, told = 0;
    for (const pause of pauses) {
      now += pause;
      const unsaid = words.take(now);
      if (unsaid === undefined) continue;
      said++;
      told += unsaid;
    }
    assert.ok(said <= 5 + now / 1000);
    assert.ok(said + told <= pauses.length);
  }));
});
