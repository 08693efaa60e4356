/** Bounded reads of little-endian binary data. Every reader answers undefined instead of throwing past the end. */
export class Bytes {
  readonly #view: DataView;
  constructor(readonly data: Uint8Array) {
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }
  get length(): number {
    return this.data.length;
  }
  u8(at: number): number | undefined {
    return this.#has(at, 1) ? this.#view.getUint8(at) : undefined;
  }
  u16(at: number): number | undefined {
    return this.#has(at, 2) ? this.#view.getUint16(at, true) : undefined;
  }
  u32(at: number): number | undefined {
    return this.#has(at, 4) ? this.#view.getUint32(at, true) : undefined;
  }
  /** A 64-bit number, undefined also when it is beyond what a JavaScript number holds exactly. */
  u64(at: number): number | undefined {
    if (!this.#has(at, 8)) return undefined;
    const value = this.#view.getBigUint64(at, true);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  }
  slice(at: number, length: number): Uint8Array | undefined {
    return this.#has(at, length) ? this.data.subarray(at, at + length) : undefined;
  }
  /** EFI_GUID as text: the first three fields are little-endian, the last two are bytes (UEFI 2.10, appendix A). */
  guid(at: number): string | undefined {
    const raw = this.slice(at, 16);
    if (!raw) return undefined;
    const hex = (indexes: number[]) =>
      indexes.map((i) => (raw[i] ?? 0).toString(16).padStart(2, "0")).join("");
    return [hex([3, 2, 1, 0]), hex([5, 4]), hex([7, 6]), hex([8, 9]), hex([10, 11, 12, 13, 14, 15])].join(
      "-",
    );
  }
  #has(at: number, length: number): boolean {
    return Number.isSafeInteger(at) && Number.isSafeInteger(length) && at >= 0 && length >= 0 &&
      at + length <= this.data.length;
  }
}
