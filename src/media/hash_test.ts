import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { hashFile, parseSha256 } from "./hash.ts";

Deno.test("hashFile() gives the SHA-256, tells how far it is, and can be called off", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(3 * 1024 * 1024));
    const told: number[] = [];
    await hashFile(path, (bytes) => told.push(bytes));
    assert.equal(told.at(-1), 3 * 1024 * 1024);
    assert.deepEqual(told, [...told].sort((a, b) => a - b));
    const stop = new AbortController();
    const stopped = hashFile(path, () => stop.abort(), stop.signal);
    await assert.rejects(stopped, (error) => error instanceof Failure && error.code === "cancelled");
    await Deno.writeTextFile(path, "abc");
    // FIPS 180-2, B.1
    assert.equal(await hashFile(path), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("parseSha256() takes 64 hexadecimal digits in any case, and nothing else", () => {
  assert.equal(parseSha256(` ${"Ab".repeat(32)}\n`), "ab".repeat(32));
  for (const text of ["", "ab", "g".repeat(64), "a".repeat(65)]) assert.equal(parseSha256(text), undefined);
});
