import assert from "node:assert/strict";
import { parseBootCatalog } from "./el_torito.ts";
import { Fields } from "./fields.ts";

/** A catalogue: the validation entry for a platform, then entries of 32 bytes. */
function catalogue(platform: number, entries: readonly (readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(2048), view = new DataView(bytes.buffer);
  bytes.set([1, platform]);
  bytes.set([0x55, 0xaa], 30);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true);
  view.setUint16(28, (0x10000 - sum) & 0xffff, true);
  entries.forEach((entry, n) => bytes.set(entry, 32 * (n + 1)));
  return bytes;
}

const parse = (bytes: Uint8Array) => parseBootCatalog(new Fields(bytes, "the boot catalogue"));
const entry = (
  bootable: number,
  block: number,
  media = 0,
) => [bootable, media, 0, 0, 0, 0, 4, 0, block, 0, 0, 0];

Deno.test("parseBootCatalog() reads the first image and those of sections, by platform", () => {
  const images = parse(
    catalogue(0, [entry(0x88, 20), [0x90, 0xef, 1, 0], entry(0x88, 30), [0x91, 0xef, 1, 0], entry(0, 31, 4)]),
  );
  assert.deepEqual(
    images.map(({ platform, bootable, offset, emulation }) => [platform, bootable, offset / 2048, emulation]),
    [
      ["bios", true, 20, "none"],
      ["efi", true, 30, "none"],
      ["efi", false, 31, "hard-disk"],
    ],
  );
});

Deno.test("parseBootCatalog() steps over extensions of an entry, and ends at the last section", () => {
  const extension = [0x44, 0];
  const images = parse(
    catalogue(0xef, [
      entry(0x88, 20),
      [0x91, 0, 2, 0],
      entry(0x88, 30),
      extension,
      entry(0x88, 31),
      entry(0x88, 99),
    ]),
  );
  assert.deepEqual(images.map((one) => one.offset / 2048), [20, 30, 31]);
});

Deno.test("parseBootCatalog() refuses a first entry that is not valid, and survives a section that claims too much", () => {
  const good = catalogue(0, [entry(0x88, 20), [0x91, 0, 0xff, 0xff]]);
  assert.ok(parse(good).length <= 63);
  for (const at of [0, 30, 31, 5]) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    assert.throws(() => parse(bad), /does not begin with a valid entry/);
  }
});
