/**
 * Windows Imaging files: `install.wim`, `install.swm` (one part of several) and `install.esd`. Only header and description are
 * read. Microsoft, Windows Imaging File Format (WIM), and the same header with version 0xE00 for ESD.
 */
import { damaged, type RandomAccess, readExactly } from "./access.ts";
import { Fields } from "./fields.ts";
import { formatBytes } from "../core/units.ts";
import { parseWimXml, type WimImage } from "./wim_xml.ts";

export type { WimImage } from "./wim_xml.ts";

export interface WimFacts {
  /** Bytes of the whole file. */
  readonly bytes: number;
  readonly compression: "none" | "xpress" | "lzx" | "lzms" | "unknown";
  readonly part: number;
  readonly parts: number;
  readonly images: readonly WimImage[];
  /** What does not fit together, one sentence each. */
  readonly faults: readonly string[];
}

const HEADER_BYTES = 208;
/** Real ones have 10 to 200 KB. */
const MAX_XML = 1024 * 1024;
const RESOURCE_COMPRESSED = 4;

/** Whether these bytes begin a WIM. */
export function isWim(start: Uint8Array): boolean {
  return start.length >= 8 && new TextDecoder("latin1").decode(start.subarray(0, 8)) === "MSWIM\0\0\0";
}

interface Resource {
  readonly offset: number;
  readonly bytes: number;
  readonly originalBytes: number;
  readonly flags: number;
}

/** Reads a WIM. A Failure says what makes it unreadable; what merely does not fit together stands in `faults`. */
export async function readWim(access: RandomAccess): Promise<WimFacts> {
  const header = new Fields(
    await readExactly(access, 0, HEADER_BYTES, "the WIM's header"),
    "the WIM's header",
  );
  if (!isWim(header.bytes)) damaged("it does not begin like a WIM");
  if (header.u32(8) < HEADER_BYTES) damaged(`the WIM's header claims to be ${header.u32(8)} bytes long`);
  const flags = header.u32(16), part = header.u16(40), parts = header.u16(42), count = header.u32(44);
  const table = resource(header, 48), xml = resource(header, 72);
  if ((xml.flags & RESOURCE_COMPRESSED) !== 0) {
    damaged("the WIM's description is compressed, which no tool makes");
  }
  if (xml.bytes === 0) damaged("the WIM has no description");
  if (xml.bytes > MAX_XML) damaged(`the WIM's description claims to be ${formatBytes(xml.bytes)} long`);
  const text = await readExactly(access, xml.offset, xml.bytes, "the WIM's description");
  const parsed = parseWimXml(new TextDecoder("utf-16le").decode(text));
  if (!parsed.ok) damaged(`the WIM's description is damaged: ${parsed.error}`);
  const images = parsed.value;
  const faults: string[] = [];
  if (part === 0 || part > parts) faults.push(`it says that it is part ${part} of ${parts}`);
  if (images.length !== count) {
    faults.push(`its header counts ${count} images, its description ${images.length}`);
  }
  if (xml.originalBytes !== xml.bytes) faults.push("its header gives two sizes for its description");
  if (table.offset + table.bytes > access.size) {
    faults.push(
      `its table of contents should end at byte ${
        table.offset + table.bytes
      }, and it is ${access.size} bytes long`,
    );
  }
  return { bytes: access.size, compression: compressionOf(flags), part, parts, images, faults };
}

/** Size in 7 bytes, flags in one, offset, size when it is unpacked. */
function resource(header: Fields, at: number): Resource {
  const high = header.u32(at + 4) & 0xffffff;
  return {
    bytes: high * 2 ** 32 + header.u32(at),
    flags: header.u8(at + 7),
    offset: header.u64(at + 8),
    originalBytes: header.u64(at + 16),
  };
}

function compressionOf(flags: number): WimFacts["compression"] {
  if ((flags & 2) === 0) return "none";
  if ((flags & 0x20000) !== 0) return "xpress";
  if ((flags & 0x40000) !== 0) return "lzx";
  return (flags & 0x80000) === 0 ? "unknown" : "lzms";
}
