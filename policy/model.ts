/**
 * A policy of version 0 as data, with every default filled in. Key names are those of the file, so that a key path of
 * the file and of the data are one and the same.
 */
import type { GuestKind, PolicyRevision } from "../src/core/ids.ts";
import type { Problem } from "../src/core/problem.ts";
import type { AgentRight, GpuModel, Networking, OnFailure, OnReboot } from "./types.ts";
import type { AllowEntry } from "./network_profile.ts";
import type { Places } from "./toml_places.ts";

/** One guest kind's section. `networking` and so on are filled from `[defaults]` where the file leaves them out. */
export interface KindSection {
  readonly enabled: boolean;
  readonly vm_id?: string;
  readonly autoboot: boolean;
  readonly present_on_boot: boolean;
  readonly networking: Networking;
  readonly limits: { readonly cpus: number; readonly mem_mib: number };
  readonly storage: {
    readonly root_disk?: string;
    readonly disk?: string;
    readonly ovmf_vars?: string;
    readonly vtpm_state_dir?: string;
  };
  readonly devices: { readonly input: boolean; readonly gpu: GpuModel; readonly vtpm?: boolean };
}

export interface Profile {
  /** Set on a profile that the file does not state: it has no key of its own in the file. */
  readonly builtin?: true;
  readonly kind: GuestKind;
  readonly present: boolean;
  readonly networking: Networking;
  readonly network_profiles: readonly string[];
  readonly max_vcpu: number;
  readonly max_memory_mb: number;
  readonly cpu_percent: number;
  readonly secure_boot: "required" | "allowed";
  readonly tpm: "required" | "allowed" | "denied";
  readonly allow_below_minimum: boolean;
  readonly guest_agent: readonly AgentRight[];
  readonly input: boolean;
  readonly clipboard: false;
  readonly restart: "never" | "on-crash";
  readonly max_restarts: number;
  readonly on_reboot: OnReboot;
  readonly on_panic: OnFailure;
  readonly on_watchdog: OnFailure;
  readonly shares: readonly { readonly path: string; readonly readonly: boolean }[];
  readonly snapshots: {
    /** Milliseconds; in the file a duration such as `24h`. */
    readonly every?: number;
    readonly retain: number;
    readonly max: number;
    readonly live: boolean;
    readonly suspend: boolean;
    readonly guest_initiated: false;
  };
}

export interface NetworkProfile {
  readonly egress: "none" | "allowlist" | "any";
  readonly allow: readonly AllowEntry[];
  readonly dns: "none" | "allowlist" | "any";
  readonly private_ranges: boolean;
  readonly inbound: false;
}

export interface Policy {
  readonly version: 0;
  readonly defaults: {
    readonly networking: "off" | "on";
    readonly present_on_boot: boolean;
    readonly autoboot_vms: boolean;
  };
  readonly limits: {
    readonly cpu_percent: number;
    /** Absent: three quarters of the host's memory. */
    readonly mem_mib?: number;
    readonly max_running: number;
    readonly require_kvm: boolean;
    readonly on_narrowed: "mark" | "stop";
    readonly clamp: boolean;
  };
  readonly logging: {
    readonly level: "error" | "warn" | "info" | "debug" | "trace";
    readonly persist: boolean;
    readonly keep_files: number;
    readonly max_file_mib: number;
    readonly log_input: false;
  };
  readonly security: {
    readonly require_signature: boolean;
    readonly confine_processes: boolean;
    readonly developer: boolean;
  };
  readonly presentation: { readonly max_presented: 1; readonly release_after_s: number };
  readonly linux: KindSection;
  readonly windows: KindSection;
  readonly profiles: Readonly<Record<string, Profile>>;
  readonly network_profiles: Readonly<Record<string, NetworkProfile>>;
  readonly sandbox: {
    readonly max_processes: number;
    readonly memory_limit_mib: number;
    readonly cpu_time_s: number;
  };
}

/** The file as read: what follows from other keys may still be absent, and the built-in profiles are not yet added. */
export type KindFile =
  & Omit<KindSection, "autoboot" | "present_on_boot" | "networking">
  & Partial<Pick<KindSection, "autoboot" | "present_on_boot" | "networking">>;
export type ProfileFile = Omit<Profile, "tpm" | "builtin"> & Partial<Pick<Profile, "tpm">>;
export type PolicyFile = Omit<Policy, "linux" | "windows" | "profiles"> & {
  readonly linux: KindFile;
  readonly windows: KindFile;
  readonly profiles: Readonly<Record<string, ProfileFile>>;
};

/** A policy that may be decided by. */
export interface LoadedPolicy {
  readonly policy: Policy;
  readonly revision: PolicyRevision;
  /** Name of the file, for messages. */
  readonly file: string;
  /** Where each key stands in the file; absent keys are at their defaults. */
  readonly places: Places;
  /** What is legal but probably not meant; shown by `policy validate`. Never a reason to refuse the file. */
  readonly notes: readonly Problem[];
}
