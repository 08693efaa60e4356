import assert from "node:assert/strict";
import fc from "fast-check";
import { BAD, policyText } from "../../../tests/screens/policy_states.ts";
import { linesOf, remarkOf, remarksOf } from "./file.ts";

Deno.test("every line of a file stands on its own: an escape sequence without an end hides no other", () => {
  assert.deepEqual(linesOf("a\n\u001b]0;title\nb\r\n\tc\n"), ["a", "", "b", "  c"]);
});

Deno.test("a problem has its line, what stands before its place, and the word that is meant", () => {
  const [unknown, wrong] = policyText(BAD).problems;
  assert.deepEqual([unknown?.line, unknown?.before, unknown?.length], [7, "", 10]);
  assert.deepEqual([wrong?.line, wrong?.before, wrong?.length], [11, "networking = ", 5]);
});

Deno.test("a problem of the file as a whole has no line", () => {
  const remark = remarkOf({ code: "invalid_policy", message: "too large", path: "/p.toml" }, ["a"]);
  assert.deepEqual([remark.line, remark.path], [undefined, ""]);
});

Deno.test("any place in any text makes a remark", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer(), fc.integer(), fc.string(), (text, line, column, message) => {
      const [remark] = remarksOf({ code: "invalid_policy", message, place: { line, column } }, text);
      assert.ok(remark && remark.length >= 1);
      // deno-lint-ignore no-control-regex -- what must not be there
      assert.doesNotMatch(remark.before + remark.message, /[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});
