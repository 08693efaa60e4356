/** Sizes of memory as other tools write them. */

/** Bytes of a unit of libvirt's (formatdomain, "Memory Allocation"): `KB` is 1000, `k` and `KiB` are 1024. */
function bytesOf(unit: string): number | undefined {
  if (/^(b|bytes)$/i.test(unit)) return 1;
  const [, letter, decimal] = /^([kmgt])(i?b)?$/i.exec(unit) ?? [];
  if (letter === undefined) return undefined;
  const power = "kmgt".indexOf(letter.toLowerCase()) + 1;
  return (decimal?.toLowerCase() === "b" ? 1000 : 1024) ** power;
}

/** MiB, perhaps a fraction of one; undefined for what is no size. */
export function memoryMib(text: string, unit: string): number | undefined {
  const factor = bytesOf(unit);
  if (factor === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  return Number(text) * factor / 1024 ** 2;
}
