/** What policy says, as data. The file's own shape is in `schema.ts`; here is what the rest of the program asks and gets. */
import type { GuestKind, PolicyRevision, VmId } from "../src/core/ids.ts";
import type { Problem, Reason } from "../src/core/problem.ts";
import type { LoadedPolicy } from "./model.ts";
import type { RuleId } from "./rules.ts";

export type Networking = "off" | "provisioning_only" | "on";
export type AgentRight = "ping" | "osinfo" | "shutdown" | "fsfreeze" | "network" | "exec" | "files";
export type GpuModel = "virtio" | "none";
/** What a guest's own reboot comes to. */
export type OnReboot = "reset" | "stop";
/** What becomes of a guest that has panicked, or whose watchdog has run out. */
export type OnFailure = "pause" | "stop" | "reset";

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
  /** Most of the host's processors that the guest may use while it runs, percent, 1 to 100. */
  readonly cpuPercent: number;
  /**
   * What counts against `limits.cpu_percent` while it runs: the share that its profile states. A built-in profile states none;
   * its guests divide what is left (at least 1 percent each), and the kernel keeps the sum.
   */
  readonly cpuReservedPercent: number;
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
  readonly onReboot: OnReboot;
  /** Never `reset` where a reset would end the guest (`onReboot`). */
  readonly onPanic: OnFailure;
  /** As {@link onPanic}. */
  readonly onWatchdog: OnFailure;
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
  | { readonly kind: "clamp_cpu"; readonly toPercent: number }
  /** Start it without a network, although its record asks for one. */
  | { readonly kind: "clamp_network" }
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
export type PolicyState =
  | {
    readonly mode: "normal";
    readonly loaded: LoadedPolicy;
    /** Id of the trusted key that the file is signed by, where a signature was demanded. */
    readonly signedBy?: string;
  }
  /** `lastGood` is in force for what already runs; without it nothing was ever loaded. */
  | { readonly mode: "safe"; readonly reason: Problem; readonly lastGood?: LoadedPolicy };

/** Every action that touches a guest. Reading (list, show, logs) is not put to policy. */
export type PolicyAction =
  | "vm.define"
  | "vm.delete"
  | "vm.start"
  | "vm.stop"
  | "vm.kill"
  | "vm.pause"
  | "vm.resume"
  | "vm.suspend"
  | "vm.reset"
  | "vm.present"
  | "vm.hide"
  | "vm.input"
  | "vm.view"
  | "vm.console"
  | "vm.exec"
  | "vm.argv"
  | "net.set"
  | "snapshot.create"
  | "snapshot.revert"
  | "snapshot.delete"
  | "agent.call"
  | "provision.begin"
  | "policy.apply";

export type Trigger = "operator" | "autoboot" | "schedule" | "guest" | "recovery";

/** What a guest's record asks for; a registry record is assignable to it. */
export interface GuestAsk {
  readonly id: VmId;
  readonly type: GuestKind;
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
    readonly shares?: readonly { readonly name: string; readonly path: string; readonly readonly: boolean }[];
  };
  readonly policy_profile: string;
}

/** What is so on the host at the moment of asking. */
export interface PolicyFacts {
  readonly hostVcpus: number;
  readonly hostMemoryMib: number;
  /** Sums over all running guests without this one. `cpuPercent`: sum of `Rights.cpuReservedPercent`. */
  readonly running: {
    readonly count: number;
    readonly vcpus: number;
    readonly memoryMib: number;
    readonly cpuPercent: number;
  };
  readonly presented: VmId | null;
  /** Whether the guest that the request is about runs (paused counts). */
  readonly guestRunning: boolean;
  readonly kvm: boolean;
  /**
   * Whether the parts that enforce a network profile are there and work. `provisioning_nat`: only the one that a provisioning run
   * has, which enforces no more than `isPlainNat()` profiles.
   */
  readonly networkEnforcer: boolean | "provisioning_nat";
}

export interface PolicyRequest {
  readonly action: PolicyAction;
  readonly trigger: Trigger;
  /** Needed by every action on a guest but `vm.hide`. */
  readonly guest?: GuestAsk;
  readonly facts: PolicyFacts;
  /** `net.set`: the profile asked for. `provisioning`: a provisioning run is under way and answers for turning it off again. */
  readonly network?: { readonly profile: string; readonly provisioning?: boolean };
  /** `agent.call`: which group of calls. */
  readonly agentCall?: AgentRight;
  /** `snapshot.create`: how many the guest has now. */
  readonly snapshot?: { readonly count: number };
  /** `vm.start` by recovery: restarts within the last hour. */
  readonly restarts?: number;
  /** `vm.define`: size of the disk that would be made. */
  readonly diskBytes?: number;
  /** `vm.start`: QEMU device models of the planned command line, checked against the allow-list where given. */
  readonly deviceModels?: readonly string[];
  /** `vm.start`: what was found in the guest's images, where they were looked at; `escape` is a sentence. */
  readonly images?: readonly { readonly path: string; readonly escape?: string }[];
}

/** One layer's part in a decision. */
export interface LayerTrace {
  readonly layer: string;
  readonly outcome: "pass" | "deny" | "narrowed" | "not_applicable";
  readonly reasons: readonly PolicyReason[];
}
export interface Explanation {
  readonly decision: Decision;
  readonly layers: readonly LayerTrace[];
}

export type { PolicyRevision, VmId };
