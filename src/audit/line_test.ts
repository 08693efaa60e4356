import assert from "node:assert/strict";
import fc from "fast-check";
import { eventWord, formatLogLine, parseLogLine } from "./line.ts";
import { sanitizeLine } from "../core/sanitize.ts";

Deno.test("formatLogLine() writes what the contract shows", () => {
  assert.equal(
    formatLogLine(0, "info", "supervisor", "RAYOS_VM:start", { vm: "a-1", kind: "linux", note: "two words" }),
    '1970-01-01T00:00:00.000Z INFO supervisor RAYOS_VM:start vm=a-1 kind=linux note="two words"',
  );
});

Deno.test("parseLogLine() gives back what formatLogLine() was given, whatever the values are", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (value) => {
    const line = formatLogLine(0, "warn", "c", "RAYOS_SAFE_MODE:on", { reason: value });
    assert.ok(!line.includes("\n"));
    assert.deepEqual(parseLogLine(line)?.fields, { reason: sanitizeLine(value, 1024) });
  }));
});

Deno.test("eventWord() never lets a space, a colon or an equals sign through", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.match(eventWord(text), /^[A-Za-z0-9._-]+$/)));
});
