import assert from "node:assert/strict";
import { stepsBack } from "./counting.ts";

Deno.test("stepsBack() finds a count that is not larger than the one before, unless the guest booted in between", () => {
  assert.deepEqual(stepsBack("BOOT\r\n00000001\r\n00000002\r\n"), []);
  assert.deepEqual(stepsBack("00000009\nBOOT\n00000001\n"), []);
  assert.deepEqual(stepsBack("00000009\n00000009\n"), ["00000009 follows on 00000009"]);
  assert.deepEqual(stepsBack("0000000A\n00000009\n0000000B\n"), ["00000009 follows on 0000000A"]);
});

Deno.test("stepsBack() passes over lines that were cut off", () => {
  assert.deepEqual(stepsBack("00000009\n0000\n0000000A\n00000"), []);
});
