import assert from "node:assert/strict";
import { exactTextOf, named, textOf } from "./key.ts";

Deno.test("what is pasted becomes one line without anything that a terminal obeys", () => {
  const told = [
    ["vm/web.toml\r\n", "vm/web.toml"],
    [" a\r\nb\tc ", " a b c "],
    ["\x1b]0;owned\x07we\x1b[2Jb\u202e\x00", "web"],
  ] as const;
  for (const [pasted, text] of told) assert.equal(textOf({ text: pasted }), text);
  assert.equal(textOf(named("\u202e")), "");
});

Deno.test("a key types itself, a named one nothing, and a password is taken as it came", () => {
  assert.deepEqual(["a", "ä", "space", "enter", "ctrl-u"].map((name) => textOf(named(name))), [
    ...["a", "ä", " "],
    ...[undefined, undefined],
  ]);
  assert.equal(exactTextOf({ text: "a\tb\u200b" }), "a\tb\u200b");
});
