/** How much of the host one guest's processes may have: numbers, each with its reason. Pure. */
import { TRANSLATION_CACHE_MIB } from "../qemu/machine.ts";

/** What the kernel holds one guest's processes to, all of them together. */
export interface GuestLimits {
  readonly memoryMib: number;
  /** Percent of the host's processors, 1 to 100. */
  readonly cpuPercent: number;
  /** Most processes and threads. */
  readonly pids: number;
}

/** What a guest's processes need depends on this. */
export interface GuestSize {
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly accelerator: "kvm" | "tcg";
  readonly display: boolean;
  readonly tpm: boolean;
}

/** One part of what a guest's processes may take beyond the guest's own memory. */
export interface OverheadPart {
  readonly what: string;
  readonly mib: number;
}

/** QEMU without a guest: 43 MiB resident, of which about 20 are its own; the rest is for its block layer's buffers. */
const QEMU_MIB = 128;
/** Stack and state of a vCPU. */
const VCPU_MIB = 8;
/** The table by which emulation finds a page grows with the pages in use, for each vCPU and mode of the processor. */
const TCG_TABLE_SHARE = 1 / 32;
/** Page tables for the memory: 8 bytes a page of 4 KiB for QEMU, as much again for KVM, and room for the kernel's own. */
const PAGE_TABLE_SHARE = 1 / 128;
/** virtio-vga: 16 MiB of VGA memory, at most 256 MiB of pictures that the guest's driver makes, the picture for VNC. */
const DISPLAY_MIB = 304;
/** swtpm takes 2 to 4 MiB. */
const SWTPM_MIB = 16;

/**
 * What a guest's processes may take beyond the guest's memory, part by part. Each is an upper bound: an honest QEMU never comes
 * near the sum, one that leaks or was taken over is stopped there.
 */
export function overhead(size: GuestSize): readonly OverheadPart[] {
  const { vcpu, memoryMib, accelerator } = size;
  return [
    { what: "QEMU", mib: QEMU_MIB },
    { what: "vCPUs", mib: vcpu * VCPU_MIB },
    { what: "page tables", mib: Math.ceil(memoryMib * PAGE_TABLE_SHARE) },
    ...(accelerator === "tcg"
      ? [
        { what: "translated code", mib: TRANSLATION_CACHE_MIB },
        { what: "translated addresses", mib: Math.ceil(vcpu * memoryMib * TCG_TABLE_SHARE) },
      ]
      : []),
    ...(size.display ? [{ what: "display", mib: DISPLAY_MIB }] : []),
    ...(size.tpm ? [{ what: "TPM", mib: SWTPM_MIB }] : []),
  ];
}

/** QEMU's pool of workers for files has up to 64 threads; the rest is main loop, VNC, migration and swtpm, with room. */
const THREADS = 256;

/** A guest's limits; `cpuPercent` is the most that policy lets it use of the host's processors. */
export function guestLimits(size: GuestSize, cpuPercent: number): GuestLimits {
  const beyond = overhead(size).reduce((sum, { mib }) => sum + mib, 0);
  return { memoryMib: size.memoryMib + beyond, cpuPercent, pids: THREADS + size.vcpu };
}

/** Length of the kernel's period for processor time, microseconds; its own default. */
export const PERIOD_US = 100_000;
/** Shortest time a period that the kernel takes. */
const LEAST_QUOTA_US = 1_000;

/**
 * Microseconds of processor time in each {@link PERIOD_US} for a share of the host's `cpus` processors; undefined for all of
 * them, which needs no limit. `ceiling` is what the groups above leave, in the same unit: the kernel refuses more.
 */
export function quotaUs(percent: number, cpus: number, ceiling: number = Infinity): number | undefined {
  if (percent >= 100) return undefined;
  const share = Math.floor((percent * cpus * PERIOD_US) / 100);
  return Math.max(LEAST_QUOTA_US, Math.min(share, ceiling));
}
