/** Names for guests and files that come from elsewhere. */
import type { GuestKind, VmId } from "../core/ids.ts";
import { parseVmId } from "../core/ids.ts";
import { sanitizeLine } from "../core/sanitize.ts";

/** A name made into a valid id; undefined when nothing of it can stand in one. */
export function idFrom(name: string): VmId | undefined {
  const slug = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9._-]+/g, "-")
    .replace(/\.{2,}/g, ".")
    .replace(/^[^a-z0-9]+/, "").slice(0, 63).replace(/[-._]+$/, "");
  return parseVmId(slug);
}

/** A name for people, at most 64 characters; undefined when nothing is left of it. */
export function nameFrom(text: string): string | undefined {
  const name = sanitizeLine(text, 64).trim();
  return name === "" ? undefined : name;
}

/** A key of `storage.disks` or `storage.cdroms` that is not taken yet. */
export function fileKey(wanted: string, taken: ReadonlySet<string>): string {
  const plain = wanted.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 32);
  const base = plain === "" ? "disk" : plain;
  for (let n = 1;; n++) {
    const key = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(key)) return key;
  }
}

/** The guest's folder, relative to the data root. */
export function guestFolder(type: GuestKind, id: string): string {
  return `vm/${type}/${id}`;
}

/** A path relative to the root where it lies inside it, as text alone. */
export function insideRoot(root: string, path: string): string | undefined {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
}
