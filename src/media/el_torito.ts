/** Boot images of a CD: El Torito Bootable CD-ROM Format Specification 1.0, and UEFI 2.10, 13.3.2.1 for platform 0xEF. */
import { damaged, type RandomAccess, readExactly } from "./access.ts";
import { Fields } from "./fields.ts";

export type BootPlatform = "bios" | "efi" | "powerpc" | "mac" | "other";

export interface BootImage {
  readonly platform: BootPlatform;
  readonly bootable: boolean;
  /** Whether firmware shows it as a floppy or hard disk; EFI images never are. */
  readonly emulation: "none" | "floppy" | "hard-disk" | "other";
  /** Byte at which it begins. */
  readonly offset: number;
  /** Bytes that are loaded, in units of 512. For EFI it may be 0 or 1: the image's own file system says how long it is. */
  readonly load_bytes: number;
}

const PLATFORMS: Readonly<Record<number, BootPlatform>> = { 0: "bios", 1: "powerpc", 2: "mac", 0xef: "efi" };
const CATALOG_BYTES = 2048, ENTRY = 32;

/** The boot images that the catalogue at `block` names; a Failure when it is damaged. */
export async function readBootCatalog(access: RandomAccess, block: number): Promise<BootImage[]> {
  const what = "the boot catalogue";
  return parseBootCatalog(new Fields(await readExactly(access, block * 2048, CATALOG_BYTES, what), what));
}

export function parseBootCatalog(catalog: Fields): BootImage[] {
  let sum = 0;
  for (let at = 0; at < ENTRY; at += 2) sum += catalog.u16(at);
  if (catalog.u8(0) !== 1 || catalog.u8(30) !== 0x55 || catalog.u8(31) !== 0xaa || (sum & 0xffff) !== 0) {
    damaged("the boot catalogue does not begin with a valid entry");
  }
  const images = [readEntry(catalog, ENTRY, PLATFORMS[catalog.u8(1)] ?? "other")];
  for (let at = 2 * ENTRY; at + ENTRY <= catalog.length;) {
    const id = catalog.u8(at);
    // 0x90: a section, and more come; 0x91: the last one.
    if (id !== 0x90 && id !== 0x91) break;
    const platform = PLATFORMS[catalog.u8(at + 1)] ?? "other", count = catalog.u16(at + 2);
    at += ENTRY;
    for (let n = 0; n < count && at + ENTRY <= catalog.length; n++, at += ENTRY) {
      if (catalog.u8(at) === 0x44) n--; // an extension of the entry before
      else images.push(readEntry(catalog, at, platform));
    }
    if (id === 0x91) break;
  }
  return images;
}

function readEntry(catalog: Fields, at: number, platform: BootPlatform): BootImage {
  const media = catalog.u8(at + 1) & 0xf;
  return {
    platform,
    bootable: catalog.u8(at) === 0x88,
    emulation: media === 0 ? "none" : media <= 3 ? "floppy" : media === 4 ? "hard-disk" : "other",
    offset: catalog.u32(at + 8) * 2048,
    load_bytes: catalog.u16(at + 6) * 512,
  };
}

/** What is wrong with the boot images of a medium, one sentence each. */
export async function bootFaults(access: RandomAccess, images: readonly BootImage[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { bootable, offset, platform } of images) {
    if (!bootable) continue;
    const start = new Fields(await access.read(offset, 512), "a boot image");
    if (start.length < 512) faults.push(`the boot image for ${platform} lies beyond the end`);
    else if (platform === "efi" && (start.u8(510) !== 0x55 || start.u8(511) !== 0xaa)) {
      faults.push("the boot image for EFI is no FAT file system");
    }
  }
  return faults;
}
