/** What a guest's plan is made from, and what it is. */
import type { Accelerator, HostCapabilities } from "../host/capabilities.ts";
import type { Rights } from "../../policy/types.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { FirmwareChoice } from "./firmware.ts";
import type { CommandLine } from "./options.ts";

export type ImageFormat = "qcow2" | "raw";

/** One image file with its format, which is never guessed. */
export interface ImageFile {
  readonly path: string;
  readonly format: ImageFormat;
}

export interface DiskFile extends ImageFile {
  /** The key in the registry. */
  readonly name: string;
  /**
   * Every image below this one, nearest first, from `backingChain()`; empty for an image that stands alone. What is not listed is
   * not opened: QEMU is told the whole chain and follows no name inside an image.
   */
  readonly backing: readonly ImageFile[];
}

/** Files of one guest. Every path is absolute and already confined to the data root (`registry/paths.ts`). */
export interface GuestFiles {
  /** In boot order. */
  readonly disks: readonly DiskFile[];
  readonly cdroms: readonly { readonly name: string; readonly path: string }[];
  /** The guest's own copy of the firmware's variables, always qcow2: only that can be part of a live snapshot. */
  readonly ovmfVars?: string;
  /** Folder of the TPM's state, made by `swtpm_setup`. */
  readonly tpmState?: string;
  readonly sockets: {
    readonly qmp: string;
    readonly agent: string;
    readonly serial: string;
    readonly tpm?: string;
  };
  readonly swtpmLog?: string;
}

export interface GuestPlanInput {
  readonly record: VmRecord;
  readonly rights: Rights;
  readonly host: HostCapabilities;
  /** Null: the guest boots with the machine's BIOS. */
  readonly firmware: FirmwareChoice | null;
  readonly files: GuestFiles;
  /** What policy left of the record's wishes. */
  readonly clamp: { readonly vcpu: number; readonly memoryMib: number };
}

/** Something about a plan that its reader must be told; never a reason to go on with less security. */
export interface PlanNote {
  readonly topic: "accelerator" | "hyperv";
  readonly text: string;
}

export interface DiskPlan {
  /** Name in the registry. */
  readonly name: string;
  /** Top block node, for snapshots and statistics. */
  readonly node: string;
  /** QEMU id of the device. */
  readonly device: string;
  readonly format: ImageFormat;
}

export interface GuestPlan {
  /** To be started first; QEMU connects to its socket. */
  readonly swtpm?: CommandLine;
  readonly qemu: CommandLine;
  readonly machine: string;
  readonly cpu: string;
  readonly accelerator: Accelerator;
  /** What `query-uuid` must answer on this guest's QMP socket. */
  readonly uuid: string;
  readonly disks: readonly DiskPlan[];
  /** Block node of the UEFI variables. */
  readonly variablesNode?: string;
  readonly hyperv: readonly string[];
  readonly notes: readonly PlanNote[];
}

/** Ids inside QEMU that other parts of the program rely on. */
export const QEMU_IDS = {
  qmp: "mon-qmp",
  agentPort: "agent0",
  agentChardev: "chr-agent",
  serial: "serial0",
  balloon: "balloon0",
  tpm: "tpm0",
  display: "vga0",
  panic: "panic0",
  /** Root ports that are free for hot-plug (network devices). */
  hotplugPorts: ["rp0", "rp1", "rp2", "rp3"],
  variables: "fw-vars",
  code: "fw-code",
} as const;
