import assert from "node:assert/strict";
import fc from "fast-check";
import { actorOf, CLIENT_HEADER, formatClaim } from "./claim.ts";

const actor = (header: string) => actorOf(new Headers({ [CLIENT_HEADER]: header }));

Deno.test("a request is local, and what a client says of itself is only claimed", () => {
  assert.deepEqual(actorOf(new Headers()), { kind: "local" });
  assert.deepEqual(actor(formatClaim({ pid: 12, uid: 0, command: "vm start" })), {
    kind: "local",
    claimed: { pid: 12, uid: 0, command: "vm start" },
  });
});

Deno.test("a claim that makes no sense is as none, and nobody becomes the supervisor by it", () => {
  for (
    const text of ["", "%", "{", "null", "[]", "7", encodeURIComponent('{"kind":"supervisor"}'), "%22x%22"]
  ) {
    assert.deepEqual(actor(text), { kind: "local" }, text);
  }
  assert.deepEqual(actor(formatClaim({ pid: -1, uid: 1.5, command: "x\n\u001b[2Jy" })), {
    kind: "local",
    claimed: { command: "x y" },
  });
  assert.deepEqual(actor("x".repeat(5000)), { kind: "local" });
});

Deno.test("actorOf() takes any header without throwing", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
    assert.equal(actor(text.trim()).kind, "local");
  }));
});
