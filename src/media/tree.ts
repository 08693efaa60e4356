/** Files of a medium by name, whatever file system it has. */
import { sanitizeLine } from "../core/sanitize.ts";
import { damageOf, type FileData } from "./access.ts";

export type TreeKind = "udf" | "joliet" | "rock-ridge" | "iso9660";

export interface Entry {
  /** As it is recorded, without a version; hostile. */
  readonly name: string;
  readonly directory: boolean;
  /** Where its contents are recorded; the same for the same contents. */
  readonly place: number;
  open(): Promise<FileData>;
}

export interface Tree {
  readonly kind: TreeKind;
  readonly label: string;
  /** What is in a directory, in the root without one. A Failure where the directory is damaged. */
  list(directory?: Entry): Promise<readonly Entry[]>;
}

/** Most entries of one directory that are looked at. */
export const MAX_ENTRIES = 16_384;
/** Longest directory, in bytes: MAX_ENTRIES entries with names of middling length. */
export const MAX_DIRECTORY_BYTES = 2 * 1024 * 1024;

/**
 * The entry at `path` (`sources/install.wim`), or undefined. Case does not count: ISO 9660 has upper case only. The names of
 * a medium are compared with and never made into a path of the host.
 */
export async function find(tree: Tree, path: string): Promise<Entry | undefined> {
  let at: Entry | undefined;
  for (const name of path.split("/")) {
    if (at && !at.directory) return undefined;
    const wanted = name.toLowerCase();
    at = (await tree.list(at)).find((entry) => entry.name.toLowerCase() === wanted);
    if (!at) return undefined;
  }
  return at;
}

/** What a walk through all directories found. */
export interface Survey {
  readonly files: number;
  readonly directories: number;
  /** False when there is more than was looked at. */
  readonly whole: boolean;
  /** Names that are no plain names, made harmless; the first few. */
  readonly hostileNames: readonly string[];
  readonly hostileCount: number;
  /** Directories that lead back to one above them, or lie deeper than any honest one. */
  readonly loops: number;
  /** Files, or parts of them, that lie beyond the end: those of which it is known without opening them. */
  readonly beyondEnd: readonly string[];
  readonly damage: readonly string[];
}

/** Bounds of a survey. ISO 9660 allows 8 levels, Linux's media use up to 12. */
const MAX_DEPTH = 32, MAX_SURVEYED = 20_000, MAX_NAMED = 5;

/**
 * Walks through all directories. `extentsOf` tells where a file lies where that costs no read; `end` is the medium's size.
 * Never fails: damage is counted.
 */
export async function survey(
  tree: Tree,
  end: number,
  extentsOf: (entry: Entry) => FileData["extents"],
): Promise<Survey> {
  const hostileNames: string[] = [], beyondEnd: string[] = [], damage: string[] = [];
  let files = 0, directories = 0, hostileCount = 0, loops = 0, whole = true;
  const seen = new Set<number>();
  const pending: { entry: Entry | undefined; path: string; depth: number }[] = [
    { entry: undefined, path: "", depth: 0 },
  ];
  for (let next = pending.pop(); next; next = pending.pop()) {
    let entries: readonly Entry[];
    try {
      entries = await tree.list(next.entry);
    } catch (error) {
      const why = damageOf(error);
      if (damage.length < MAX_NAMED) damage.push(why);
      continue;
    }
    if (entries.length >= MAX_ENTRIES) whole = false;
    for (const entry of entries) {
      if (files + directories >= MAX_SURVEYED) return result(false);
      // Made harmless only where it is told of: most names are never seen.
      const path = next.path + entry.name;
      if (isHostileName(entry.name)) {
        hostileCount++;
        if (hostileNames.length < MAX_NAMED) hostileNames.push(sanitizeLine(path, 200));
      }
      if (!entry.directory) {
        files++;
        const beyond = extentsOf(entry).some((part) => !part.blank && part.offset + part.length > end);
        if (beyond && beyondEnd.length < MAX_NAMED) beyondEnd.push(sanitizeLine(path, 200));
        continue;
      }
      directories++;
      if (seen.has(entry.place) || next.depth >= MAX_DEPTH) loops++;
      else {
        seen.add(entry.place);
        pending.push({ entry, path: `${path}/`, depth: next.depth + 1 });
      }
    }
  }
  return result(whole);

  function result(complete: boolean): Survey {
    return { files, directories, whole: complete, hostileNames, hostileCount, loops, beyondEnd, damage };
  }
}

/** Whether a program that unpacks the medium might be led astray: not one plain name. */
export function isHostileName(name: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  return name === "" || name === "." || name === ".." || /[/\\\x00-\x1f\x7f]/.test(name);
}
