/** Files that only grow: logs whose every record must be on disk before something happens. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

/**
 * A file opened for appending. Synchronous on purpose: a caller that has returned from `append` knows that the bytes
 * are on disk, and two appends can't be interleaved.
 */
export class AppendFile {
  readonly #fd: number;
  #size: number;
  #open = true;

  /** Opens or creates `path` with mode 0600. Throws what the kernel says. */
  constructor(readonly path: string) {
    this.#fd = openSync(path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Writes all of `bytes`; with `flush` also to disk before it returns. When the kernel takes only a part (disk full),
   * the part is cut off again and the error thrown: a record is there whole or not at all.
   */
  append(bytes: Uint8Array, flush: boolean): void {
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at);
      if (flush) fdatasyncSync(this.#fd);
      this.#size += bytes.length;
    } catch (error) {
      try {
        ftruncateSync(this.#fd, this.#size);
      } catch { /* the first error tells more */ }
      throw error;
    }
  }

  /** Cuts the file to `size` bytes. */
  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
    fdatasyncSync(this.#fd);
    this.#size = size;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

/** Renames `path` to `path.1`, `path.1` to `path.2` and so on; of `keep` files in all the oldest is dropped. */
export function rotateFiles(path: string, keep: number): void {
  rmSync(`${path}.${keep - 1}`, { force: true });
  for (let n = keep - 2; n >= 1; n--) renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
  if (keep > 1) renameIfThere(path, `${path}.1`);
  else rmSync(path, { force: true });
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** The last `max` bytes of a file; none when it is not there. */
export function readEnd(path: string, max: number): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Uint8Array();
    throw error;
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = new Uint8Array(Math.min(size, max));
    let at = 0;
    while (at < buffer.length) {
      const n = readSync(fd, buffer, at, buffer.length - at, size - buffer.length + at);
      if (n === 0) break;
      at += n;
    }
    return buffer.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

/** Overwrites the start of a file in place and flushes it: for a record of fixed size within one disk sector. */
export function overwriteStart(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(fd, bytes, 0, bytes.length, 0);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Size of a file in bytes; 0 when it is not there. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
