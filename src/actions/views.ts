/** What the supervisor shows of itself and of its guests: the answers of the API. Sizes in MiB, times as UTC text. */
import type { Enforcement } from "../cgroup/groups.ts";
import type { GuestState, PauseReason } from "../lifecycle/states.ts";
import type { GuestKind, VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import type { Problem, Reason } from "../core/problem.ts";
import type { NetworkFigures } from "../network/words.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { PolicyDifference } from "../../policy/difference.ts";
import type { Narrowed } from "../../policy/narrowing.ts";
import type { EffectiveRights } from "../../policy/rights.ts";
import type { Decision, Explanation } from "../../policy/types.ts";
import type { Step } from "../provision/steps.ts";
import type { CardCounters } from "./live_views.ts";

export type Accelerator = "kvm" | "tcg";

/** One row of `vm list`. */
export interface GuestView {
  readonly id: VmId | string;
  readonly name: string;
  readonly kind: GuestKind | null;
  readonly state: GuestState;
  /** What is wrong, for a guest that is broken, has crashed or stands still for a fault. */
  readonly problem: string | null;
  /** Why it stands still, while it is paused. */
  readonly pause_reason: PauseReason | null;
  /** The guest agent answers. */
  readonly ready: boolean;
  readonly presented: boolean;
  /** Its provisioning, while that is not over. */
  readonly provision: ProvisionView | null;
  /** Name of the network profile that is on, or `off`. */
  readonly network: string;
  readonly policy_profile: string | null;
  readonly vcpu: number | null;
  readonly memory_mib: number | null;
  readonly accelerator: Accelerator | null;
  readonly pid: number | null;
  readonly started_at: string | null;
  /** What the operator should know: emulation, a narrowed policy, a missing record. */
  readonly notes: readonly string[];
}

/** Live figures of a running guest; a part that does not answer is null and named in `unanswered`. */
export interface LiveView {
  readonly status: string | null;
  readonly vcpus: readonly { readonly index: number; readonly thread_id: number }[] | null;
  readonly memory: {
    readonly assigned_mib: number;
    /** By the guest's balloon driver: absent when it has none. */
    readonly guest_free_mib?: number;
    readonly guest_total_mib?: number;
    /** How long ago the guest said so. */
    readonly guest_age_s?: number;
  } | null;
  readonly block:
    | readonly {
      readonly node: string;
      readonly read_bytes: number;
      readonly written_bytes: number;
      readonly read_ops: number;
      readonly write_ops: number;
    }[]
    | null;
  readonly network: readonly CardCounters[] | null;
  readonly tpm: readonly string[] | null;
  readonly agent: JsonObject | null;
  readonly unanswered: readonly string[];
}

export interface GuestDetail extends GuestView {
  readonly record: VmRecord | null;
  readonly rights: EffectiveRights | null;
  readonly problems: readonly Problem[];
  readonly live: LiveView | null;
  /** Path of its newest report below `crash/`. */
  readonly crash_report: string | null;
  /** Last lines of the serial console, sanitised. */
  readonly serial_tail: readonly string[];
}

export interface StatusView {
  readonly supervisor: {
    readonly version: string;
    readonly pid: number;
    readonly root: string;
    readonly started_at: string;
    readonly uptime_s: number;
  };
  readonly policy: {
    readonly revision: string;
    readonly safe_mode: boolean;
    readonly problem: Problem | null;
    /** Id of the key that the policy in force is signed by; null where no signature is demanded. */
    readonly signed_by: string | null;
  };
  readonly host: {
    readonly cpus: number;
    readonly memory_mib: number;
    /** Null until the host was looked at, which a supervisor does at its start. */
    readonly accelerator: Accelerator | null;
    readonly accelerator_why: string;
  };
  readonly audit: {
    /** Number of the last record. */
    readonly seq: number;
    /** Since when the trail can't be written, so that changing actions are refused; null: it can. */
    readonly unavailable_since: string | null;
  };
  readonly sums: {
    readonly running: number;
    /** Limits are null as long as no policy was ever loaded. */
    readonly max_running: number | null;
    readonly vcpus: number;
    readonly memory_mib: number;
    readonly memory_limit_mib: number | null;
    /** Shares of the host's processors that the running guests are promised. */
    readonly cpu_percent: number;
    readonly cpu_limit_percent: number | null;
  };
  /** What makes the limits of running guests true. */
  readonly enforcement: Enforcement;
  /** How many guests are in each state; states of none are left out. */
  readonly states: Readonly<Partial<Record<GuestState, number>>>;
  readonly presented: string | null;
  /** The file systems that guests and supervisor write to. */
  readonly storage: readonly StorageView[];
  readonly guests: readonly GuestView[];
  /** Runs that are not over; the guest of one may not be in the registry yet. */
  readonly provisioning: readonly ProvisionView[];
}

/** An action that is under way. */
export interface JobView {
  /** Its name; the correlation id of its records in the audit trail. */
  readonly job: string;
  readonly action: string;
  readonly vm: string | null;
  /** `waiting`: for another action on the same guest. `called_off`: it undoes itself. */
  readonly state: "waiting" | "running" | "called_off";
  /** Kind of whoever asked. */
  readonly actor: string;
  readonly asked_at: string;
  readonly started_at: string | null;
  /** How far it has come, in words, where it says so. */
  readonly progress: string | null;
}

/** A guest as a description that another tool reads. */
export interface ExportView {
  readonly vm: string;
  readonly format: "libvirt";
  readonly text: string;
  /** What that tool can't hold of it or does otherwise. */
  readonly notes: readonly string[];
}

/** A provisioning run that is under way, was interrupted or has failed. */
export interface ProvisionView {
  readonly vm: string;
  readonly step: Step;
  readonly state: "running" | "interrupted" | "failed";
  /** What the guest is at while it installs itself. */
  readonly phase: string | null;
  readonly begun_at: string;
  /** How often the machine was reset by its installation. */
  readonly restarts: number;
  /** What its agent says that it is. */
  readonly os: string | null;
  /** Name of the baseline that will be kept. */
  readonly baseline: string | null;
  /** Why it failed. */
  readonly why: string | null;
}

/** What a provisioning run would do. */
export interface ProvisionPlanView {
  readonly vm: string;
  readonly type: GuestKind;
  /** What would be entered into the registry. */
  readonly record: VmRecord;
  /** What policy says of everything that the run will ask for. */
  readonly decisions: readonly {
    readonly action: string;
    readonly effect: Decision["effect"];
    readonly reasons: readonly Reason[];
  }[];
  /** Why the media or the image that it is to be made from would be refused; null when nothing is known against them. */
  readonly obstacle: Problem | null;
  /** What stands in no run's way, and may not be meant. */
  readonly remarks: readonly string[];
  readonly steps: readonly {
    readonly step: Step;
    readonly title: string;
    /** Files that are made and commands that are run, in order; secrets are hidden. */
    readonly does: readonly string[];
  }[];
}

/** Room on one file system. */
export interface StorageView {
  readonly path: string;
  readonly free_mib: number;
  readonly total_mib: number;
  /** Null where there is no bound. */
  readonly free_inodes: number | null;
  /** `low` warns; while it is `full` nothing is started, and guests that wait for room stand still. */
  readonly level: "ok" | "low" | "full";
  /** What is short; null while nothing is. */
  readonly short_of: "space" | "inodes" | null;
}

export interface CommandView {
  readonly program: string;
  readonly args: readonly string[];
}

/** Answer of an action that changed something. */
export interface DoneView {
  readonly done: string;
  readonly vm?: string;
  readonly state?: GuestState;
  /** Of a stop: the step that ended the guest, and the time from the first step on. */
  readonly ended_by?: "agent" | "acpi" | "quit" | "kill";
  readonly took_ms?: number;
  readonly reasons?: readonly Reason[];
  readonly notes?: readonly string[];
}

/** What another policy would change. */
export interface PolicyCheckView {
  /** Revision in force, or `none`. */
  readonly from: string;
  readonly to: string;
  /** Why it must be signed; null: it need not be. */
  readonly demanded_by: string | null;
  /** Id of the trusted key it is signed by. */
  readonly signed_by: string | null;
  readonly difference: PolicyDifference;
  /** What it would take away from guests that run. */
  readonly consequences: readonly Narrowed[];
  /** What is legal in it but probably not meant. */
  readonly remarks: readonly Problem[];
}

export interface PolicyApplyView extends DoneView, PolicyCheckView {}

export interface NetView {
  readonly vm: string;
  /** The profile that is on, or `off`. */
  readonly network: string;
  /** What the record asks for; null: nothing. */
  readonly asked: string | null;
  /** The most that policy grants. */
  readonly granted: string;
  /** Network profiles that policy lets this guest ask for. */
  readonly profiles: readonly string[];
  /** All that the policy in force describes, those included that it does not let this guest have. */
  readonly defined: readonly string[];
  /** Of the network that is on; null while none is. */
  readonly on: {
    readonly reason: string;
    readonly since: string;
    /** Hardware address of the card. */
    readonly mac: string;
    /** Null when its gateway does not answer. */
    readonly figures: NetworkFigures | null;
  } | null;
}

export interface ExplainView {
  readonly vm: string;
  readonly action: string;
  readonly decision: Decision;
  readonly layers: Explanation["layers"];
}

/** What can be proven from outside about the present boot of a guest (`src/efi/evidence.ts`). */
export interface FirmwareView {
  readonly vm: string;
  readonly firmware_ran: boolean;
  readonly secure_boot_enforced: boolean;
  /** Subject names of the certificates that Secure Boot trusts. */
  readonly certificates: readonly string[];
  readonly tpm_answered: boolean;
  readonly tpm_recorded: boolean;
}
