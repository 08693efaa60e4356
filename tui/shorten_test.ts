import assert from "node:assert/strict";
import { shortened } from "./shorten.ts";

Deno.test("a text that is too long ends at the end of a thought, else of a word, else anywhere", () => {
  const LONG =
    "software emulation, about ten times slower than KVM: a probe guest did not run (SIGABRT): assertion";
  assert.equal(shortened(LONG, 200), LONG);
  assert.equal(
    shortened(LONG, 90),
    "software emulation, about ten times slower than KVM: a probe guest did not run (SIGABRT)",
  );
  assert.equal(shortened(LONG, 60), "software emulation, about ten times slower than KVM");
  assert.equal(shortened("one two three four five six", 12), "one two");
  assert.equal(shortened("x".repeat(40), 12), "x".repeat(12));
});
