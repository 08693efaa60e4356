/** Copies of large files, told of and called off on the way. */
import { fail } from "../core/problem.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface CopyOptions {
  readonly signal?: AbortSignal;
  /** Is told how many bytes are copied, and how many there are. */
  readonly onBytes?: (done: number, of: number) => void;
}

/**
 * Copies a regular file into a new one of mode 0600, flushed to disk. Failure `io` for what is no regular file; Deno's
 * NotFound, AlreadyExists and PermissionDenied come through. What is half done stays when it is called off or fails.
 */
export async function copyFile(from: string, to: string, options: CopyOptions = {}): Promise<void> {
  using source = await Deno.open(from, { read: true });
  const { isFile, size } = await source.stat();
  if (!isFile) fail("io", `${from} is not a regular file`, { path: from });
  using target = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const buffer = new Uint8Array(CHUNK_BYTES);
  let done = 0;
  while (true) {
    options.signal?.throwIfAborted();
    const read = await source.read(buffer);
    if (read === null) break;
    for (let at = 0; at < read;) at += await target.write(buffer.subarray(at, read));
    options.onBytes?.(done += read, size);
  }
  await target.sync();
}
