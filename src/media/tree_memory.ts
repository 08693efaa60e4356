import { type Entry, MAX_ENTRIES, type Tree } from "./tree.ts";

/** Entries kept in sum: the root may have as many as are looked at, and paths are looked up in it again and again. */
const MAX_KEPT = MAX_ENTRIES + 4096;

/** The same tree, which remembers directories that it has read: paths are looked up one by one. */
export function remembered(tree: Tree): Tree {
  const known = new Map<Entry | undefined, readonly Entry[]>();
  let kept = 0;
  return {
    kind: tree.kind,
    label: tree.label,
    async list(directory) {
      const before = known.get(directory);
      if (before) return before;
      const entries = await tree.list(directory);
      // One more for the directory itself, so that many empty ones are too much as well.
      if (kept + entries.length + 1 <= MAX_KEPT) {
        known.set(directory, entries);
        kept += entries.length + 1;
      }
      return entries;
    },
  };
}
