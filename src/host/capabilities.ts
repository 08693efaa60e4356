/**
 * What this host can do, as data: asked once from the programs themselves (`src/qemu/probe.ts`, `src/tpm/probe.ts`,
 * `kvm_probe.ts`), never derived from version numbers. Plain JSON, so that it can be cached.
 */

export interface MachineType {
  readonly name: string;
  readonly alias?: string;
  readonly maxVcpu: number;
  readonly deprecated: boolean;
  /** Id of the RAM block that snapshots of this machine expect, for example `pc.ram`. */
  readonly ramId: string;
}

export interface CpuModel {
  readonly name: string;
  /** Whether the model means the same CPU in every QEMU: only such a model can be part of a snapshot. */
  readonly migrationSafe: boolean;
  readonly deprecated: boolean;
  /** Features of the model that this accelerator can't provide. */
  readonly missing: readonly string[];
}

export interface QemuCapabilities {
  /** Absolute path of the binary. */
  readonly program: string;
  readonly version: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
  readonly machines: readonly MachineType[];
  /** Options of `-machine` for PC machines. */
  readonly machineProperties: readonly string[];
  /** Types that `-device` takes. */
  readonly devices: readonly string[];
  /** CPU models under TCG. */
  readonly cpuModels: readonly CpuModel[];
  readonly tpmModels: readonly string[];
  readonly tpmTypes: readonly string[];
  /** Drivers that `-blockdev` takes. */
  readonly blockDrivers: readonly string[];
  readonly netdevTypes: readonly string[];
  /** Command-line options that QEMU itself lists, for example `sandbox`, `action`. */
  readonly options: readonly string[];
}

/** Whether KVM really runs guests here, and what it offers. */
export type KvmCapabilities =
  | { readonly usable: false; readonly smm: false; readonly why: string }
  | {
    readonly usable: true;
    /** System management mode, which Secure Boot needs. */
    readonly smm: boolean;
    readonly why: string;
    readonly cpuModels: readonly CpuModel[];
    /** `hv-*` CPU properties that kernel and QEMU offer together. */
    readonly hyperv: readonly string[];
  };

export interface SwtpmCapabilities {
  readonly program: string;
  readonly version: string;
  readonly features: readonly string[];
  readonly setupProgram: string;
  readonly setupFeatures: readonly string[];
  /** Issues the certificates of a TPM's keys. */
  readonly localcaProgram: string;
}

export interface HostCapabilities {
  readonly qemu: QemuCapabilities;
  readonly kvm: KvmCapabilities;
  /** Null when swtpm is not installed. */
  readonly swtpm: SwtpmCapabilities | null;
}

export type Accelerator = "kvm" | "tcg";
