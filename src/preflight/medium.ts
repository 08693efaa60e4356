/**
 * What lies at the path of an install medium. Everything that is asked of one goes through here: from its first bytes it is told
 * whether it is a disc image at all, and what was saved instead.
 */
import { fail } from "../core/problem.ts";
import { fileFacts, readStart } from "../ports/folders.ts";

export interface MediumLook {
  /** `unknown`: a disc image that was not looked into further. */
  readonly kind: "windows" | "virtio-win" | "linux-live" | "iso" | "disk-image" | "not-a-medium" | "unknown";
  readonly bytes: number;
  /** What it is, in a few words. */
  readonly title: string;
  /** It is damaged, or not what it pretends to be. */
  readonly problems: readonly { readonly message: string }[];
  /** Whole, but perhaps not what is wanted. */
  readonly warnings: readonly { readonly message: string }[];
}

/** Volume descriptors begin at sector 16 of 2048 bytes. ECMA-119 8.1, ECMA-167 2/8.3 */
const DESCRIPTORS_AT = 16 * 2048;
const SECTORS_READ = 16;

/** Looks at a regular file, symbolic links followed. Failure `not_found`; lets through that it may not be read. */
export async function lookAtMedium(path: string): Promise<MediumLook> {
  const facts = await fileFacts(path);
  if (!facts) fail("not_found", `there is no file ${path}`, { path });
  const start = await readStart(path, DESCRIPTORS_AT + SECTORS_READ * 2048);
  return { bytes: facts.size, ...whatIs(start) };
}

/** Pure: what these first bytes are. */
export function whatIs(start: Uint8Array): Omit<MediumLook, "bytes"> {
  const disc = (title: string) => ({ kind: "unknown", title, problems: [], warnings: [] }) as const;
  const not = (title: string) =>
    ({
      kind: "not-a-medium",
      title,
      problems: [{ message: `it is ${title}, no disc image` }],
      warnings: [],
    }) as const;
  if (start.length === 0) return not("an empty file");
  const ids = new Set<string>();
  for (let sector = 0; sector < SECTORS_READ; sector++) {
    const at = DESCRIPTORS_AT + sector * 2048 + 1;
    ids.add(latin1(start.subarray(at, at + 5)));
  }
  if (ids.has("NSR02") || ids.has("NSR03")) return disc("a disc image (UDF)");
  if (ids.has("CD001")) return disc("a disc image (ISO 9660)");
  const head = latin1(start.subarray(0, 512)).trimStart().toLowerCase();
  if (head.startsWith("<!doctype html") || head.startsWith("<html")) return not("a saved web page");
  return not(latin1(start.subarray(0, 4)) === "PK\x03\x04" ? "a ZIP archive" : "something else");
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
