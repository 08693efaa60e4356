/** Bytes in the order in which they came, in as few pieces as is worth it. Values: every function gives a new list. */

/** Pieces that are smaller are put together. */
const SMALL_PIECE = 4096;

export type Pieces = readonly Uint8Array[];

export function added(pieces: Pieces, data: Uint8Array): Pieces {
  const last = pieces.at(-1);
  if (!last || last.length + data.length > SMALL_PIECE) return [...pieces, data];
  return [...pieces.slice(0, -1), joined([last, data])];
}

export function joined(pieces: Pieces): Uint8Array {
  const only = pieces[0];
  if (only && pieces.length === 1) return only;
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The pieces without their first `bytes`. */
export function dropped(pieces: Pieces, bytes: number): Pieces {
  let left = bytes;
  let at = 0;
  while (at < pieces.length && left >= (pieces[at]?.length ?? 0)) left -= pieces[at++]?.length ?? 0;
  const rest = pieces.slice(at);
  const first = rest[0];
  return first && left > 0 ? [first.subarray(left), ...rest.slice(1)] : rest;
}

/** `bytes` from `from` on, as views. */
export function slice(pieces: Pieces, from: number, bytes: number): Pieces {
  const found: Uint8Array[] = [];
  let skip = from, left = bytes;
  for (const piece of pieces) {
    if (left <= 0) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const part = piece.subarray(skip, skip + left);
    found.push(part);
    left -= part.length;
    skip = 0;
  }
  return found;
}
