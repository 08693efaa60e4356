/** Files of UDF: file entries and where their contents lie. ECMA-167 4/14.9, 4/14.17, 4/14.14 */
import {
  damaged,
  type Extent,
  type FileData,
  MAX_PIECE,
  overExtents,
  type RandomAccess,
  readExactly,
} from "./access.ts";
import { Fields } from "./fields.ts";
import { TAG, taggedAt } from "./udf_tag.ts";

export interface UdfPartition {
  readonly access: RandomAccess;
  /** Bytes from the start of the medium. */
  readonly start: number;
  readonly length: number;
  readonly blockBytes: number;
}

export interface UdfFile {
  readonly data: FileData;
  readonly directory: boolean;
}

/** Where contents lie: in short (8 bytes) or long (16 bytes) descriptors, or in the file entry itself. UDF 2.3.6, 2.3.10 */
type DescriptorKind = "short" | "long" | "embedded";

/** A file of 1 TiB in the longest extents has 1,025; a fragmented one may have more. */
const MAX_EXTENTS = 16_384;
/** Each continuation holds at least a hundred. */
const MAX_CONTINUED = 128;
const DIRECTORY = 4;

/** The file whose entry stands in `block` of the partition. */
export async function fileOfIcb(partition: UdfPartition, block: number, what: string): Promise<UdfFile> {
  const at = partition.start + block * partition.blockBytes;
  const tags = [TAG.fileEntry, TAG.extendedFileEntry] as const;
  const entry = await taggedAt(partition.access, at, partition.blockBytes, tags, `the entry of ${what}`);
  const extended = entry.u16(0) === TAG.extendedFileEntry;
  const directory = entry.u8(27) === DIRECTORY;
  const size = entry.u64(56);
  const attributes = entry.u32(extended ? 208 : 168), bytes = entry.u32(extended ? 212 : 172);
  const start = (extended ? 216 : 176) + attributes;
  const kind = kindOf(entry.u16(34) & 7);
  if (!kind) return damaged(`the contents of ${what} are described in a way that is not read`);
  if (kind === "embedded") {
    entry.slice(start, bytes);
    return {
      directory,
      data: overExtents(partition.access, [{ offset: at + start, length: bytes }], Math.min(size, bytes)),
    };
  }
  const extents = await readExtents(partition, entry.slice(start, bytes), kind, what);
  const recorded = extents.reduce((sum, extent) => sum + extent.length, 0);
  if (recorded < size) damaged(`${what} claims ${size} bytes, and ${recorded} are recorded`);
  return { directory, data: overExtents(partition.access, extents, size) };
}

function kindOf(flag: number): DescriptorKind | undefined {
  return ([["short", 0], ["long", 1], ["embedded", 3]] as const).find(([, value]) => value === flag)?.[0];
}

/** All extents, those that stand in further blocks included. */
export async function readExtents(
  partition: UdfPartition,
  bytes: Uint8Array,
  kind: "short" | "long",
  what: string,
): Promise<Extent[]> {
  const extents: Extent[] = [];
  let list = bytes;
  for (let turn = 0; turn <= MAX_CONTINUED; turn++) {
    const { found, next } = parseExtents(partition, list, kind);
    extents.push(...found);
    if (extents.length > MAX_EXTENTS) break;
    if (!next) return extents;
    const whole = new Fields(
      await readExactly(partition.access, next.offset, Math.min(next.length, MAX_PIECE), what),
      what,
    );
    if (whole.u16(0) !== TAG.allocationExtent) damaged(`the list of the parts of ${what} is damaged`);
    list = whole.slice(24, whole.u32(20));
  }
  return damaged(`${what} is in more parts than are followed`);
}

interface Parsed {
  readonly found: readonly Extent[];
  /** Where the list goes on. */
  readonly next?: Extent;
}

/** The upper two bits of a length say what the extent is. ECMA-167 4/14.14.1.1 */
export function parseExtents(
  partition: Pick<UdfPartition, "start" | "blockBytes">,
  bytes: Uint8Array,
  kind: "short" | "long",
): Parsed {
  const step = kind === "short" ? 8 : 16;
  const list = new Fields(bytes, "a list of extents");
  const found: Extent[] = [];
  for (let at = 0; at + step <= bytes.length; at += step) {
    const raw = list.u32(at), length = raw & 0x3fffffff, type = raw >>> 30;
    if (length === 0) break;
    const offset = partition.start + list.u32(at + 4) * partition.blockBytes;
    if (type === 3) return { found, next: { offset, length } };
    found.push(type === 0 ? { offset, length } : { offset, length, blank: true });
  }
  return { found };
}
