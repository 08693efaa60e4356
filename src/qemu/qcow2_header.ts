/**
 * What a qcow2 image says about other files, read from its header (QEMU docs/interop/qcow2.txt) without opening any of them and
 * without running a program on a file that may be hostile.
 */
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly virtualBytes: number;
  /** As written in the image: relative to the image's folder, or anything else. */
  readonly backingFile?: string;
  readonly backingFormat?: string;
  /** The data is in another file, so this one alone says little. */
  readonly externalData: boolean;
  readonly encrypted: boolean;
}

/** Bytes from the start of an image that hold all that is looked at. */
export const QCOW2_HEADER_BYTES = 64 * 1024;

const MAGIC = 0x514649fb;
const BACKING_FORMAT = 0xe2792aca, EXTERNAL_DATA_NAME = 0x44415441;
/** Incompatible feature bit 2. */
const EXTERNAL_DATA = 4n;
/** qcow2.txt: "Must not be longer than 1023 bytes". */
const MAX_NAME = 1023;

/** Parses the first bytes of an image; hostile input gives a problem of code `io`. */
export function parseQcow2Header(start: Uint8Array): Result<Qcow2Header, Problem> {
  const bad = (why: string) => err<Problem>({ code: "io", message: `not a usable qcow2 image: ${why}` });
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < 72 || view.getUint32(0) !== MAGIC) return bad("the magic number QFI is missing");
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return bad(`its version is ${version}, not 2 or 3`);
  if (version === 3 && start.length < 104) return bad("its header is cut off");
  const headerBytes = version === 3 ? view.getUint32(100) : 72;
  const nameAt = Number(view.getBigUint64(8)), nameBytes = view.getUint32(16);
  if (nameBytes > MAX_NAME || nameAt + nameBytes > start.length) {
    return bad("its backing file name is out of bounds");
  }
  const extensions = readExtensions(view, headerBytes, nameAt > 0 ? nameAt : start.length);
  if (!extensions) return bad("its header extensions are out of bounds");
  const text = (from: number, bytes: number) => new TextDecoder().decode(start.subarray(from, from + bytes));
  const format = extensions.get(BACKING_FORMAT);
  return ok({
    version,
    virtualBytes: Number(view.getBigUint64(24)),
    ...(nameAt > 0 && nameBytes > 0 ? { backingFile: text(nameAt, nameBytes) } : {}),
    ...(format ? { backingFormat: text(format.at, format.bytes) } : {}),
    externalData: extensions.has(EXTERNAL_DATA_NAME) ||
      (version === 3 && (view.getBigUint64(72) & EXTERNAL_DATA) !== 0n),
    encrypted: view.getUint32(32) !== 0,
  });
}

/** Extensions by type, or undefined when the list leaves its bounds. */
function readExtensions(view: DataView, from: number, end: number) {
  const found = new Map<number, { at: number; bytes: number }>();
  for (let at = from; at + 8 <= Math.min(end, view.byteLength);) {
    const type = view.getUint32(at), bytes = view.getUint32(at + 4);
    if (type === 0) return found;
    if (at + 8 + bytes > Math.min(end, view.byteLength)) return undefined;
    found.set(type, { at: at + 8, bytes });
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return found;
}
