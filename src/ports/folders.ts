/** Looking at folders and files without reading them. */
import { fail } from "../core/problem.ts";

export interface FileFacts {
  readonly size: number;
  /** Last change of the content, milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** Names in a folder, sorted; none when the folder is not there. */
export async function listFolder(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(path)) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** Size and time of a regular file, symbolic links followed; undefined when there is none at `path`. */
export async function fileFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const info = await Deno.stat(path);
    return info.isFile ? { size: info.size, modifiedMs: info.mtime?.getTime() ?? 0 } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/**
 * The first folder of `path` (colon-separated) that holds a file `program`, joined with it; undefined when none does. Folders
 * that this user may not look into are passed over, as a shell does: a PATH often comes from another user (su, setpriv).
 */
export async function findProgram(program: string, path: string): Promise<string | undefined> {
  if (program.startsWith("/")) return await isProgram(program) ? program : undefined;
  for (const folder of path.split(":")) {
    if (folder.startsWith("/") && await isProgram(`${folder}/${program}`)) return `${folder}/${program}`;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    return await fileFacts(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** rename(2): the target is replaced in one step. */
export async function moveFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
}

/** The first bytes of a file, at most `most`; symbolic links followed. Lets Deno's NotFound through. */
export async function readStart(path: string, most: number): Promise<Uint8Array> {
  using file = await Deno.open(path, { read: true });
  const bytes = new Uint8Array(most);
  let size = 0;
  while (size < most) {
    const n = await file.read(bytes.subarray(size));
    if (n === null) break;
    size += n;
  }
  return bytes.subarray(0, size);
}

/** Names of the folders in a folder, sorted; none when the folder is not there. */
export async function listFolders(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(path)) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** mkdir(2), mode 0700; a folder that is there already is fine. Failure `io` says why it can't be made. */
export async function makeOneFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    fail("io", `${path} can't be made: ${errorText(error)}`, { path });
  }
}

/** rmdir(2). False when the folder is not empty or in use; one that is not there is fine. Failure `io` otherwise. */
export async function removeOneFolder(path: string): Promise<boolean> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (error instanceof Deno.errors.Busy || code === "EBUSY" || code === "ENOTEMPTY") return false;
    fail("io", `${path} can't be removed: ${errorText(error)}`, { path });
  }
  return true;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message.replace(/,? (mkdir|remove) '.*$/, "") : String(error);
}
