/** Lines of log files, read in pieces: from the start on, or from the end backwards. */
import { type OpenFile, readPart } from "../ports/file_ops.ts";

const CHUNK_BYTES = 64 * 1024;
/** A longer line is no record; it is given in pieces of this size. */
export const MAX_LINE_BYTES = 512 * 1024;
const LF = 10;

export interface Line {
  readonly text: string;
  /** Byte at which it begins. */
  readonly start: number;
  /** Byte after its line end. */
  readonly end: number;
  /** False for what stands after the last line end. */
  readonly whole: boolean;
}

/** Lines from byte `from` to the end of the file as it is when it is reached. */
export function* linesForward(file: OpenFile, from = 0): Generator<Line> {
  const text = new TextDecoder();
  let rest = new Uint8Array();
  let start = from;
  while (true) {
    const chunk = readPart(file, start + rest.length, CHUNK_BYTES);
    if (chunk.length === 0) break;
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    let at = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, at)) {
      const next = start + (end + 1 - at);
      yield { text: text.decode(bytes.subarray(at, end)), start, end: next, whole: true };
      start = next;
      at = end + 1;
    }
    rest = bytes.slice(at);
    if (rest.length > MAX_LINE_BYTES) {
      yield { text: text.decode(rest), start, end: start + rest.length, whole: true };
      start += rest.length;
      rest = new Uint8Array();
    }
  }
  if (rest.length > 0) {
    yield { text: text.decode(rest), start, end: start + rest.length, whole: false };
  }
}

/** Whole lines of the first `size` bytes, the last one first. What stands after the last line end is left out. */
export function* linesBackward(file: OpenFile, size: number): Generator<Line> {
  const text = new TextDecoder();
  let end = endOfLastLine(file, size);
  while (end > 0) {
    const start = endOfLastLine(file, end - 1);
    const length = Math.min(end - 1 - start, MAX_LINE_BYTES);
    yield { text: text.decode(readPart(file, start, length)), start, end, whole: true };
    end = start;
  }
}

/** Byte after the last line end among the first `size` bytes; 0 when there is none. */
export function endOfLastLine(file: OpenFile, size: number): number {
  for (let end = size; end > 0;) {
    const length = Math.min(end, CHUNK_BYTES);
    const at = readPart(file, end - length, length).lastIndexOf(LF);
    if (at >= 0) return end - length + at + 1;
    end -= length;
  }
  return 0;
}
