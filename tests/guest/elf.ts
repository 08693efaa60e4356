/**
 * As much of ELF (64-bit, little-endian; System V ABI, chapters 4 and 5) as it takes to know which libraries a program
 * needs and which modules a kernel module needs.
 */

const MAGIC = 0x464c457f;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** What a program or shared library asks the dynamic linker for. */
export interface DynamicNeeds {
  /** Names of libraries, such as `libc.so.6`, in the file's order. */
  readonly libraries: readonly string[];
  /** Path of the dynamic linker; a library has none. */
  readonly interpreter?: string;
}

/** The needs of an ELF file, or undefined when it is none (or cut off, or for another word size). */
export function dynamicNeeds(bytes: Uint8Array): DynamicNeeds | undefined {
  const view = elfView(bytes);
  if (!view) return undefined;
  try {
    const headers = table(view, 32, 54, 56, (at) => ({
      type: view.getUint32(at, true),
      offset: big(view, at + 8),
      address: big(view, at + 16),
      size: big(view, at + 32),
    }));
    const interp = headers.find((h) => h.type === PT_INTERP);
    const interpreter = interp && stringAt(bytes, interp.offset);
    const dynamic = headers.find((h) => h.type === PT_DYNAMIC);
    if (!dynamic) return { libraries: [], ...(interpreter === undefined ? {} : { interpreter }) };
    const names: number[] = [];
    let strings = 0;
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
      const tag = big(view, at);
      if (tag === DT_NEEDED) names.push(big(view, at + 8));
      if (tag === DT_STRTAB) strings = big(view, at + 8);
    }
    const load = headers.find((h) =>
      h.type === PT_LOAD && h.address <= strings && strings < h.address + h.size
    );
    if (!load) return undefined;
    const base = strings - load.address + load.offset;
    return {
      libraries: names.map((n) => stringAt(bytes, base + n)),
      ...(interpreter === undefined ? {} : { interpreter }),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Names of the modules that a kernel module needs (`depends=` of its `.modinfo`), or undefined when it is no module. */
export function moduleNeeds(bytes: Uint8Array): string[] | undefined {
  const view = elfView(bytes);
  if (!view) return undefined;
  try {
    const sections = table(view, 40, 58, 60, (at) => ({
      name: view.getUint32(at, true),
      offset: big(view, at + 24),
      size: big(view, at + 32),
    }));
    const names = sections[view.getUint16(62, true)];
    const info = names && sections.find((s) => stringAt(bytes, names.offset + s.name) === ".modinfo");
    if (!info) return undefined;
    const text = new TextDecoder("latin1").decode(bytes.subarray(info.offset, info.offset + info.size));
    const depends = text.split("\0").find((line) => line.startsWith("depends="));
    return depends === undefined ? undefined : depends.slice(8).split(",").filter((name) => name !== "");
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function elfView(bytes: Uint8Array): DataView | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const is64LittleEndian = bytes.length >= 64 && view.getUint32(0, true) === MAGIC && bytes[4] === 2 &&
    bytes[5] === 1;
  return is64LittleEndian ? view : undefined;
}

/** The entries of the program or section header table; the arguments are where the ELF header names its place. */
function table<T>(
  view: DataView,
  start: number,
  sizeAt: number,
  countAt: number,
  entry: (at: number) => T,
): T[] {
  const first = big(view, start), size = view.getUint16(sizeAt, true);
  return Array.from({ length: view.getUint16(countAt, true) }, (_, n) => entry(first + n * size));
}

function big(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function stringAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at >= bytes.length || end < 0) throw new RangeError("a string lies outside the file");
  return new TextDecoder("latin1").decode(bytes.subarray(at, end));
}
