/** Inputs for tests of export: whole and made up. Not part of the program. */
import type { GuestKind } from "../core/ids.ts";
import { hypervSwitches } from "../qemu/hyperv.ts";
import { guestUuid } from "../qemu/machine.ts";
import { GOOD_KVM, NO_KVM, PLAIN_UEFI, SECURE_UEFI, testId } from "../qemu/testing.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { ExportInput } from "./to_libvirt.ts";

/** A record with all that its kind may have. */
export function testRecord(type: GuestKind, more: Partial<VmRecord> = {}): VmRecord {
  const id = testId(`test-${type}`), folder = `vm/${type}/${id}`;
  return {
    id,
    name: "Büro <1> & 'more'",
    type,
    state: "stopped",
    storage: {
      disks: { root: `${folder}/root.qcow2`, "data.x": "vm/pool/data.raw" },
      ovmf_vars: `${folder}/ovmf_vars.qcow2`,
      tpm_state: `${folder}/tpm`,
      cdroms: { install: "iso/setup, v2.iso" },
    },
    devices: {
      vcpu: 2,
      memory_mb: 4096,
      network: { enabled: false },
      tpm: { enabled: true },
      secure_boot: type === "windows",
    },
    machine: "pc-q35-7.2",
    policy_profile: `default-${type}`,
    ...more,
  };
}

/** What a record would be started as on a made-up host. */
export function testExport(record: VmRecord, more: Partial<ExportInput> = {}): ExportInput {
  const { storage, devices, type } = record;
  const accelerator = more.accelerator ?? "tcg";
  const kvm = accelerator === "kvm" ? GOOD_KVM : NO_KVM;
  return {
    record,
    root: "/var/rayos",
    emulator: "/usr/bin/qemu-system-x86_64",
    uuid: guestUuid(record.id),
    machine: record.machine ?? "pc-q35-7.2",
    cpu: accelerator === "kvm" ? "Westmere-v2" : "Westmere-v1",
    accelerator,
    hyperv: type === "windows" ? hypervSwitches(kvm).switches : [],
    vcpu: devices.vcpu,
    memoryMib: devices.memory_mb,
    firmware: storage.ovmf_vars === undefined ? null : devices.secure_boot ? SECURE_UEFI : PLAIN_UEFI,
    formats: Object.fromEntries(
      Object.entries(storage.disks).map(([name, path]) => [name, path.endsWith(".qcow2") ? "qcow2" : "raw"]),
    ),
    display: true,
    input: true,
    onReboot: "reset",
    libvirt: { major: 9, minor: 0 },
    ...more,
  };
}
