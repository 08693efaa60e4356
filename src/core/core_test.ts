import assert from "node:assert/strict";
import fc from "fast-check";
import { parseVmId } from "./ids.ts";
import { canonicalJson } from "./json.ts";
import { exitCodeOf, fail, Failure, problemOf } from "./problem.ts";
import { sanitizeLine, sanitizeText } from "./sanitize.ts";
import { didYouMean } from "./suggest.ts";
import { formatBytes, formatDuration, parseDuration, parseSize } from "./units.ts";

Deno.test("parseVmId() takes ids of the contract and nothing that could leave a folder", () => {
  for (
    const good of ["a", "linux-desktop-001", "0b5c1f0e-3f5e-4b9c-9d3e-1a2b3c4d5e6f", "a".repeat(63), "a.b_c"]
  ) {
    assert.equal(parseVmId(good), good);
  }
  for (const bad of ["", "A", "-a", ".a", "a/b", "a..b", "a b", "a,b", "a".repeat(64), "ä", 5, null]) {
    assert.equal(parseVmId(bad), undefined, String(bad));
  }
});

Deno.test("canonicalJson() is the same for equal values and reads back as the value", () => {
  assert.equal(
    canonicalJson({ b: [1, { z: null, a: "é" }], a: 1.5, u: undefined }),
    '{"a":1.5,"b":[1,{"a":"é","z":null}]}',
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = canonicalJson(value);
    assert.equal(canonicalJson(JSON.parse(text)), text);
  }));
  assert.throws(() => canonicalJson(NaN), TypeError);
});

Deno.test("sanitizeText() leaves no escape, control or reordering character, and no trace of a sequence", () => {
  assert.equal(
    sanitizeText("a\x1b[31mred\x1b[0m\x1b]0;title\x07b\x9b2Jc\x1bPq#1\x1b\\d\r\ne\x00\u202ef"),
    "aredbcd\nef",
  );
  assert.equal(sanitizeLine("one\ntwo\tthree", 100), "one two three");
  assert.equal(sanitizeLine("abcdef", 4), "abc…");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(sanitizeText(text), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  }));
});

Deno.test("didYouMean() finds slips of the pen and nothing far-fetched", () => {
  assert.equal(didYouMean("netwroking", ["networking", "autoboot"]), "networking");
  assert.equal(didYouMean("sart", ["start", "stop"]), "start");
  assert.equal(didYouMean("xyz", ["start", "stop"]), undefined);
});

Deno.test("sizes and durations are read and written as people write them", () => {
  assert.equal(parseSize("64G"), 64 * 1024 ** 3);
  assert.equal(parseSize("1.5GiB"), 1.5 * 1024 ** 3);
  assert.equal(parseSize("512"), 512);
  assert.equal(parseSize("64X"), undefined);
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(512 * 1024 ** 2), "512 MiB");
  assert.equal(parseDuration("1h30m"), 5_400_000);
  assert.equal(parseDuration("24"), undefined);
  assert.equal(formatDuration(240), "0.24 s");
  assert.equal(formatDuration(250_000), "4 min 10 s");
});

Deno.test("a thrown value that is no Failure is reported as a defect, never as the user's mistake", () => {
  assert.equal(problemOf(new TypeError("x is not a function")).code, "internal");
  try {
    fail("denied", "no", { hint: "ask" });
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.deepEqual(problemOf(error), { code: "denied", message: "no", hint: "ask" });
    assert.equal(exitCodeOf(error.problem), 3);
  }
});

Deno.test("that a file system is full is no defect: the kernel's word for it becomes a problem of its own", () => {
  const thrown = (code: string) => Object.assign(new Error(`${code} (os error)`), { code });
  assert.equal(problemOf(thrown("ENOSPC")).code, "no_space");
  assert.equal(problemOf(thrown("EDQUOT")).code, "no_space");
  assert.equal(problemOf(thrown("EBADF")).code, "internal");
  assert.equal(exitCodeOf(problemOf(thrown("ENOSPC"))), 5);
});
