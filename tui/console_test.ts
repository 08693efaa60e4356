import assert from "node:assert/strict";
import fc from "fast-check";
import { sanitizeText } from "../src/core/sanitize.ts";
import { consolePiece } from "./console.ts";

function shown(pieces: readonly string[]): string {
  let rest = "", out = "";
  for (const piece of pieces) {
    const next = consolePiece(rest, piece);
    out += next.text;
    rest = next.rest;
  }
  return out + sanitizeText(rest);
}

Deno.test("an escape sequence that comes in two pieces is taken out all the same", () => {
  assert.equal(shown(["login: \x1b[3", "1mroot\x1b[0m"]), "login: root");
  assert.equal(shown(["a\x1b]0;title", " goes on\x07b"]), "ab");
  assert.equal(shown(["a\r", "\nb"]), "a\nb");
});

Deno.test("what is shown does not depend on where the pieces end", () => {
  const parts = fc.constantFrom(
    "a",
    "b\r\n",
    "\x1b[1;31m",
    "\x1b]2;t\x07",
    "\x1b]8;;u\x1b\\",
    "\x9b2J",
    "$ ",
    "\x07",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), fc.nat(), (all, seed) => {
      const text = all.join("");
      const at = text.length === 0 ? 0 : seed % text.length;
      assert.equal(shown([text.slice(0, at), text.slice(at)]), shown([text]));
    }),
  );
});
