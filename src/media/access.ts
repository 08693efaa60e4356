/** Reading at any place: of memory, of a part of something larger, counted and with a limit. */
import { concatBytes } from "../core/bytes.ts";
import { fail, Failure } from "../core/problem.ts";
import { formatBytes } from "../core/units.ts";
import type { RandomAccess } from "../ports/random_file.ts";

export type { RandomAccess } from "../ports/random_file.ts";

/** Most that is read in one piece. */
export const MAX_PIECE = 4 * 1024 * 1024;

/** A run of bytes. `blank`: nothing was recorded there, it reads as zeros. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly blank?: boolean;
}

/** A file inside a medium. */
export interface FileData extends RandomAccess {
  readonly extents: readonly Extent[];
}

/** Throws the Failure that stands for a medium that is not what it should be. */
export function damaged(message: string): never {
  fail("failed", message);
}

/** What is wrong with a medium, of an error that says so; any other error is thrown on. */
export function damageOf(error: unknown): string {
  if (error instanceof Failure && error.code === "failed") return error.problem.message;
  throw error;
}

export function memoryAccess(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    read: (offset, length) =>
      Promise.resolve(bytes.subarray(Math.min(offset, bytes.length), offset + length)),
  };
}

/** Exactly `length` bytes; a Failure that names `what` when they are too many, or not there. */
export async function readExactly(
  access: RandomAccess,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (length > MAX_PIECE) damaged(`${what} claims to be ${formatBytes(length)} long, more than is read`);
  if (!(offset >= 0) || offset + length > access.size) {
    damaged(`${what} should lie at byte ${offset} to ${offset + length}, and the end is at ${access.size}`);
  }
  const bytes = await access.read(offset, length);
  if (bytes.length < length) damaged(`${what} ends after ${bytes.length} of ${length} bytes`);
  return bytes;
}

/** What lies in `extents` of `base`, one after the other, as one file of `size` bytes. */
export function overExtents(base: RandomAccess, extents: readonly Extent[], size: number): FileData {
  return {
    size,
    extents,
    async read(offset, length) {
      const pieces: Uint8Array[] = [];
      let at = 0, left = Math.min(length, size - offset), from = offset;
      for (const extent of extents) {
        if (left <= 0) break;
        if (from < at + extent.length) {
          const inside = from - at, n = Math.min(left, extent.length - inside);
          const piece = extent.blank ? new Uint8Array(n) : await base.read(extent.offset + inside, n);
          pieces.push(piece);
          if (piece.length < n) break;
          from += n;
          left -= n;
        }
        at += extent.length;
      }
      return pieces.length === 1 && pieces[0] ? pieces[0] : concatBytes(pieces);
    },
  };
}

/** What was asked of something, and a limit to it. */
export interface Metered extends RandomAccess {
  readonly asked: number;
}

/** `base` with a limit: more than `maxBytes` in sum is a Failure, and so is a read after `signal` was aborted. */
export function metered(base: RandomAccess, maxBytes: number, signal?: AbortSignal): Metered {
  let asked = 0;
  return {
    size: base.size,
    get asked() {
      return asked;
    },
    async read(offset, length) {
      if (signal?.aborted) fail("cancelled", "called off");
      const wanted = Math.max(0, Math.min(length, base.size - offset));
      if (wanted > MAX_PIECE || asked + wanted > maxBytes) {
        damaged(`more than ${formatBytes(maxBytes)} would have to be read to make sense of it`);
      }
      asked += wanted;
      return await base.read(offset, wanted);
    },
  };
}
