/** What lies at the path of an install medium, from its first bytes. Everything that is asked of a medium goes through here. */
import { fileFacts, readStart } from "../ports/folders.ts";

export type MediumKind = "iso9660" | "udf" | "html" | "zip" | "empty" | "other";

/** A medium as it was found; undefined kind of absence is `there: false`. */
export type MediumLook =
  | { readonly there: false }
  | { readonly there: true; readonly bytes: number; readonly kind: MediumKind };

/** Volume descriptors begin at sector 16 of 2048 bytes. ECMA-119 8.1, ECMA-167 2/8.3 */
const DESCRIPTORS_AT = 16 * 2048;
const SECTORS_READ = 16;

/** Looks at a regular file, symbolic links followed. Lets through what the kernel says, for example that it may not be read. */
export async function lookAtMedium(path: string): Promise<MediumLook> {
  const facts = await fileFacts(path);
  if (!facts) return { there: false };
  const start = await readStart(path, DESCRIPTORS_AT + SECTORS_READ * 2048);
  return { there: true, bytes: facts.size, kind: mediumKind(start) };
}

/** Pure: what these first bytes are. */
export function mediumKind(start: Uint8Array): MediumKind {
  if (start.length === 0) return "empty";
  const ids = new Set<string>();
  for (let sector = 0; sector < SECTORS_READ; sector++) {
    const at = DESCRIPTORS_AT + sector * 2048 + 1;
    ids.add(latin1(start.subarray(at, at + 5)));
  }
  if (ids.has("NSR02") || ids.has("NSR03")) return "udf";
  if (ids.has("CD001")) return "iso9660";
  const head = latin1(start.subarray(0, 512)).trimStart().toLowerCase();
  if (head.startsWith("<!doctype html") || head.startsWith("<html")) return "html";
  return latin1(start.subarray(0, 4)) === "PK\x03\x04" ? "zip" : "other";
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
