/**
 * UDF as DVDs and Windows' media have it (OSTA UDF 1.02 to 2.01 on ECMA-167): one plain partition, read-only. Descriptors
 * are taken only with their checksum and CRC.
 */
import { sanitizeLine } from "../core/sanitize.ts";
import { damaged, damageOf, type FileData, type RandomAccess, readExactly } from "./access.ts";
import { Fields, latin1 } from "./fields.ts";
import { type Entry, MAX_DIRECTORY_BYTES, MAX_ENTRIES, type Tree } from "./tree.ts";
import { fileOfIcb, type UdfPartition } from "./udf_file.ts";
import { TAG, taggedAt, type TagId } from "./udf_tag.ts";

const SECTOR = 2048;
/** Descriptors of a sequence that are looked at; real ones have six. */
const MAX_SEQUENCE = 32;
const MAX_SEQUENCE_BYTES = MAX_SEQUENCE * SECTOR;

export interface UdfVolume {
  readonly label: string;
  readonly partition: UdfPartition;
  /** End of the partition in bytes from the medium's start. */
  readonly endBytes: number;
  /** Block of the root directory's file entry, within the partition. */
  readonly rootBlock: number;
}

/** Whether the volume recognition sequence names UDF (ECMA-167 2/9): `NSR02` or `NSR03` between `BEA01` and `TEA01`. */
export async function hasUdf(access: RandomAccess): Promise<boolean> {
  for (let n = 16; n < 16 + MAX_SEQUENCE; n++) {
    const id = latin1((await access.read(n * SECTOR, 6)).subarray(1));
    if (id === "NSR02" || id === "NSR03") return true;
    if (!["CD001", "BEA01", "BOOT2", "CDW02"].includes(id)) return false;
  }
  return false;
}

/** Reads anchor, volume descriptors and file set; a Failure says what is missing or damaged. */
export async function readUdf(access: RandomAccess): Promise<UdfVolume> {
  const anchor = await findAnchor(access);
  const sequence = await readSequence(access, anchor);
  const logical = sequence.get(TAG.logicalVolume), partition = sequence.get(TAG.partition);
  if (!logical) damaged("UDF's logical volume descriptor is missing or damaged");
  if (!partition) damaged("UDF's partition descriptor is missing or damaged");
  const blockBytes = logical.u32(212);
  if (![512, 1024, 2048, 4096].includes(blockBytes)) {
    damaged(`UDF's blocks of ${blockBytes} bytes are not read`);
  }
  const mapType = logical.u8(440);
  if (mapType !== 1) damaged(`UDF's partition map of type ${mapType} is not read, only plain ones are`);
  const start = partition.u32(188) * SECTOR, length = partition.u32(192) * SECTOR;
  const where: UdfPartition = { access, start, length, blockBytes };
  const set = await taggedAt(
    access,
    start + logical.u32(252) * blockBytes,
    blockBytes,
    [TAG.fileSet],
    "UDF's file set",
  );
  return {
    label: dstring(logical, 84, 128),
    partition: where,
    endBytes: start + length,
    rootBlock: set.u32(404),
  };
}

/** The anchor says where the descriptors are. It stands at sector 256, and at the end or 256 before it. ECMA-167 3/8.4.2 */
async function findAnchor(access: RandomAccess): Promise<Fields> {
  const last = Math.floor(access.size / SECTOR) - 1;
  let why = "";
  for (const sector of [256, last, last - 256, 512]) {
    try {
      return await taggedAt(access, sector * SECTOR, SECTOR, [TAG.anchor], "UDF's anchor");
    } catch (error) {
      const one = damageOf(error);
      why ||= one;
    }
  }
  return damaged(why);
}

/** The main volume descriptors, or where they are damaged the reserve. */
async function readSequence(access: RandomAccess, anchor: Fields): Promise<Map<TagId, Fields>> {
  const found = new Map<TagId, Fields>();
  for (const at of [16, 24]) {
    const length = Math.min(anchor.u32(at), MAX_SEQUENCE_BYTES), start = anchor.u32(at + 4) * SECTOR;
    for (let offset = 0; offset < length; offset += SECTOR) {
      try {
        const wanted = [TAG.primaryVolume, TAG.logicalVolume, TAG.partition, TAG.terminating] as const;
        const one = await taggedAt(access, start + offset, SECTOR, wanted, "a volume descriptor of UDF");
        const id = wanted.find((tag) => tag === one.u16(0));
        if (id === TAG.terminating) break;
        if (id !== undefined && !found.has(id)) found.set(id, one);
      } catch (error) {
        damageOf(error); // one of another kind, or a damaged one: what is needed may still come
      }
    }
    if (found.has(TAG.logicalVolume) && found.has(TAG.partition)) break;
  }
  return found;
}

export function udfTree(volume: UdfVolume): Tree {
  return {
    kind: "udf",
    label: volume.label,
    async list(directory) {
      if (directory === undefined) return await readDirectory(volume, volume.rootBlock);
      return directory instanceof UdfEntry && directory.directory
        ? await readDirectory(volume, directory.place)
        : [];
    },
  };
}

class UdfEntry implements Entry {
  constructor(
    readonly partition: UdfPartition,
    readonly name: string,
    readonly directory: boolean,
    /** Block of its file entry. */
    readonly place: number,
  ) {}

  async open(): Promise<FileData> {
    return (await fileOfIcb(this.partition, this.place, `'${sanitizeLine(this.name, 80)}'`)).data;
  }
}

/** File identifier descriptors, one after the other, padded to 4 bytes. ECMA-167 4/14.4 */
async function readDirectory(volume: UdfVolume, block: number): Promise<UdfEntry[]> {
  const what = "a directory of UDF";
  const { data, directory } = await fileOfIcb(volume.partition, block, what);
  if (!directory) damaged(`${what} is none`);
  if (data.size > MAX_DIRECTORY_BYTES) damaged(`${what} claims to be ${data.size} bytes long`);
  const all = new Fields(await readExactly(data, 0, data.size, what), what);
  const found: UdfEntry[] = [];
  for (let at = 0; at + 38 <= all.length && found.length < MAX_ENTRIES;) {
    if (all.u16(at) !== TAG.fileIdentifier) damaged(`${what} holds something else at byte ${at}`);
    const characteristics = all.u8(at + 18), nameBytes = all.u8(at + 19), useBytes = all.u16(at + 36);
    const icb = all.u32(at + 24);
    const name = cs0(all, at + 38 + useBytes, nameBytes);
    at += (38 + useBytes + nameBytes + 3) & ~3;
    // 8: the directory above; 4: deleted.
    if ((characteristics & 12) === 0) {
      found.push(new UdfEntry(volume.partition, name, (characteristics & 2) !== 0, icb));
    }
  }
  return found;
}

/** OSTA compressed Unicode: the first byte says how many bits a character has. UDF 2.1.1 */
export function cs0(fields: Fields, at: number, length: number): string {
  const bits = length === 0 ? 0 : fields.u8(at);
  if (bits === 8 || bits === 254) return fields.latin1(at + 1, length - 1);
  if (bits === 16 || bits === 255) return fields.ucs2be(at + 1, length - 1);
  return "";
}

/** A string in a field of fixed size; its last byte is the length that is used. ECMA-167 1/7.2.12 */
function dstring(fields: Fields, at: number, length: number): string {
  const used = Math.min(fields.u8(at + length - 1), length - 1);
  return cs0(fields, at, used).replace(/\0+$/, "");
}
