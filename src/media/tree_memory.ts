import type { Entry, Tree } from "./tree.ts";

/** Directories kept, and the longest of them. */
const MAX_KEPT = 64, MAX_KEPT_ENTRIES = 256;

/** The same tree, which remembers directories that it has read: paths are looked up one by one. */
export function remembered(tree: Tree): Tree {
  const kept = new Map<Entry | undefined, readonly Entry[]>();
  return {
    kind: tree.kind,
    label: tree.label,
    async list(directory) {
      const known = kept.get(directory);
      if (known) return known;
      const entries = await tree.list(directory);
      if (entries.length <= MAX_KEPT_ENTRIES && kept.size < MAX_KEPT) kept.set(directory, entries);
      return entries;
    },
  };
}
