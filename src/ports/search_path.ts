/** Where programs are looked for. */

const STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Where programs are looked for: the folders of `given` (the operator's PATH), without those that depend on the working
 * folder; the standard ones when none is left.
 */
export function searchPath(given: string | undefined): string {
  const folders = (given ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return folders.length > 0 ? folders.join(":") : STANDARD_PATH;
}
