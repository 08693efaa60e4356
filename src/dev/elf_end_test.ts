import assert from "node:assert/strict";
import { elfEnd } from "./elf_end.ts";

Deno.test("elfEnd() adds the section header table's size to its place", () => {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setBigUint64(0x28, 1000n, true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 30, true);
  assert.equal(elfEnd(bytes), 1000 + 64 * 30);
});

Deno.test("elfEnd() knows what is not an ELF file", () => {
  assert.equal(elfEnd(new Uint8Array(0)), undefined);
  assert.equal(elfEnd(new Uint8Array(64)), undefined);
});
