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
import { Fields, latin1, ucs2be } from "./fields.ts";
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
    (joliet ? ucs2be(sector.slice(at, length)) : sector.latin1(at, length)).replace(/[\0 ]+$/, "");
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

/** One directory record, or undefined where its length says that there is none. `more`: another part of the file follows. */
function readRecord(
  fields: Fields,
  at: number,
  blockBytes: number,
  joliet: boolean,
): IsoEntry & { readonly more: boolean; readonly systemUse: Uint8Array } | undefined {
  const length = fields.u8(at);
  if (length < 34) return undefined;
  const record = new Fields(fields.slice(at, length), "a directory record");
  const nameBytes = record.u8(32), flags = record.u8(25);
  const raw = record.slice(33, nameBytes);
  const size = record.u32(10);
  const offset = (record.u32(2) + record.u8(1)) * blockBytes;
  const systemUse = 33 + nameBytes + (nameBytes % 2 === 0 ? 1 : 0);
  return {
    name: nameOf(raw, joliet),
    directory: (flags & 2) !== 0,
    size,
    extents: [{ offset, length: size }],
    more: (flags & 0x80) !== 0,
    systemUse: record.bytes.subarray(systemUse),
  };
}

/** Without `;1`, and without the dot that ends a name without an extension. */
function nameOf(raw: Uint8Array, joliet: boolean): string {
  if (raw.length === 1 && raw[0] === 0) return ".";
  if (raw.length === 1 && raw[0] === 1) return "..";
  return (joliet ? ucs2be(raw) : latin1(raw)).replace(/;\d+$/, "").replace(/(?<=.)\.$/, "");
}

/** The tree below a volume descriptor. Names of Rock Ridge are used where there are any, but not with Joliet. */
export function isoTree(access: RandomAccess, volume: IsoVolume, rockRidge: boolean): Tree {
  const kind = volume.joliet ? "joliet" : rockRidge ? "rock-ridge" : "iso9660";
  const known = new WeakMap<Entry, IsoEntry>();
  const list = async (directory?: Entry): Promise<readonly Entry[]> => {
    const from = directory ? known.get(directory) : volume.root;
    if (!from || !from.directory) return [];
    const found = await readDirectory(access, from, volume, rockRidge && !volume.joliet);
    return found.map((one) => {
      const entry: Entry = {
        name: one.name,
        directory: one.directory,
        place: one.extents[0]?.offset ?? 0,
        open: () => Promise.resolve(fileOf(access, one)),
      };
      known.set(entry, one);
      places.set(entry, one.extents);
      return entry;
    });
  };
  return { kind, label: volume.label, list };
}

const places = new WeakMap<Entry, readonly Extent[]>();

/** Where an entry of an ISO tree lies; nothing is known of entries of other trees. */
export function isoExtents(entry: Entry): readonly Extent[] {
  return places.get(entry) ?? [];
}

function fileOf(access: RandomAccess, entry: IsoEntry): FileData {
  return overExtents(access, entry.extents, entry.size);
}

/** Whether the root says that Rock Ridge is used: SUSP's indicator in its own record. */
export async function hasRockRidge(access: RandomAccess, volume: IsoVolume): Promise<boolean> {
  const at = volume.root.extents[0]?.offset ?? 0;
  const bytes = await access.read(at, SECTOR);
  if (bytes.length < SECTOR) return false;
  const own = readRecord(new Fields(bytes, "the root directory"), 0, volume.blockBytes, false);
  const use = own?.systemUse ?? new Uint8Array(0);
  return latin1(use.subarray(0, 2)) === "SP" && use[4] === 0xbe && use[5] === 0xef;
}

async function readDirectory(
  access: RandomAccess,
  directory: IsoEntry,
  volume: IsoVolume,
  rockRidge: boolean,
): Promise<IsoEntry[]> {
  const size = Math.min(directory.size, MAX_DIRECTORY_BYTES);
  const data = overExtents(access, directory.extents, directory.size);
  const found: IsoEntry[] = [];
  let parts: Extent[] = [];
  // A record never crosses a sector, so that one sector after the other is enough.
  for (let at = 0; at < size && found.length < MAX_ENTRIES; at += SECTOR) {
    const what = directory.name === "" ? "the root directory" : "a directory";
    const sector = new Fields(await readExactly(data, at, Math.min(SECTOR, size - at), what), what);
    for (let within = 0; within < sector.length;) {
      const record = readRecord(sector, within, volume.blockBytes, volume.joliet);
      if (!record) break;
      within += sector.u8(within);
      if (record.name === "." || record.name === "..") continue;
      parts.push(...record.extents);
      if (record.more) continue;
      const name = rockRidge ? await rockRidgeName(access, record.systemUse, volume.blockBytes) : undefined;
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      found.push({ name: name ?? record.name, directory: record.directory, size: total, extents: parts });
      parts = [];
    }
  }
  return found;
}
