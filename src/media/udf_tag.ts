/** Descriptor tags of UDF: ECMA-167 3/7.2 and 4/7.2. */
import { damaged, type RandomAccess, readExactly } from "./access.ts";
import { Fields } from "./fields.ts";

export const TAG = {
  primaryVolume: 1,
  anchor: 2,
  partition: 5,
  logicalVolume: 6,
  terminating: 8,
  fileSet: 256,
  fileIdentifier: 257,
  allocationExtent: 258,
  fileEntry: 261,
  extendedFileEntry: 266,
} as const;
export type TagId = (typeof TAG)[keyof typeof TAG];

/** The descriptor at `offset`; a Failure unless its tag is one of `wanted` and its checksum and CRC are right. */
export async function taggedAt(
  access: RandomAccess,
  offset: number,
  bytes: number,
  wanted: readonly TagId[],
  what: string,
): Promise<Fields> {
  const fields = new Fields(await readExactly(access, offset, bytes, what), what);
  const why = tagFault(fields);
  if (why !== undefined) damaged(`${what} at byte ${offset} is damaged: ${why}`);
  const id = fields.u16(0);
  if (!wanted.some((one) => one === id)) {
    damaged(`${what} is missing: at byte ${offset} there is something else`);
  }
  return fields;
}

/** What is wrong with a tag or the bytes that it vouches for; undefined when nothing is. */
export function tagFault(fields: Fields): string | undefined {
  let sum = 0;
  for (let at = 0; at < 16; at++) if (at !== 4) sum += fields.u8(at);
  if ((sum & 0xff) !== fields.u8(4)) return "the checksum of its tag is wrong";
  const covered = fields.u16(10);
  if (16 + covered > fields.length) return "its CRC covers more than there is";
  return crc(fields.slice(16, covered)) === fields.u16(8) ? undefined : "its CRC is wrong";
}

/** CRC of ITU-T V.41 (polynomial 0x1021, start 0). ECMA-167 3/7.2.6 */
export function crc(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) value = (value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1) & 0xffff;
  }
  return value;
}
