/** Files too large to be held in memory, and what tells whether one has changed. Nothing here holds the event loop up. */
import { stat as nodeStat } from "node:fs/promises";

/** What changes with every write to a file. */
export interface FileStamp {
  readonly bytes: number;
  /** Last change of the content, nanoseconds since 1970, as a decimal number. */
  readonly modifiedNs: string;
}

/** Size and time of a regular file, symbolic links followed; undefined when there is none at `path`. */
export async function stampOf(path: string): Promise<FileStamp | undefined> {
  try {
    const info = await nodeStat(path, { bigint: true });
    return info.isFile() ? { bytes: Number(info.size), modifiedNs: String(info.mtimeNs) } : undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** fsync(2): content, size and times of the file are on disk when it resolves. The file must be there. */
export async function flushFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

/** A new file that is written from its start to its end. */
export interface FileWriter {
  /** Writes all of `bytes`. Rejects with what the kernel says, for example that the disk is full. */
  write(bytes: Uint8Array): Promise<void>;
  /** Content and size are on disk when it resolves. */
  flush(): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** Makes a file with mode 0600; there must be none yet. */
export async function createFile(path: string): Promise<FileWriter> {
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  let open = true;
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    },
    flush: () => file.sync(),
    close() {
      if (!open) return;
      open = false;
      file.close();
    },
  };
}

/**
 * The file's bytes from start to end, in pieces of at most `pieceBytes`. A piece is valid until the next one is asked for: all
 * are parts of one buffer. Lets Deno.errors.NotFound through.
 */
export async function* readPieces(path: string, pieceBytes: number): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path, { read: true });
  const buffer = new Uint8Array(pieceBytes);
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) yield buffer.subarray(0, n);
}

/** Whether an error says that no room is left: on the disk, or in this user's share of it. */
export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
