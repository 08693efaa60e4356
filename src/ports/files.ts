/**
 * Files of the host. Paths here are trusted: what comes from a policy or a registry is confined first
 * (`registry/paths.ts`).
 */
import { concatBytes } from "../core/bytes.ts";
import { dirname } from "../core/file_names.ts";
import { fail } from "../core/problem.ts";
import { type FileOps, readPart, systemFiles, writeWhole } from "./file_ops.ts";
import { envVar } from "./terminal.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The file's bytes. Refuses what is larger than `maxBytes` without reading it whole, and what is not a regular file.
 * Lets Deno.errors.NotFound and PermissionDenied through; other refusals are a Failure with code `io`.
 */
export async function readFileBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  using file = await Deno.open(path, { read: true });
  return await readOpenBounded(file, path, maxBytes);
}

/** As {@link readFileBounded}, on a file that is open already; `path` is for messages. */
export async function readOpenBounded(
  file: Deno.FsFile,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const info = await file.stat();
  if (!info.isFile) fail("io", `${path} is not a regular file`, { path });
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (true) {
    const chunk = new Uint8Array(Math.min(65536, maxBytes + 1 - size));
    const n = await file.read(chunk);
    if (n === null) break;
    size += n;
    if (size > maxBytes) fail("io", `${path} is larger than ${maxBytes} bytes`, { path });
    chunks.push(chunk.subarray(0, n));
  }
  return concatBytes(chunks);
}

/** The text of a file that must be UTF-8; a Failure with code `io` when it is not. `ops` is for tests that cut the power. */
export async function readTextBounded(path: string, maxBytes: number, ops?: FileOps): Promise<string> {
  const bytes = ops ? readWhole(ops, path, maxBytes) : await readFileBounded(path, maxBytes);
  try {
    return utf8.decode(bytes);
  } catch {
    return fail("io", `${path} is not UTF-8 text`, { path });
  }
}

function readWhole(ops: FileOps, path: string, maxBytes: number): Uint8Array {
  const file = ops.open(path, "read");
  try {
    if (file.size() > maxBytes) fail("io", `${path} is larger than ${maxBytes} bytes`, { path });
    return readPart(file, 0, maxBytes);
  } finally {
    file.close();
  }
}

/**
 * Replaces a file as one step: a temporary file in the same folder, flushed to disk, renamed over it, the folder
 * flushed. A crash at any point leaves the old or the new file, whole; what it may leave besides is named
 * `<path>.<8 hex digits>.tmp`. `mode` defaults to 0600.
 */
// deno-lint-ignore require-await -- a promise, so that callers need not know that its steps are synchronous
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o600,
  ops: FileOps = systemFiles,
): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = ops.open(temporary, "create", mode);
    try {
      writeWhole(file, typeof data === "string" ? new TextEncoder().encode(data) : data, 0);
      file.flush();
    } finally {
      file.close();
    }
    ops.rename(temporary, path);
  } catch (error) {
    try {
      ops.remove(temporary);
    } catch { /* never made, or the disk does nothing any more: the first error tells more */ }
    throw error;
  }
  ops.flushFolder(dirname(path));
}

/** Whether something is at `path`; a dangling symbolic link counts. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a folder and its parents with mode 0700. */
export async function makeFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
}

/** Removes a file or folder tree; nothing there is fine. */
export async function removeTree(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

export { basename, dirname } from "../core/file_names.ts";

/** Whether an error says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** Whether an error says that the file may not be used. */
export function isPermissionDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

/** A new folder of one's own for temporary files, mode 0700. */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  // Deno.makeTempDir() wants the right to write to everything below its folder. A program that may be started may not be
  // written to, so that right is missing where a folder of PATH lies below.
  const path = `${envVar("TMPDIR") ?? "/tmp"}/${prefix}${crypto.randomUUID().slice(0, 13)}`;
  await Deno.mkdir(path, { mode: 0o700 });
  return path;
}

/** Copies a file; the copy has mode 0600. */
export async function copyImage(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, 0o600);
}
