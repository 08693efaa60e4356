/**
 * ISO 9660 (ECMA-119), with Joliet names (Microsoft's Joliet specification: a supplementary descriptor in UCS-2) and names of
 * Rock Ridge (IEEE P1282, on top of SUSP, IEEE P1281).
 */
import {
  damaged,
  type Extent,
  type FileData,
  overExtents,
  type RandomAccess,
  readExactly,
} from "./access.ts";
import { Fields, latin1 } from "./fields.ts";
import { rockRidgeName } from "./rock_ridge.ts";
import { type Entry, MAX_DIRECTORY_BYTES, MAX_ENTRIES, type Tree } from "./tree.ts";

export const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
/** Real media have three or four; the list ends with one of its own. */
const MAX_DESCRIPTORS = 64;

/** One volume descriptor that describes a tree. */
export interface IsoVolume {
  readonly joliet: boolean;
  readonly label: string;
  /** Who or what made it, where it says so. */
  readonly application: string;
  readonly publisher: string;
  readonly blockBytes: number;
  /** Size that the descriptor claims for the whole volume. */
  readonly volumeBytes: number;
  readonly root: IsoEntry;
}

export interface IsoDescriptors {
  readonly primary: IsoVolume;
  readonly joliet: IsoVolume | undefined;
  /** Block of El Torito's boot catalogue. */
  readonly bootCatalog: number | undefined;
}

/** A file or directory; ISO 9660 tells where it lies in the directory itself. */
export interface IsoEntry {
  readonly name: string;
  readonly directory: boolean;
  readonly size: number;
  readonly extents: readonly Extent[];
}

/** Whether ISO 9660 begins here at all: `CD001` in the first volume descriptor. */
export async function hasIso9660(access: RandomAccess): Promise<boolean> {
  const bytes = await access.read(FIRST_DESCRIPTOR * SECTOR, 6);
  return latin1(bytes.subarray(1)) === "CD001";
}

/** Reads the volume descriptors; a Failure when there is no usable primary one. */
export async function readIsoDescriptors(access: RandomAccess): Promise<IsoDescriptors> {
  let primary: IsoVolume | undefined, joliet: IsoVolume | undefined, bootCatalog: number | undefined;
  for (let n = 0; n < MAX_DESCRIPTORS; n++) {
    const what = `volume descriptor ${n}`;
    const at = (FIRST_DESCRIPTOR + n) * SECTOR;
    const sector = new Fields(await readExactly(access, at, SECTOR, what), what);
    if (sector.latin1(1, 5) !== "CD001") damaged(`${what} is not one: the list of them has no end`);
    const type = sector.u8(0);
    if (type === 255) break;
    if (type === 0 && sector.latin1(7, 23) === "EL TORITO SPECIFICATION") bootCatalog ??= sector.u32(71);
    if (type === 1) primary ??= readVolume(sector, false);
    if (type === 2 && /^%\/[@CE]/.test(sector.latin1(88, 3))) joliet ??= readVolume(sector, true);
  }
  if (!primary) damaged("there is no primary volume descriptor");
  return { primary, joliet, bootCatalog };
}

function readVolume(sector: Fields, joliet: boolean): IsoVolume {
  const text = (at: number, length: number) =>
    (joliet ? sector.ucs2be(at, length) : sector.latin1(at, length)).replace(/[\0 ]+$/, "");
  const blockBytes = sector.u16(128);
  if (![512, 1024, 2048].includes(blockBytes)) damaged(`blocks of ${blockBytes} bytes are none of ISO 9660`);
  const root = readRecord(sector, 156, blockBytes, joliet);
  if (!root || !root.directory) damaged("the root directory is not described");
  return {
    joliet,
    label: text(40, 32),
    publisher: text(318, 128),
    application: text(574, 128),
    blockBytes,
    volumeBytes: sector.u32(80) * blockBytes,
    root: { ...root, name: "" },
  };
}

interface DirectoryRecord extends IsoEntry {
  /** Another part of the file follows. */
  readonly more: boolean;
  /** Where in the sector its system use area begins, and where the record ends. */
  readonly use: number;
  readonly end: number;
}

/** The directory record at `at`, or undefined where its length says that there is none. No copies are made of its parts. */
function readRecord(
  sector: Fields,
  at: number,
  blockBytes: number,
  joliet: boolean,
): DirectoryRecord | undefined {
  const length = sector.u8(at);
  if (length < 34) return undefined;
  const nameBytes = sector.u8(at + 32), flags = sector.u8(at + 25);
  if (at + length > sector.length || 33 + nameBytes > length) damaged("a directory record is cut off");
  const size = sector.u32(at + 10);
  const offset = (sector.u32(at + 2) + sector.u8(at + 1)) * blockBytes;
  return {
    name: nameOf(sector, at + 33, nameBytes, joliet),
    directory: (flags & 2) !== 0,
    size,
    extents: [{ offset, length: size }],
    more: (flags & 0x80) !== 0,
    use: Math.min(at + length, at + 33 + nameBytes + (nameBytes % 2 === 0 ? 1 : 0)),
    end: at + length,
  };
}

/** Without `;1`, and without the dot that ends a name without an extension. */
function nameOf(sector: Fields, at: number, length: number, joliet: boolean): string {
  if (length === 1 && sector.u8(at) <= 1) return sector.u8(at) === 0 ? "." : "..";
  const name = joliet ? sector.ucs2be(at, length) : sector.latin1(at, length);
  return name.replace(/;\d+$/, "").replace(/(?<=.)\.$/, "");
}

/** The tree below a volume descriptor. Names of Rock Ridge are used where there are any, but not with Joliet. */
export function isoTree(access: RandomAccess, volume: IsoVolume, rockRidge: boolean): Tree {
  const useRockRidge = rockRidge && !volume.joliet;
  return {
    kind: volume.joliet ? "joliet" : useRockRidge ? "rock-ridge" : "iso9660",
    label: volume.label,
    async list(directory) {
      const from = directory instanceof IsoFile
        ? directory
        : directory === undefined
        ? volume.root
        : undefined;
      if (!from || !from.directory) return [];
      return await readDirectory(access, from, volume, useRockRidge);
    },
  };
}

/** A file or directory of an ISO tree. */
class IsoFile implements Entry, IsoEntry {
  constructor(
    readonly access: RandomAccess,
    readonly name: string,
    readonly directory: boolean,
    readonly size: number,
    readonly extents: readonly Extent[],
  ) {}

  get place(): number {
    return this.extents[0]?.offset ?? 0;
  }

  open(): Promise<FileData> {
    return Promise.resolve(overExtents(this.access, this.extents, this.size));
  }
}

/** Where an entry of an ISO tree lies; nothing is known of entries of other trees. */
export function isoExtents(entry: Entry): readonly Extent[] {
  return entry instanceof IsoFile ? entry.extents : [];
}

/** Whether the root says that Rock Ridge is used: SUSP's indicator in its own record. */
export async function hasRockRidge(access: RandomAccess, volume: IsoVolume): Promise<boolean> {
  const at = volume.root.extents[0]?.offset ?? 0;
  const bytes = await access.read(at, SECTOR);
  if (bytes.length < SECTOR) return false;
  const own = readRecord(new Fields(bytes, "the root directory"), 0, volume.blockBytes, false);
  const use = own ? bytes.subarray(own.use, own.end) : new Uint8Array(0);
  return latin1(use.subarray(0, 2)) === "SP" && use[4] === 0xbe && use[5] === 0xef;
}

async function readDirectory(
  access: RandomAccess,
  directory: IsoEntry,
  volume: IsoVolume,
  rockRidge: boolean,
): Promise<IsoFile[]> {
  const size = Math.min(directory.size, MAX_DIRECTORY_BYTES);
  const data = overExtents(access, directory.extents, directory.size);
  const found: IsoFile[] = [];
  let parts: Extent[] = [];
  // A record never crosses a sector, so that one sector after the other is enough.
  for (let at = 0; at < size && found.length < MAX_ENTRIES; at += SECTOR) {
    const what = directory.name === "" ? "the root directory" : "a directory";
    const sector = new Fields(await readExactly(data, at, Math.min(SECTOR, size - at), what), what);
    for (let within = 0; within < sector.length;) {
      const record = readRecord(sector, within, volume.blockBytes, volume.joliet);
      if (!record) break;
      within = record.end;
      if (record.name === "." || record.name === "..") continue;
      parts.push(...record.extents);
      if (record.more) continue;
      const use = rockRidge ? sector.bytes.subarray(record.use, record.end) : undefined;
      const name = use && await rockRidgeName(access, use, volume.blockBytes);
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      found.push(new IsoFile(access, name ?? record.name, record.directory, total, parts));
      parts = [];
    }
  }
  return found;
}
