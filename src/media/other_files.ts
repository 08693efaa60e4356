/** Files that are saved under the name of a medium and are none: named for what they are, with what to do. */
import { latin1 } from "./fields.ts";

export interface OtherFile {
  /** `a web page (HTML)`. */
  readonly what: string;
  readonly hint?: string;
}

interface Magic {
  readonly bytes: string;
  readonly at?: number;
  readonly what: string;
  readonly hint?: string;
}

const UNPACK = "unpack it, and inspect what comes out";
const NOT_THIS = "this is not the file that was wanted; look for the .iso itself";

/** From the formats' own specifications, as libmagic has them too. */
const MAGIC: readonly Magic[] = [
  {
    bytes: "MSWIM\0\0\0",
    what: "a Windows image (WIM) by itself",
    hint: "the medium that it was taken from is needed: it boots, this does not",
  },
  { bytes: "\x1f\x8b", what: "compressed with gzip", hint: UNPACK },
  { bytes: "\xfd7zXZ\0", what: "compressed with xz", hint: UNPACK },
  { bytes: "BZh", what: "compressed with bzip2", hint: UNPACK },
  { bytes: "\x28\xb5\x2f\xfd", what: "compressed with zstd", hint: UNPACK },
  { bytes: "PK\x03\x04", what: "a zip archive", hint: UNPACK },
  { bytes: "7z\xbc\xaf\x27\x1c", what: "a 7z archive", hint: UNPACK },
  { bytes: "Rar!\x1a\x07", what: "a rar archive", hint: UNPACK },
  { bytes: "ustar", at: 257, what: "a tar archive", hint: UNPACK },
  { bytes: "MSCF", what: "a cabinet file", hint: NOT_THIS },
  { bytes: "%PDF-", what: "a PDF document", hint: NOT_THIS },
  { bytes: "\x7fELF", what: "a program for Linux", hint: NOT_THIS },
  {
    bytes: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    what: "a Windows Installer package or an old Office document",
    hint: NOT_THIS,
  },
  { bytes: "\x89PNG", what: "a picture", hint: NOT_THIS },
  {
    bytes: "\xed\xab\xee\xdb",
    what: "an RPM package",
    hint: "the virtio-win package holds the .iso: unpack it with rpm2cpio",
  },
  { bytes: "!<arch>\ndebian", what: "a Debian package", hint: NOT_THIS },
  { bytes: "LUKS\xba\xbe", what: "an encrypted disk (LUKS)" },
  { bytes: "hsqs", what: "a squashfs file system", hint: NOT_THIS },
  { bytes: "\x53\xef", at: 1080, what: "a file system of Linux (ext) without a partition table" },
  { bytes: "ISO\0", what: "an image in the format of a burning program", hint: "make an .iso of it there" },
  { bytes: "d8:announce", what: "a torrent file", hint: "open it in a BitTorrent program to get the medium" },
  { bytes: "d7:comment", what: "a torrent file", hint: "open it in a BitTorrent program to get the medium" },
  { bytes: "-----BEGIN PGP", what: "a signature (PGP)", hint: "it belongs beside the medium" },
  {
    bytes: "MZ",
    what: "a program for Windows",
    hint:
      "Microsoft's Media Creation Tool is one: run it on Windows, or take the .iso from https://www.microsoft.com/software-download/windows11",
  },
];

const SAVED_PAGE = "the link led to a page: open it in a browser, and save what the page's own link leads to";
/** Words that only a checksum file is made of: digest, name; or BSD's `SHA256 (name) = digest`. */
const CHECKSUMS =
  /^(#[^\n]*\n)*\s*([0-9a-f]{32,128}\s+[ *]?\S+|\w+ ?\([^)\n]+\) ?= ?[0-9a-f]{32,128}|[0-9a-f]{32,128})\s*$/im;
/** Share of the sampled bytes that must be text. */
const TEXT_SAMPLE = 4096;

/** What a file is, from its first bytes; `size` is the whole file's. */
export function nameOther(start: Uint8Array, size: number): OtherFile {
  if (size === 0) return { what: "an empty file", hint: "the download has not begun, or the disk was full" };
  const text = latin1(start);
  for (const { bytes, at = 0, what, hint } of MAGIC) {
    if (text.startsWith(bytes, at)) return { what, ...(hint === undefined ? {} : { hint }) };
  }
  if (isText(start.subarray(0, TEXT_SAMPLE))) return nameText(text.slice(0, TEXT_SAMPLE));
  if (start.every((byte) => byte === 0)) {
    return { what: "zeros at its start, where a medium describes itself" };
  }
  return { what: "data of no kind that is known here" };
}

function nameText(text: string): OtherFile {
  const begin = text.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (/^(<!doctype html|<html|<head|<script|<!--[\s\S]{0,400}-->\s*<(!doctype )?html)/i.test(begin)) {
    const title = /<title[^>]*>([^<]{1,200})/i.exec(text)?.[1]?.trim();
    return { what: `a web page (HTML)${title ? `, titled '${title}'` : ""}`, hint: SAVED_PAGE };
  }
  if (/^<\?xml|^<Error>/.test(begin)) return { what: "an XML document", hint: SAVED_PAGE };
  if (/^[{[]/.test(begin)) return { what: "a JSON document", hint: SAVED_PAGE };
  if (/^version https:\/\/git-lfs/.test(begin)) {
    return { what: "a pointer of Git LFS", hint: "fetch it with git lfs pull" };
  }
  if (CHECKSUMS.test(begin.split("\n").slice(0, 8).join("\n").trim())) {
    return { what: "a checksum file", hint: "it belongs beside the medium: compare with --expect-sha256" };
  }
  return { what: "a text file", hint: SAVED_PAGE };
}

/** No control characters but those that texts have; an escape character may be there to deceive a terminal. */
function isText(sample: Uint8Array): boolean {
  const allowed = [9, 10, 12, 13, 27];
  return sample.every((byte) => byte >= 0x20 ? byte !== 0x7f : allowed.includes(byte));
}
