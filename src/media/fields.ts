/** Fields of binary structures. Reading beyond the end is a Failure, never a crash. */
import { damaged } from "./access.ts";

/** A view of bytes with names for what is read; `what` is for messages. */
export class Fields {
  readonly #view: DataView;
  constructor(readonly bytes: Uint8Array, readonly what: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#in(at, 1));
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#in(at, 2), true);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#in(at, 4), true);
  }

  u32be(at: number): number {
    return this.#view.getUint32(this.#in(at, 4));
  }

  /** 64 bits. Beyond 2^53 it is only about right, which is enough to see that it lies beyond every end. */
  u64(at: number): number {
    return Number(this.#view.getBigUint64(this.#in(at, 8), true));
  }

  u64be(at: number): number {
    return Number(this.#view.getBigUint64(this.#in(at, 8)));
  }

  /** `length` bytes. */
  slice(at: number, length: number): Uint8Array {
    this.#in(at, length);
    return this.bytes.subarray(at, at + length);
  }

  /** Bytes as characters, one each. */
  latin1(at: number, length: number): string {
    this.#in(at, length);
    let text = "";
    for (let n = at; n < at + length; n++) text += String.fromCharCode(this.#view.getUint8(n));
    return text;
  }

  /** UCS-2 in `length` bytes, the byte of higher value first. */
  ucs2be(at: number, length: number): string {
    this.#in(at, length);
    let text = "";
    for (let n = at; n + 1 < at + length; n += 2) text += String.fromCharCode(this.#view.getUint16(n));
    return text;
  }

  #in(at: number, length: number): number {
    if (!(at >= 0 && length >= 0) || at + length > this.bytes.length) {
      damaged(`${this.what} is cut off after ${this.bytes.length} bytes`);
    }
    return at;
  }
}

export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
