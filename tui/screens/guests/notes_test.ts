import assert from "node:assert/strict";
import { shortNote } from "./notes.ts";

const note = (text: string, most: number) => shortNote({ text, tone: "dim" }, most).text;

Deno.test("a note that is too long ends at the end of a thought, else of a word, else anywhere", () => {
  const LONG =
    "software emulation, about ten times slower than KVM: a probe guest did not run (SIGABRT): assertion";
  assert.equal(note(LONG, 200), LONG);
  assert.equal(
    note(LONG, 90),
    "software emulation, about ten times slower than KVM: a probe guest did not run (SIGABRT)",
  );
  assert.equal(note(LONG, 60), "software emulation, about ten times slower than KVM");
  assert.equal(note("one two three four five six", 12), "one two");
  assert.equal(note("x".repeat(40), 12), "x".repeat(12));
});
