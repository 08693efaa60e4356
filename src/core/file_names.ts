/** Parts of a path, as text. */

/** The folder of `path`: `.` when it names none. */
export function dirname(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : path.slice(0, at);
}

/** What stands after the last slash. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
