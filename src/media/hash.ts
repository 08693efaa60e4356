/** SHA-256 of a large file. */
import { createHash } from "node:crypto";
import { fail } from "../core/problem.ts";
import { readPieces } from "../ports/large_files.ts";

/** 1 MiB: larger pieces are no faster. */
const PIECE = 1024 * 1024;

/**
 * The file's SHA-256 as hexadecimal digits. `onProgress` is told the bytes so far, after each MiB. A Failure `cancelled` when
 * `signal` is aborted.
 */
export async function hashFile(
  path: string,
  onProgress: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readPieces(path, PIECE)) {
    if (signal?.aborted) {
      fail("cancelled", `the SHA-256 of ${path} was called off after ${bytes} bytes`, { path });
    }
    hash.update(piece);
    bytes += piece.length;
    onProgress(bytes);
  }
  return hash.digest("hex");
}

/** A SHA-256 as people give it, in lower case; undefined when it is none. */
export function parseSha256(text: string): string | undefined {
  const digits = text.trim().toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}
