/**
 * Random reads of a large file, with a small cache. What is opened is a regular file: no directory, no fifo that holds the
 * reader up, no device.
 */
import { closeSync, constants, fstatSync, openSync, read as readAt } from "node:fs";
import { Failure } from "../core/problem.ts";

/** Something of a fixed size that is read at any place. */
export interface RandomAccess {
  /** Bytes. */
  readonly size: number;
  /** Bytes from `offset`: `length` of them, or fewer when the end comes first. Not to be written to: they may be shared. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface RandomFile extends RandomAccess {
  /** Bytes that take room on the disk; fewer than `size` where parts were never written, or the file system compresses. */
  readonly allocated: number;
  /** Bytes that were asked of the kernel. */
  readonly bytesRead: number;
  /** Idempotent. */
  close(): void;
}

/** Why a file was not opened. */
export type NotOpened =
  | { readonly kind: "missing" }
  /** Symbolic links that lead in a circle. */
  | { readonly kind: "loop" }
  | { readonly kind: "directory" }
  /** A device, fifo or socket. */
  | { readonly kind: "not_regular" }
  | { readonly kind: "unreadable"; readonly why: string };

export type OpenedFile = { readonly ok: true; readonly file: RandomFile } | {
  readonly ok: false;
  readonly why: NotOpened;
};

/** Unit of st_blocks. stat(2) */
const BLOCK = 512;
const PAGE = 64 * 1024;
/** 2 MiB at most. */
const MOST_PAGES = 32;

/** Opens `path`; symbolic links are followed. */
export function openRandomFile(path: string): OpenedFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { ok: false, why: notOpened(error) };
  }
  const info = fstatSync(fd);
  if (!info.isFile()) {
    closeSync(fd);
    return { ok: false, why: { kind: info.isDirectory() ? "directory" : "not_regular" } };
  }
  return { ok: true, file: new CachedFile(fd, info.size, info.blocks * BLOCK, path) };
}

function notOpened(error: unknown): NotOpened {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
  if (code === "ELOOP") return { kind: "loop" };
  if (code === "EISDIR") return { kind: "directory" };
  if (code === "ENXIO") return { kind: "not_regular" };
  if (code === "EACCES" || code === "EPERM") return { kind: "unreadable", why: "permission denied" };
  if (error instanceof Deno.errors.NotCapable) {
    return { kind: "unreadable", why: "files below /dev, /proc and /sys are not opened" };
  }
  return { kind: "unreadable", why: code || (error instanceof Error ? error.message : String(error)) };
}

class CachedFile implements RandomFile {
  /** By number; the one used longest ago comes first. */
  readonly #pages = new Map<number, Uint8Array>();
  #open = true;
  bytesRead = 0;

  constructor(
    readonly fd: number,
    readonly size: number,
    readonly allocated: number,
    readonly path: string,
  ) {}

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.size, offset + length);
    if (!(offset >= 0) || offset >= end) return new Uint8Array(0);
    const first = Math.floor(offset / PAGE), last = Math.floor((end - 1) / PAGE);
    if (first === last) return cut(await this.#page(first), offset - first * PAGE, end - first * PAGE);
    const all = new Uint8Array(end - offset);
    let filled = 0;
    for (let number = first; number <= last; number++) {
      const page = await this.#page(number);
      const part = cut(page, Math.max(0, offset - number * PAGE), Math.min(PAGE, end - number * PAGE));
      all.set(part, filled);
      filled += part.length;
      // The file was cut off since it was opened: what follows the gap would stand in the wrong place.
      if (page.length < Math.min(PAGE, this.size - number * PAGE)) break;
    }
    return all.subarray(0, filled);
  }

  async #page(number: number): Promise<Uint8Array> {
    const kept = this.#pages.get(number);
    if (kept) {
      this.#pages.delete(number);
      this.#pages.set(number, kept);
      return kept;
    }
    const page = await this.#load(number * PAGE);
    this.#pages.set(number, page);
    const oldest = this.#pages.keys().next();
    if (this.#pages.size > MOST_PAGES && !oldest.done) this.#pages.delete(oldest.value);
    return page;
  }

  async #load(at: number): Promise<Uint8Array> {
    const page = new Uint8Array(Math.min(PAGE, this.size - at));
    let filled = 0;
    while (filled < page.length) {
      const n = await new Promise<number>((resolve, reject) =>
        readAt(
          this.fd,
          page,
          filled,
          page.length - filled,
          at + filled,
          (error, n) => error ? reject(this.#unreadable(at + filled, error)) : resolve(n ?? 0),
        )
      );
      if (n === 0) break;
      filled += n;
      this.bytesRead += n;
    }
    return page.subarray(0, filled);
  }

  #unreadable(at: number, error: { readonly code?: string | undefined; readonly message: string }): Failure {
    return new Failure({
      code: "io",
      message: `${this.path} can't be read at byte ${at}: ${error.code ?? error.message}`,
      path: this.path,
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pages.clear();
    closeSync(this.fd);
  }
}

function cut(page: Uint8Array, from: number, to: number): Uint8Array {
  return page.subarray(Math.min(from, page.length), Math.min(to, page.length));
}
