/** The registry as data (contract, section 3). Field names are those of the file. */
import type { GuestKind, VmId } from "../src/core/ids.ts";

/** Last known state; never believed at start-up. */
export type RegistryState = "stopped" | "running" | "suspended" | "hibernated";

export interface ShareRequest {
  readonly name: string;
  readonly path: string;
  readonly readonly: boolean;
}

/** What one guest is made of and what it asks for; policy decides what it gets. Paths are relative to the data root. */
export interface VmRecord {
  readonly id: VmId;
  readonly name: string;
  readonly type: GuestKind;
  readonly state: RegistryState;
  readonly storage: {
    readonly disks: Readonly<Record<string, string>>;
    readonly ovmf_vars?: string;
    readonly tpm_state?: string;
    readonly cdroms?: Readonly<Record<string, string>>;
  };
  readonly devices: {
    readonly vcpu: number;
    readonly memory_mb: number;
    readonly network: { readonly enabled: boolean; readonly profile?: string };
    readonly tpm?: { readonly enabled: boolean };
    readonly secure_boot?: boolean;
    readonly shares?: readonly ShareRequest[];
  };
  /** Pinned QEMU machine type, written at creation, for example `pc-q35-7.2`. */
  readonly machine?: string;
  readonly policy_profile: string;
}

export interface Registry {
  readonly version: 0;
  readonly vms: Readonly<Record<string, VmRecord>>;
}
