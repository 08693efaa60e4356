import assert from "node:assert/strict";
import { Secret } from "./secret.ts";

Deno.test("a secret gives its text to whoever asks for it, and to nobody else", () => {
  const secret = new Secret("correct horse");
  assert.deepEqual([secret.reveal(), secret.length], ["correct horse", 13]);
  const seen = [JSON.stringify({ secret }), Deno.inspect({ secret }), `${secret}`, String(secret)];
  for (const text of seen) assert.ok(!text.includes("horse") && text.includes("[hidden]"), text);
  assert.deepEqual(Object.keys(secret), []);
});
