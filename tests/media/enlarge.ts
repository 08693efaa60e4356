/** Makes a file on a UDF medium longer than 4 GiB without writing as much: its middle is a hole, its end lies far behind. */
import assert from "node:assert/strict";
import { crc } from "../../src/media/udf_tag.ts";

const SECTOR = 2048;
/** Longest extent that a descriptor can tell of, in whole sectors. ECMA-167 4/14.14.1.1 */
const LONGEST = 2 ** 30 - SECTOR;

export interface Enlarged {
  /** Size that the file is to have. */
  readonly size: number;
  /** Byte of the medium at which its last part is put. */
  readonly at: number;
  readonly last: Uint8Array;
}

/** Changes the file of `oldSize` bytes on the medium `iso`; its first part stays where it is. */
export async function enlarge(iso: string, oldSize: number, { size, at, last }: Enlarged): Promise<void> {
  using file = await Deno.open(iso, { read: true, write: true });
  const all = await Deno.readFile(iso);
  const view = new DataView(all.buffer);
  const sectorOf = (id: number, fits: (at: number) => boolean) => {
    for (let sector = 0; sector + SECTOR <= all.length; sector += SECTOR) {
      if (view.getUint16(sector, true) === id && fits(sector)) return sector;
    }
    return assert.fail(`no descriptor ${id}`);
  };
  const partition = sectorOf(5, (sector) => view.getUint32(sector + 12, true) === sector / SECTOR);
  const start = view.getUint32(partition + 188, true);
  const entry = sectorOf(261, (sector) => view.getBigUint64(sector + 56, true) === BigInt(oldSize));
  assert.equal(view.getUint16(entry + 34, true) & 7, 0, "short allocation descriptors");
  const first = view.getUint32(entry + 176 + view.getUint32(entry + 168, true) + 4, true);
  const head = Math.ceil(oldSize / SECTOR) * SECTOR;
  const extents: [number, number][] = [[head, first]];
  let hole = size - head - last.length;
  assert.equal(hole % SECTOR, 0, "whole sectors between");
  // Type 2: not allocated and not recorded.
  for (; hole > 0; hole -= Math.min(hole, LONGEST)) extents.push([Math.min(hole, LONGEST) + 2 * 2 ** 30, 0]);
  extents.push([last.length, at / SECTOR - start]);
  const list = entry + 176 + view.getUint32(entry + 168, true);
  extents.forEach(([length, block], n) => {
    view.setUint32(list + 8 * n, length, true);
    view.setUint32(list + 8 * n + 4, block, true);
  });
  view.setUint32(entry + 172, extents.length * 8, true);
  view.setBigUint64(entry + 56, BigInt(size), true);
  view.setUint16(entry + 10, list + extents.length * 8 - entry - 16, true);
  tag(all.subarray(entry, entry + SECTOR));
  await file.write(all);
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(last);
}

/** Makes CRC and checksum of a descriptor right again. */
export function tag(descriptor: Uint8Array): void {
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  view.setUint16(8, crc(descriptor.subarray(16, 16 + view.getUint16(10, true))), true);
  descriptor[4] = 0;
  descriptor[4] = descriptor.subarray(0, 16).reduce((sum, byte) => sum + byte, 0) & 0xff;
}
