/**
 * A GUID partition table with its protective MBR (UEFI specification 2.10, 5.2.3 and 5.3). Pure: gives the sectors at both ends of
 * the disk. Sectors have 512 bytes, as those of QEMU's disks have.
 */
import { fail } from "../../src/core/problem.ts";

export const SECTOR_BYTES = 512;

/** Types of partitions: the UEFI specification's system partition, and Linux's root on x86-64 (Discoverable Partitions). */
export const PARTITION_TYPES = {
  esp: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  linuxRoot: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
} as const;

export interface Partition {
  readonly type: keyof typeof PARTITION_TYPES;
  /** GUID of this partition. */
  readonly id: string;
  readonly name: string;
  /** First and last sector. */
  readonly first: number;
  readonly last: number;
}

export interface PartitionTable {
  /** From the first sector of the disk. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Up to the last sector of the disk. */
  readonly tail: Uint8Array<ArrayBuffer>;
}

const ENTRIES = 128;
const ENTRY_BYTES = 128;
const ARRAY_SECTORS = ENTRIES * ENTRY_BYTES / SECTOR_BYTES;

/** First sector that a partition may have; the last one is as far from the disk's end, less the MBR. */
export const FIRST_USABLE = 2 + ARRAY_SECTORS;

/** The table of a disk with `sectors` sectors. Failure `usage` when a partition does not lie in its usable part. */
export function partitionTable(
  sectors: number,
  diskId: string,
  partitions: readonly Partition[],
): PartitionTable {
  const lastUsable = sectors - FIRST_USABLE;
  for (const { name, first, last } of partitions) {
    if (first < FIRST_USABLE || last > lastUsable || last < first) {
      fail(
        "usage",
        `partition ${name} (sectors ${first} to ${last}) does not lie in ${FIRST_USABLE} to ${lastUsable}`,
      );
    }
  }
  const array = entryArray(partitions);
  const header = (at: number) => gptHeader({ at, sectors, lastUsable, diskId, array });
  const head = new Uint8Array(FIRST_USABLE * SECTOR_BYTES);
  head.set(protectiveMbr(sectors));
  head.set(header(1), SECTOR_BYTES);
  head.set(array, 2 * SECTOR_BYTES);
  const tail = new Uint8Array((ARRAY_SECTORS + 1) * SECTOR_BYTES);
  tail.set(array);
  tail.set(header(sectors - 1), ARRAY_SECTORS * SECTOR_BYTES);
  return { head, tail };
}

function entryArray(partitions: readonly Partition[]): Uint8Array {
  const bytes = new Uint8Array(ENTRIES * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  partitions.forEach(({ type, id, name, first, last }, n) => {
    const at = n * ENTRY_BYTES;
    bytes.set(guidBytes(PARTITION_TYPES[type]), at);
    bytes.set(guidBytes(id), at + 16);
    view.setBigUint64(at + 32, BigInt(first), true);
    view.setBigUint64(at + 40, BigInt(last), true);
    [...name].slice(0, 36).forEach((c, i) => view.setUint16(at + 56 + 2 * i, c.charCodeAt(0), true));
  });
  return bytes;
}

interface HeaderFacts {
  /** Sector that this header is in: 1, or the last one. */
  readonly at: number;
  readonly sectors: number;
  readonly lastUsable: number;
  readonly diskId: string;
  readonly array: Uint8Array;
}

function gptHeader({ at, sectors, lastUsable, diskId, array }: HeaderFacts): Uint8Array {
  const bytes = new Uint8Array(92);
  const view = new DataView(bytes.buffer);
  const sector = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true);
  bytes.set(new TextEncoder().encode("EFI PART"));
  view.setUint32(8, 0x00010000, true); // revision 1.0
  view.setUint32(12, bytes.length, true);
  sector(24, at);
  sector(32, at === 1 ? sectors - 1 : 1);
  sector(40, FIRST_USABLE);
  sector(48, lastUsable);
  bytes.set(guidBytes(diskId), 56);
  sector(72, at === 1 ? 2 : sectors - 1 - ARRAY_SECTORS);
  view.setUint32(80, ENTRIES, true);
  view.setUint32(84, ENTRY_BYTES, true);
  view.setUint32(88, crc32(array), true);
  view.setUint32(16, crc32(bytes), true); // over itself as zero
  return bytes;
}

/** One partition of type 0xEE over the whole disk, so that tools of old leave it alone. */
function protectiveMbr(sectors: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(446 + 8, 1, true);
  view.setUint32(446 + 12, Math.min(sectors - 1, 0xffffffff), true);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

/** The first three fields of a GUID are little-endian (UEFI specification, appendix A). */
export function guidBytes(text: string): Uint8Array {
  const match = /^(.{8})-(.{4})-(.{4})-(.{4})-(.{12})$/.exec(text);
  if (!match || !/^[0-9a-f-]+$/i.test(text)) return fail("usage", `not a GUID: ${text}`);
  const bytes = (hex: string) => [...hex.matchAll(/../g)].map(([pair]) => parseInt(pair, 16));
  const [, a = "", b = "", c = "", d = "", e = ""] = match;
  return Uint8Array.from([
    ...bytes(a).reverse(),
    ...bytes(b).reverse(),
    ...bytes(c).reverse(),
    ...bytes(d),
    ...bytes(e),
  ]);
}

/** CRC-32 as of ISO 3309. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
