import assert from "node:assert/strict";
import { BOOT_SECTORS } from "./boot_sectors.ts";

Deno.test("every boot sector is one: 512 bytes with its signature, and the descriptors where its code looks for them", () => {
  for (const [name, sector] of Object.entries(BOOT_SECTORS)) {
    assert.equal(sector.length, 512, name);
    assert.deepEqual([...sector.subarray(510)], [0x55, 0xaa], name);
    const view = new DataView(sector.buffer);
    assert.deepEqual([view.getUint16(0x1c0, true), view.getUint32(0x1c2, true)], [15, 0x7dc6], name);
    assert.equal(view.getBigUint64(0x1ce, true), 0x00cf92000000ffffn, name);
    const text = new TextDecoder().decode(sector.subarray(0x100, 0x1c0));
    assert.match(text, /^[A-Z ]+\r\n\0/, name);
  }
});
