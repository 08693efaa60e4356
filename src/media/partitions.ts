/** Partition tables: GPT (UEFI 2.10, 5.3) and MBR. */
import type { RandomAccess } from "./access.ts";
import { Fields, latin1 } from "./fields.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { PartitionReport } from "./report.ts";

export interface PartitionTable {
  readonly table: "gpt" | "mbr";
  readonly partitions: readonly PartitionReport[];
  /** Byte at which the last partition ends. */
  readonly endBytes: number;
}

const TYPES: Readonly<Record<string, string>> = {
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
  "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
  "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
  "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
  "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux boot",
  "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
  "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
  "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Windows data",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Windows reserved",
  "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
};
const MAX_ENTRIES = 128, MBR_BYTES = 512;

/** The partition table, or undefined when there is none that makes sense. */
export async function readPartitions(access: RandomAccess): Promise<PartitionTable | undefined> {
  for (const sectorBytes of [512, 4096]) {
    const header = new Fields(await access.read(sectorBytes, 92), "the GPT");
    if (header.length === 92 && header.latin1(0, 8) === "EFI PART") {
      return await readGpt(access, header, sectorBytes);
    }
  }
  const mbr = new Fields(await access.read(0, MBR_BYTES), "the MBR");
  return mbr.length === MBR_BYTES ? readMbr(mbr, access.size) : undefined;
}

async function readGpt(access: RandomAccess, header: Fields, sectorBytes: number): Promise<PartitionTable> {
  const at = header.u64(72) * sectorBytes,
    count = Math.min(header.u32(80), MAX_ENTRIES),
    step = header.u32(84);
  const partitions: PartitionReport[] = [];
  let endBytes = 0;
  if (step < 128 || step > 4096) return { table: "gpt", partitions, endBytes };
  const list = new Fields(await access.read(at, count * step), "the GPT");
  for (let entry = 0; entry + 128 <= list.length; entry += step) {
    const type = guid(list, entry);
    if (/^[0-]+$/.test(type)) continue;
    const first = list.u64(entry + 32), last = list.u64(entry + 40);
    endBytes = Math.max(endBytes, (last + 1) * sectorBytes);
    partitions.push({
      name: sanitizeLine(
        new TextDecoder("utf-16le").decode(list.slice(entry + 56, 72)).replace(/\0.*$/s, ""),
        36,
      ),
      type: TYPES[type] ?? type,
      bytes: Math.max(0, (last - first + 1) * sectorBytes),
    });
  }
  return { table: "gpt", partitions, endBytes };
}

/** Only what can be meant as one: flags of 0 or 80h, types that are not 0, inside the disk. */
function readMbr(mbr: Fields, size: number): PartitionTable | undefined {
  if (mbr.u16(510) !== 0xaa55) return undefined;
  const partitions: PartitionReport[] = [];
  let endBytes = 0;
  for (let at = 446; at < 510; at += 16) {
    const flag = mbr.u8(at), type = mbr.u8(at + 4), first = mbr.u32(at + 8), count = mbr.u32(at + 12);
    if (flag !== 0 && flag !== 0x80) return undefined;
    if (type === 0 || count === 0) continue;
    if (first * 512 > size) return undefined;
    endBytes = Math.max(endBytes, (first + count) * 512);
    partitions.push({ name: "", type: `type ${type.toString(16).padStart(2, "0")}h`, bytes: count * 512 });
  }
  return partitions.length > 0 ? { table: "mbr", partitions, endBytes } : undefined;
}

/** The first three fields stand with their lowest byte first. */
function guid(fields: Fields, at: number): string {
  const hex = (from: number, length: number) =>
    [...latin1(fields.slice(from, length))].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0"));
  const swapped = (from: number, length: number) => hex(from, length).reverse().join("");
  return [
    swapped(at, 4),
    swapped(at + 4, 2),
    swapped(at + 6, 2),
    hex(at + 8, 2).join(""),
    hex(at + 10, 6).join(""),
  ].join("-");
}
