/** Guests that are no more than a boot sector: real QEMU, and a system that does what a test wants of it at once. */
import { defineSmall, POLICY, type Rig } from "./rig.ts";

/** Defines a guest of 64 MiB whose disk holds `sector` (one of `tests/guest/boot_sectors.ts`). `more` as in `smallRecord`. */
export async function bootSectorGuest(
  rig: Rig,
  id: string,
  sector: Uint8Array<ArrayBuffer>,
  more: Record<string, unknown> = {},
): Promise<void> {
  await defineSmall(rig, id, more);
  using disk = await Deno.open(`${rig.root}/vm/linux/${id}/disk.raw`, { write: true });
  await disk.write(sector);
}

/** The policy of end-to-end tests, and a profile of each name for small Linux guests with these keys besides. */
export function policyWith(profiles: Readonly<Record<string, string>>): string {
  return POLICY + Object.entries(profiles).map(([name, keys]) =>
    `[profiles.${name}]
kind = "linux"
max_memory_mb = 64
cpu_percent = 10
secure_boot = "allowed"
guest_agent = ["ping"]
${keys}
`
  ).join("");
}
