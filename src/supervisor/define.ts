/** From a few words to a whole registry record: pure. */
import type { Definition } from "../actions/params.ts";
import type { GuestKind } from "../core/ids.ts";
import type { VmRecord } from "../../registry/types.ts";

/** Sizes when nothing is said. Windows: the published minimum of Windows 11 (contract, section 7). */
export const DEFAULT_SIZE: Readonly<
  Record<GuestKind, { vcpu: number; memoryMib: number; diskBytes: number }>
> = {
  linux: { vcpu: 1, memoryMib: 1024, diskBytes: 16 * 1024 ** 3 },
  windows: { vcpu: 2, memoryMib: 4096, diskBytes: 64 * 1024 ** 3 },
};

/** What has to be made on disk before the record is true. Paths are relative to the data root. */
export interface FilesToMake {
  readonly disk?: { readonly path: string; readonly bytes: number };
  readonly ovmfVars?: string;
  readonly tpmState?: string;
}

/**
 * The record that a definition stands for, and the files it needs. Both kinds boot by UEFI; Windows gets Secure Boot
 * and a TPM because it is required to have them, Linux when it is asked for.
 *
 * @param folder the guest's folder, relative to the data root
 * @param machine the versioned machine type to pin
 */
export function recordOf(
  definition: Definition,
  folder: string,
  machine: string,
): { readonly record: VmRecord; readonly make: FilesToMake } {
  const { id, type, disk } = definition;
  const size = DEFAULT_SIZE[type];
  const isWindows = type === "windows";
  const tpm = definition.tpm ?? isWindows;
  const diskPath = disk && "path" in disk ? disk.path : `${folder}/disk.qcow2`;
  const ovmfVars = `${folder}/ovmf_vars.qcow2`;
  const tpmState = `${folder}/tpm`;
  const record: VmRecord = {
    id,
    name: definition.name ?? id,
    type,
    state: "stopped",
    storage: {
      disks: { root: diskPath },
      ovmf_vars: ovmfVars,
      ...(tpm ? { tpm_state: tpmState } : {}),
      ...(definition.cdrom === undefined ? {} : { cdroms: { install: definition.cdrom } }),
    },
    devices: {
      vcpu: definition.vcpu ?? size.vcpu,
      memory_mb: definition.memory_mib ?? size.memoryMib,
      network: { enabled: false },
      tpm: { enabled: tpm },
      secure_boot: definition.secure_boot ?? isWindows,
    },
    machine,
    policy_profile: definition.profile ?? `default-${type}`,
  };
  const newDisk = disk && "path" in disk
    ? undefined
    : { path: diskPath, bytes: disk?.bytes ?? size.diskBytes };
  return { record, make: { ...(newDisk ? { disk: newDisk } : {}), ovmfVars, ...(tpm ? { tpmState } : {}) } };
}
