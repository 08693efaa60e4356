import assert from "node:assert/strict";
import fc from "fast-check";
import { named } from "../../key.ts";
import { edited, EMPTY, type Field, fieldOf } from "./field.ts";

function pressed(field: Field, ...keys: readonly string[]): Field {
  return keys.reduce((at, key) => edited(at, named(key)) ?? at, field);
}

Deno.test("a field is typed into and edited at its cursor", () => {
  assert.deepEqual(pressed(EMPTY, "a", "b", "left", "x"), { text: "axb", at: 2 });
  assert.deepEqual(pressed(fieldOf("axb"), "left", "backspace"), { text: "ab", at: 1 });
  assert.deepEqual(pressed(fieldOf("abc"), "home", "delete", "end", "d"), { text: "bcd", at: 3 });
  assert.deepEqual(pressed(fieldOf("abc"), "left", "ctrl-u"), { text: "c", at: 0 });
  assert.deepEqual(pressed(fieldOf("abc"), "ctrl-a", "right", "ctrl-k"), { text: "a", at: 1 });
  assert.equal(edited(EMPTY, named("f5")), undefined);
});

Deno.test("what is pasted becomes one line, with its own blanks", () => {
  assert.deepEqual(
    edited(EMPTY, { text: "ssh-ed25519 AAAA me@host\n" }),
    fieldOf("ssh-ed25519 AAAA me@host"),
  );
  assert.deepEqual(edited(fieldOf("a"), { text: " b\nc" }), fieldOf("a b c"));
});

Deno.test("whatever is pressed, the cursor stays in the text", () => {
  const key = fc.oneof(
    fc.constantFrom("left", "right", "home", "end", "backspace", "delete", "ctrl-u", "ctrl-k", "space").map(
      named,
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).map((text) => ({ text })),
  );
  fc.assert(fc.property(fc.array(key), (keys) => {
    const { text, at } = keys.reduce<Field>((field, one) => edited(field, one) ?? field, EMPTY);
    assert.ok(at >= 0 && at <= [...text].length && !/[\r\n]/.test(text));
  }));
});
