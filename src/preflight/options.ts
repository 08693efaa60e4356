/** The settings of a run, with what holds when nothing is said. */
import type { PreflightOptions, Profile } from "./types.ts";

export const DEFAULT_URI = "qemu:///system";

/**
 * Sizes in GiB. Windows 11's published minimum is 4 GiB of memory and a disk of 64 GiB
 * (https://learn.microsoft.com/windows/whats-new/windows-11-requirements); the host needs as much again.
 */
const SIZES: Readonly<Record<Profile, { least: number; recommended: number; disk: number }>> = {
  windows: { least: 8, recommended: 16, disk: 64 },
  linux: { least: 2, recommended: 4, disk: 8 },
};

/** What may be left out. */
export type PreflightWishes = Partial<Omit<PreflightOptions, "wantsLibvirt" | "root">> & {
  readonly root: string;
};

/** Everything that was left out is set. A URI that is named means that libvirt is wanted. */
export function preflightOptions(wishes: PreflightWishes): PreflightOptions {
  const profile = wishes.profile ?? "windows";
  const { least, recommended, disk } = SIZES[profile];
  const minTotalRamGib = wishes.minTotalRamGib ?? least;
  return {
    ...wishes,
    profile,
    only: wishes.only ?? [],
    connectUri: wishes.connectUri ?? DEFAULT_URI,
    wantsLibvirt: wishes.connectUri !== undefined,
    storagePath: wishes.storagePath ?? wishes.root,
    minTotalRamGib,
    recommendedTotalRamGib: wishes.recommendedTotalRamGib ?? Math.max(recommended, minTotalRamGib),
    minFreeDiskGib: wishes.minFreeDiskGib ?? disk,
  };
}
