/**
 * The cpio "newc" format that the Linux kernel unpacks as its initial RAM file system.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
 */

/** One entry of an archive. `path` is relative, without a leading slash; parents come before children. */
export type CpioEntry =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly data: Uint8Array; readonly executable?: boolean }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "device"; readonly path: string; readonly major: number; readonly minor: number };

const TYPE = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const utf8 = new TextEncoder();

/** The archive's bytes. Everything belongs to root, times are 0: the same entries give the same bytes. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const parts = [...entries, undefined].flatMap((entry, at) => entryBytes(entry, at + 1));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** Header, name and content of one entry, each padded to four bytes; undefined is the trailer. */
function entryBytes(entry: CpioEntry | undefined, inode: number): Uint8Array[] {
  const name = utf8.encode(`${entry?.path ?? "TRAILER!!!"}\0`);
  const data = contentOf(entry);
  const device = entry?.kind === "device" ? entry : { major: 0, minor: 0 };
  const fields = [
    entry ? inode : 0,
    entry ? TYPE[entry.kind] | permissionsOf(entry) : 0,
    0, // uid
    0, // gid
    entry?.kind === "folder" ? 2 : 1,
    0, // mtime
    data.length,
    0, // major and minor number of the device that holds the file
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum, unused in this variant
  ];
  const header = utf8.encode("070701" + fields.map((n) => n.toString(16).padStart(8, "0")).join(""));
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

function contentOf(entry: CpioEntry | undefined): Uint8Array {
  if (entry?.kind === "file") return entry.data;
  if (entry?.kind === "link") return utf8.encode(entry.target);
  return new Uint8Array(0);
}

function permissionsOf(entry: CpioEntry): number {
  if (entry.kind === "file") return entry.executable ? 0o755 : 0o644;
  if (entry.kind === "device") return 0o600;
  return entry.kind === "link" ? 0o777 : 0o755;
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - length % 4) % 4);
}

/** Adds the folders that `entries` stand in, each once and before what it holds. */
export function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const known = new Set<string>();
  const all: CpioEntry[] = [];
  for (const entry of entries) {
    const names = entry.path.split("/");
    for (let n = 1; n < names.length; n++) {
      const path = names.slice(0, n).join("/");
      if (known.has(path)) continue;
      known.add(path);
      all.push({ kind: "folder", path });
    }
    if (known.has(entry.path)) continue;
    known.add(entry.path);
    all.push(entry);
  }
  return all;
}
