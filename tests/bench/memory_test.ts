import assert from "node:assert/strict";
import { parseMemory } from "./memory.ts";

Deno.test("parseMemory() reads both files of the kernel, whichever it has", () => {
  const rollup =
    "55d0-7ffc ---p 00000000 00:00 0   [rollup]\nRss:    2048 kB\nPss:    1024 kB\nPss_Dirty: 8 kB\n";
  const cases: readonly (readonly [string, ReturnType<typeof parseMemory>])[] = [
    [rollup, { rss: 2, pss: 1 }],
    ["Name:\tx\nVmHWM:\t   9000 kB\nVmRSS:\t   3072 kB\n", { rss: 3, pss: null }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseMemory(text), expected);
  assert.throws(() => parseMemory("VmSize: 1 kB\n"), /does not say/);
});
