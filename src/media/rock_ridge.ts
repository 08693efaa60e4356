/** Names of Rock Ridge: `NM` entries in the system use area of a directory record (IEEE P1282, 4.1.4; SUSP, IEEE P1281). */
import type { RandomAccess } from "./access.ts";
import { Fields } from "./fields.ts";

/** Continuation areas followed for one name; mkisofs and xorriso need one. */
const MAX_CONTINUED = 4;
const MAX_NAME = 255;

/** The name, or undefined when the area has none, or it is damaged: the plain name is there then. */
export async function rockRidgeName(
  access: RandomAccess,
  systemUse: Uint8Array,
  blockBytes: number,
): Promise<string | undefined> {
  let area = systemUse, name: string | undefined;
  for (let turn = 0; turn <= MAX_CONTINUED; turn++) {
    const read = readArea(area);
    if (read.name !== undefined) name = (name ?? "") + read.name;
    if (!read.next || read.next.length > blockBytes) break;
    area = await access.read(read.next.block * blockBytes + read.next.offset, read.next.length);
  }
  return name === undefined || name.length > MAX_NAME ? undefined : name;
}

interface Area {
  readonly name?: string;
  readonly next?: { readonly block: number; readonly offset: number; readonly length: number };
}

function readArea(bytes: Uint8Array): Area {
  const parts: Uint8Array[] = [];
  let next: Area["next"];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes[at + 2] ?? 0;
    if (length < 4 || at + length > bytes.length) break;
    const entry = new Fields(bytes.subarray(at, at + length), "a system use entry");
    const signature = entry.latin1(0, 2);
    if (signature === "ST") break;
    if (signature === "CE" && length >= 28) {
      next = { block: entry.u32(4), offset: entry.u32(12), length: entry.u32(20) };
    }
    // Flags 2 and 4 stand for `.` and `..`.
    if (signature === "NM" && length > 5 && (entry.u8(4) & 6) === 0) parts.push(entry.slice(5, length - 5));
    at += length;
  }
  const text = parts.map((part) => new TextDecoder().decode(part)).join("");
  return { ...(parts.length > 0 ? { name: text } : {}), ...(next ? { next } : {}) };
}
