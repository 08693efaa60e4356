/** What policy says, as data. The file's own shape is in `schema.ts`; here is what the rest of the program asks and gets. */
import type { GuestKind, PolicyRevision, VmId } from "../src/core/ids.ts";
import type { Reason } from "../src/core/problem.ts";
import type { RuleId } from "./rules.ts";

export type Networking = "off" | "provisioning_only" | "on";
export type AgentRight = "ping" | "osinfo" | "shutdown" | "fsfreeze" | "network" | "exec" | "files";
export type GpuModel = "virtio" | "none";

/** Effective rights of one guest: the strictest of `[limits]`, its kind's section and its profile. */
export interface Rights {
  readonly kind: GuestKind;
  readonly profile: string;
  readonly enabled: boolean;
  readonly autoboot: boolean;
  readonly presentOnBoot: boolean;
  readonly present: boolean;
  readonly input: boolean;
  readonly networking: Networking;
  readonly networkProfiles: readonly string[];
  readonly maxVcpu: number;
  readonly maxMemoryMib: number;
  /** Share of the host's processors in percent, 1 to 100. */
  readonly cpuPercent: number;
  readonly secureBoot: "required" | "allowed";
  readonly tpm: "required" | "allowed" | "denied";
  readonly allowBelowMinimum: boolean;
  readonly requireKvm: boolean;
  readonly clamp: boolean;
  readonly gpu: GpuModel;
  readonly guestAgent: readonly AgentRight[];
  readonly shares: readonly { readonly path: string; readonly readonly: boolean }[];
  readonly restart: "never" | "on-crash";
  readonly maxRestarts: number;
  readonly snapshots: {
    readonly everyMs?: number;
    readonly retain: number;
    readonly max: number;
    readonly live: boolean;
    readonly suspend: boolean;
  };
}

/** What must be done when an allowed action is carried out. */
export type Obligation =
  | { readonly kind: "clamp_vcpu"; readonly to: number }
  | { readonly kind: "clamp_memory"; readonly toMib: number }
  | { readonly kind: "revert_network_at_end" }
  | { readonly kind: "confine" }
  | { readonly kind: "mark_developer"; readonly what: string };

export interface Decision {
  readonly effect: "allow" | "deny";
  /** Never empty. */
  readonly reasons: readonly [PolicyReason, ...PolicyReason[]];
  readonly obligations: readonly Obligation[];
}

/** A reason whose rule is one of the closed list. */
export interface PolicyReason extends Reason {
  readonly rule: RuleId;
}

/** What the policy engine has to go by at the moment. */
export type { PolicyRevision, VmId };
