/** What preflight is to look at before a guest with these answers is made. Pure. */
import { preflightOptions } from "../preflight/options.ts";
import type { PreflightOptions } from "../preflight/types.ts";
import type { Answers } from "./answers.ts";

/** What a run rests on; libvirt and networks of the host are none of it. */
const GROUPS = ["host", "kvm", "qemu", "tpm", "firmware", "storage", "media"];

/** Room that the smallest run wants besides the guest's disk, which grows as it is written to. */
const LEAST_DISK_GIB = 1;
const HOST_MEMORY_MIB = 512;

/** `answers` with absolute paths. */
export function optionsFor(root: string, answers: Answers): PreflightOptions {
  return preflightOptions({
    root,
    profile: answers.type,
    only: GROUPS,
    minTotalRamGib: Math.ceil((answers.guest.memory_mib + HOST_MEMORY_MIB) / 1024),
    minFreeDiskGib: LEAST_DISK_GIB,
    ...(answers.type === "windows"
      ? { windowsIso: answers.media.windows_iso, virtioIso: answers.media.virtio_iso }
      : {}),
  });
}
