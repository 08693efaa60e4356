import assert from "node:assert/strict";
import { TestOutput } from "./test_summary.ts";

function read(...lines: string[]): TestOutput {
  const output = new TestOutput();
  for (const line of lines) output.line(line);
  return output;
}

Deno.test("TestOutput counts what Deno's summary says", () => {
  assert.deepEqual(read("ok | 21 passed | 0 failed (25s)").counts(), { passed: 21, failed: 0, skipped: 0 });
  assert.deepEqual(
    read("FAILED | 2 passed (3 steps) | 1 failed (1 step) | 4 ignored (5ms)").counts(),
    { passed: 2, failed: 1, skipped: 4 },
  );
  assert.deepEqual(
    read("\x1b[0m\x1b[32mok\x1b[0m | 3 passed | 0 failed \x1b[38;5;245m(5ms)\x1b[0m").counts(),
    {
      passed: 3,
      failed: 0,
      skipped: 0,
    },
  );
});

Deno.test("TestOutput takes a test that skipped itself out of those that passed, and keeps its reason", () => {
  const output = read(
    "a QMP test ... ",
    "SKIP a QMP test: no QEMU on this host",
    "ok | 2 passed | 0 failed (1s)",
  );
  assert.deepEqual(output.counts(), { passed: 1, failed: 0, skipped: 1 });
  assert.deepEqual(output.skips, [{ test: "a QMP test", why: "no QEMU on this host" }]);
});

Deno.test("TestOutput has no counts when the run ended without a summary", () => {
  assert.equal(read("error: Module not found").counts(), undefined);
});

Deno.test("TestOutput names the tests that are marked as ignored, and counts each once", () => {
  const output = read("a slow test ... ignored (0ms)", "ok | 2 passed | 0 failed | 1 ignored (1s)");
  assert.deepEqual(output.counts(), { passed: 2, failed: 0, skipped: 1 });
  assert.deepEqual(output.skips.map((skip) => skip.test), ["a slow test"]);
});
