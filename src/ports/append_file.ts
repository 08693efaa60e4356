/** Files that only grow, and are set aside when they are large: logs. */
import { basename, dirname } from "../core/file_names.ts";
import { type FileOps, type OpenFile, readPart, systemFiles, writeWhole } from "./file_ops.ts";

/**
 * A file opened for appending. Synchronous on purpose: a caller that has returned from `append` knows that the bytes
 * are on disk, and two appends can't be interleaved.
 */
export class AppendFile {
  readonly #file: OpenFile;
  #size: number;
  #open = true;
  /** More than `#size` bytes may be there: of a write that failed and could not be taken back either. */
  #untidy = false;

  /** Opens or creates `path` with mode 0600. Throws what the kernel says. */
  constructor(readonly path: string, ops: FileOps = systemFiles) {
    this.#file = ops.open(path, "append");
    this.#size = this.#file.size();
  }

  get size(): number {
    return this.#size;
  }

  /** Which file it is, whatever name it has by now. */
  get id(): string {
    return this.#file.id;
  }

  /** The file itself, for reading. */
  get file(): OpenFile {
    return this.#file;
  }

  /**
   * Writes all of `bytes`; with `flush` also to disk before it returns. When the kernel takes only a part (disk full),
   * the part is cut off again and the error thrown: a record is there whole or not at all.
   */
  append(bytes: Uint8Array, flush: boolean): void {
    this.tidy();
    this.#untidy = true;
    try {
      writeWhole(this.#file, bytes, this.#size);
      if (flush) this.#file.flush();
      this.#size += bytes.length;
      this.#untidy = false;
    } catch (error) {
      try {
        this.truncate(this.#size);
      } catch { /* the first error tells more, and the next append tries again */ }
      throw error;
    }
  }

  /** Cuts off what a failed write has left, where it could not be cut off at once. */
  tidy(): void {
    if (this.#untidy) this.truncate(this.#size);
  }

  /** Cuts the file to `size` bytes, on disk too. */
  truncate(size: number): void {
    this.#file.truncate(size);
    this.#file.flush();
    this.#size = size;
    this.#untidy = false;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.close();
  }
}

/** Numbers `n` for which `path.n` is there, ascending: older files of a log, the newest first. */
export function olderFiles(path: string, ops: FileOps = systemFiles): number[] {
  const prefix = `${basename(path)}.`;
  return ops.names(dirname(path)).filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length)).filter((rest) => /^[1-9]\d{0,5}$/.test(rest)).map(Number)
    .sort((a, b) => a - b);
}

/** What a rotation does, in this order. Number 0 is the file that is written to. */
export interface RotationPlan {
  readonly remove: readonly number[];
  readonly rename: readonly (readonly [from: number, to: number])[];
}

/**
 * Plans a rotation after which at most `keep` files are there, the new one counted. `older` are the numbers that are there.
 * A gap, as a rotation leaves that was cut off, is filled instead of pushing the oldest out.
 */
export function planRotation(older: readonly number[], keep: number): RotationPlan {
  const there = new Set(older);
  let gap = 1;
  while (there.has(gap)) gap++;
  const last = Math.min(gap, keep - 1);
  const remove = older.filter((n) => n >= Math.max(keep, 1) || (n === last && gap > last)).sort((a, b) =>
    b - a
  );
  if (keep <= 1) return { remove: [...remove, 0], rename: [] };
  const rename = Array.from({ length: last }, (_, i) => [last - 1 - i, last - i] as const);
  return { remove, rename };
}

/** Carries a plan out; with `flush` each step is on disk before the next. */
export function rotate(path: string, plan: RotationPlan, ops: FileOps = systemFiles, flush = false): void {
  const name = (n: number) => n === 0 ? path : `${path}.${n}`;
  const done = () => flush && ops.flushFolder(dirname(path));
  for (const n of plan.remove) {
    ops.remove(name(n));
    done();
  }
  for (const [from, to] of plan.rename) {
    ops.rename(name(from), name(to));
    done();
  }
}

/** Renames `path` to `path.1`, `path.1` to `path.2` and so on; of `keep` files in all the oldest is dropped. */
export function rotateFiles(path: string, keep: number, ops: FileOps = systemFiles): void {
  rotate(path, planRotation(olderFiles(path, ops), keep), ops);
}

/** The last `max` bytes of a file; none when it is not there. */
export function readEnd(path: string, max: number, ops: FileOps = systemFiles): Uint8Array {
  if (ops.idAt(path) === undefined) return new Uint8Array();
  const file = ops.open(path, "read");
  try {
    const size = file.size();
    return readPart(file, Math.max(0, size - max), Math.min(size, max));
  } finally {
    file.close();
  }
}

/** Size of a file in bytes; 0 when it is not there. */
export function fileSize(path: string, ops: FileOps = systemFiles): number {
  if (ops.idAt(path) === undefined) return 0;
  const file = ops.open(path, "read");
  try {
    return file.size();
  } finally {
    file.close();
  }
}
