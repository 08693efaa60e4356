/** Inputs for tests of plans: a host, rights, records and paths that are made up but complete. Not part of the program. */
import { fail } from "../core/problem.ts";
import { type GuestKind, parseVmId, type VmId } from "../core/ids.ts";
import type { HostCapabilities, KvmCapabilities } from "../host/capabilities.ts";
import type { Rights } from "../../policy/types.ts";
import type { VmRecord } from "../../registry/types.ts";
import { ALLOWED_DEVICES } from "./allowed_devices.ts";
import type { FirmwareChoice } from "./firmware.ts";
import { HYPERV_PROPERTIES } from "./hyperv.ts";
import type { GuestFiles, GuestPlanInput } from "./plan_types.ts";

export const NO_KVM: KvmCapabilities = { usable: false, smm: false, why: "/dev/kvm is not there" };
const MODELS = ["Westmere-v1", "Westmere-v2"].map((name) => ({
  name,
  migrationSafe: true,
  deprecated: false,
  missing: [] as string[],
}));
export const GOOD_KVM: Extract<KvmCapabilities, { usable: true }> = {
  usable: true,
  smm: true,
  why: "a probe guest ran",
  cpuModels: MODELS,
  hyperv: HYPERV_PROPERTIES,
};

export function testHost(kvm: KvmCapabilities = NO_KVM): HostCapabilities {
  return {
    kvm,
    qemu: {
      program: "/usr/bin/qemu-system-x86_64",
      version: { major: 7, minor: 2, micro: 22 },
      package: "test",
      machines: [
        { name: "pc-q35-7.1", maxVcpu: 288, deprecated: false, ramId: "pc.ram" },
        { name: "pc-q35-7.2", alias: "q35", maxVcpu: 288, deprecated: false, ramId: "pc.ram" },
        { name: "pc-i440fx-7.2", alias: "pc", maxVcpu: 255, deprecated: false, ramId: "pc.ram" },
      ],
      machineProperties: ["dump-guest-core", "hpet", "i8042", "mem-merge", "smm", "vmport"],
      devices: [...ALLOWED_DEVICES],
      cpuModels: MODELS.slice(0, 1),
      tpmModels: ["tpm-crb", "tpm-tis"],
      tpmTypes: ["passthrough", "emulator"],
      blockDrivers: ["file", "host_device", "qcow2", "raw"],
      netdevTypes: ["stream", "user"],
      options: ["action", "sandbox"],
    },
    swtpm: {
      program: "/usr/bin/swtpm",
      version: "0.7.1",
      features: ["tpm-2.0", "cmdarg-seccomp"],
      setupProgram: "/usr/bin/swtpm_setup",
      setupFeatures: ["tpm-2.0"],
      localcaProgram: "/usr/bin/swtpm_localca",
    },
  };
}

export const PLAIN_UEFI: FirmwareChoice = {
  description: "UEFI without Secure Boot",
  descriptor: "/usr/share/qemu/firmware/60-edk2-x86_64.json",
  code: { path: "/usr/share/OVMF/OVMF_CODE_4M.fd", format: "raw" },
  varsTemplate: { path: "/usr/share/OVMF/OVMF_VARS_4M.fd", format: "raw" },
  requiresSmm: false,
  secureBoot: false,
  enrolledKeys: false,
};
export const SECURE_UEFI: FirmwareChoice = {
  description: "UEFI with Secure Boot and enrolled keys",
  descriptor: "/usr/share/qemu/firmware/40-edk2-x86_64-secure-enrolled.json",
  code: { path: "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", format: "raw" },
  varsTemplate: { path: "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", format: "raw" },
  requiresSmm: true,
  secureBoot: true,
  enrolledKeys: true,
};

export function testId(text: string): VmId {
  return parseVmId(text) ?? fail("internal", `${text} is no id`);
}

export function testRights(kind: GuestKind, more: Partial<Rights> = {}): Rights {
  return {
    kind,
    profile: `default-${kind}`,
    enabled: true,
    autoboot: false,
    presentOnBoot: false,
    present: true,
    input: true,
    networking: "off",
    networkProfiles: [],
    maxVcpu: 8,
    maxMemoryMib: 16384,
    cpuPercent: 80,
    cpuReservedPercent: 0,
    secureBoot: kind === "windows" ? "required" : "allowed",
    tpm: kind === "windows" ? "required" : "allowed",
    allowBelowMinimum: true,
    requireKvm: false,
    clamp: false,
    gpu: "virtio",
    guestAgent: ["ping"],
    shares: [],
    restart: "never",
    maxRestarts: 0,
    onReboot: "reset",
    onPanic: "pause",
    onWatchdog: "pause",
    snapshots: { retain: 1, max: 1, live: true, suspend: true },
    ...more,
  };
}

export interface TestGuest {
  readonly kind: GuestKind;
  readonly folder?: string;
  readonly firmware?: FirmwareChoice;
  readonly tpm?: boolean;
  readonly host?: HostCapabilities;
  readonly rights?: Partial<Rights>;
  readonly disks?: GuestFiles["disks"];
  readonly cdroms?: GuestFiles["cdroms"];
  readonly vcpu?: number;
  readonly memoryMib?: number;
}

/** A whole input for `planGuest`, every path below `folder`. */
export function testInput(guest: TestGuest): GuestPlanInput {
  const { kind, firmware, tpm = false, folder = `/var/rayos/vm/${kind}/test-${kind}` } = guest;
  const clamp = { vcpu: guest.vcpu ?? 2, memoryMib: guest.memoryMib ?? 512 };
  const record: VmRecord = {
    id: testId(`test-${kind}`),
    name: "Test",
    type: kind,
    state: "stopped",
    storage: { disks: {} },
    devices: {
      vcpu: clamp.vcpu,
      memory_mb: clamp.memoryMib,
      network: { enabled: false },
      tpm: { enabled: tpm },
      secure_boot: firmware?.secureBoot ?? false,
    },
    machine: "pc-q35-7.2",
    policy_profile: `default-${kind}`,
  };
  return {
    record,
    clamp,
    rights: testRights(kind, guest.rights),
    host: guest.host ?? testHost(),
    firmware: firmware ?? null,
    files: {
      disks: guest.disks ?? [{ name: "system", path: `${folder}/disk.qcow2`, format: "qcow2", backing: [] }],
      cdroms: guest.cdroms ?? [],
      sockets: {
        qmp: `${folder}/qmp.sock`,
        agent: `${folder}/agent.sock`,
        serial: `${folder}/serial.sock`,
        ...(tpm ? { tpm: `${folder}/tpm.sock` } : {}),
      },
      ...(firmware ? { ovmfVars: `${folder}/ovmf_vars.qcow2` } : {}),
      ...(tpm ? { tpmState: `${folder}/tpm`, swtpmLog: `${folder}/logs/swtpm.log` } : {}),
    },
  };
}
