/**
 * Where an ELF file (64-bit, little-endian) ends by its own header: after the section header table, which linkers write
 * last. Undefined when the bytes are no such file.
 */
export function elfEnd(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0, true) !== 0x464c457f || bytes[4] !== 2 || bytes[5] !== 1) {
    return undefined;
  }
  return Number(view.getBigUint64(0x28, true)) + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}
