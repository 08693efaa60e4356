/** All checks, in the order of the report. Ids are stable: scripts and other tools know them. */
import { commandChecks } from "./checks/commands.ts";
import { CONFINEMENT_CHECKS } from "./checks/confinement.ts";
import { FIRMWARE_CHECKS } from "./checks/firmware.ts";
import { HOST_CHECKS, STORAGE_CHECKS } from "./checks/host.ts";
import { KVM_CHECKS } from "./checks/kvm.ts";
import { leftovers } from "./checks/leftovers.ts";
import { LIBVIRT_CHECKS } from "./checks/libvirt.ts";
import { MEDIA_CHECKS } from "./checks/media.ts";
import { NETWORK_CHECKS, QEMU_CHECKS } from "./checks/qemu.ts";
import { TPM_CHECKS } from "./checks/tpm.ts";
import type { Check } from "./types.ts";

export const CHECKS: readonly Check[] = [
  ...HOST_CHECKS,
  leftovers,
  ...KVM_CHECKS,
  ...commandChecks("qemu"),
  ...QEMU_CHECKS,
  ...commandChecks("tpm"),
  ...TPM_CHECKS,
  ...FIRMWARE_CHECKS,
  ...commandChecks("network"),
  ...NETWORK_CHECKS,
  ...commandChecks("confinement"),
  ...CONFINEMENT_CHECKS,
  ...STORAGE_CHECKS,
  ...commandChecks("libvirt"),
  ...LIBVIRT_CHECKS,
  ...commandChecks("media"),
  ...MEDIA_CHECKS,
];
