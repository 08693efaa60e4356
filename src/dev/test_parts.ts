/** How all tests are divided into parts that run beside each other. Pure. */

/** What runs real guests is a part of its own, by its file; everything else is quick, and a part by its folder. */
const OWN_PARTS = /^tests\/(?!properties|contract|preflight)/;

/**
 * Parts of files, those that take longest first: end to end, then the rest of what runs guests, then the quick ones. Every file is
 * in exactly one.
 */
export function planParts(files: readonly string[]): string[][] {
  const own = files.filter((file) => OWN_PARTS.test(file)).sort(byWeight);
  const folders = new Map<string, string[]>();
  for (const file of files.filter((file) => !OWN_PARTS.test(file))) {
    const folder = file.split("/").slice(0, 2).join("/");
    folders.set(folder, [...folders.get(folder) ?? [], file].sort());
  }
  const quick = [...folders].sort(([a], [b]) => a < b ? -1 : 1).map(([, part]) => part);
  return [...own.map((file) => [file]), ...quick];
}

/** What is known to take longest must not be begun last. */
const LONG = ["provision", "cloud", "recovery", "guest", "network", "interop", "faults"];

function byWeight(a: string, b: string): number {
  const weight = (file: string) => {
    const at = LONG.findIndex((word) => file.includes(word));
    return at < 0 ? LONG.length : at;
  };
  return weight(a) - weight(b) || (a < b ? -1 : 1);
}
