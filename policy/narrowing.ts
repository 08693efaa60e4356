/**
 * What a policy takes away from guests that run already (contract, section 4). Pure: the steps are data, the supervisor
 * takes them. The rules are those of a start, asked again with what the guest was given, so that a guest that is marked
 * here is one that could not be started again.
 */
import type { Reason } from "../src/core/problem.ts";
import { decide } from "./decide.ts";
import type { Question } from "./finding.ts";
import { LAYER_RULES } from "./layers.ts";
import type { LoadedPolicy } from "./model.ts";
import { type EffectiveRights, effectiveRights, whereIn } from "./rights.ts";
import type { Layer } from "./rules.ts";
import type {
  GuestAsk,
  PolicyAction,
  PolicyFacts,
  PolicyReason,
  PolicyRequest,
  PolicyState,
  VmId,
} from "./types.ts";

/** A guest that has a process, and what it has at the moment. */
export interface RunningGuest {
  readonly guest: GuestAsk;
  /** What it was started with; may be less than its record asks for. */
  readonly given: { readonly vcpu: number; readonly memoryMib: number; readonly cpuPercent: number };
  /** Milliseconds since 1970: of guests whose sum is too much it is the younger ones. */
  readonly startedAt: number;
  readonly presented: boolean;
  /** The network profile that is on, or `off`. */
  readonly network: string;
  /** That network is one of a provisioning run. */
  readonly provisioning: boolean;
  /** It runs by KVM. */
  readonly kvm: boolean;
}

export type NarrowingStep =
  /** Taken away at once. */
  | { readonly kind: "hide" | "input_off" | "network_off" | "share_off"; readonly reason: PolicyReason }
  /** Its promised share of the processors is lowered at once. */
  | { readonly kind: "cpu_cap"; readonly toPercent: number; readonly reason: PolicyReason }
  /** Can't be taken away while it runs: shown until it is stopped or a policy allows it again. */
  | { readonly kind: "mark"; readonly reason: PolicyReason }
  /** As `mark`, and `limits.on_narrowed` is `stop`: it is stopped in the orderly way. */
  | { readonly kind: "stop"; readonly reason: PolicyReason };

export interface Narrowed {
  readonly vm: VmId;
  readonly steps: readonly NarrowingStep[];
}

/** What is so on the host. */
export type HostNow = Pick<PolicyFacts, "hostVcpus" | "hostMemoryMib" | "networkEnforcer">;

/** Layers of a start that are about what can't be taken away while a guest runs. */
const LASTING: readonly Layer[] = ["kind", "devices", "caps"];

/**
 * The steps for each guest that has more than the policy in force allows, in the order of their start; guests that have
 * not are left out. Without a policy that could be in force (safe mode from the start) every guest goes on, hidden, without
 * a network, and marked.
 */
export function narrowing(
  state: PolicyState,
  running: readonly RunningGuest[],
  host: HostNow,
): readonly Narrowed[] {
  const loaded = state.mode === "normal" ? state.loaded : state.lastGood;
  const inOrder = running.toSorted((a, b) => a.startedAt - b.startedAt || (a.guest.id < b.guest.id ? -1 : 1));
  let sums: PolicyFacts["running"] = { count: 0, vcpus: 0, memoryMib: 0, cpuPercent: 0 };
  return inOrder.flatMap((one): Narrowed[] => {
    const steps = loaded
      ? stepsOf(loaded, one, {
        ...host,
        running: sums,
        presented: one.presented ? one.guest.id : null,
        ...NOW(one),
      })
      : withoutPolicy(one, state.mode === "safe" ? state.reason.message : "there is no policy");
    if (!steps.some(({ kind }) => kind === "stop")) sums = plus(sums, one, steps);
    return steps.length > 0 ? [{ vm: one.guest.id, steps }] : [];
  });
}

const NOW = (one: RunningGuest) => ({ guestRunning: true, kvm: one.kvm });

function plus(
  sums: PolicyFacts["running"],
  { given }: RunningGuest,
  steps: readonly NarrowingStep[],
): PolicyFacts["running"] {
  const cap = steps.find((step) => step.kind === "cpu_cap");
  return {
    count: sums.count + 1,
    vcpus: sums.vcpus + given.vcpu,
    memoryMib: sums.memoryMib + given.memoryMib,
    cpuPercent: sums.cpuPercent + (cap?.toPercent ?? given.cpuPercent),
  };
}

function withoutPolicy(one: RunningGuest, message: string): readonly NarrowingStep[] {
  const reason: PolicyReason = {
    rule: "safe_mode",
    why: `no policy is in force (${message}); it goes on hidden and without a network`,
  };
  return [
    ...(one.presented ? [{ kind: "hide" as const, reason }] : []),
    ...(one.network === "off" ? [] : [{ kind: "network_off" as const, reason }]),
    { kind: "mark", reason },
  ];
}

function stepsOf(loaded: LoadedPolicy, one: RunningGuest, facts: PolicyFacts): readonly NarrowingStep[] {
  const { guest } = one;
  const rights = effectiveRights(loaded, guest.type, guest.policy_profile);
  const denial = (action: PolicyAction, more: Partial<PolicyRequest> = {}): PolicyReason | undefined => {
    const decision = decide({ mode: "normal", loaded }, {
      action,
      trigger: "operator",
      guest,
      facts,
      ...more,
    });
    return decision.effect === "deny" ? decision.reasons[0] : undefined;
  };
  const steps: NarrowingStep[] = [];
  const take = (kind: "hide" | "input_off" | "network_off", reason: PolicyReason | undefined) => {
    if (reason) steps.push({ kind, reason });
  };
  if (one.presented) {
    const hidden = denial("vm.present");
    take("hide", hidden);
    if (!hidden) take("input_off", denial("vm.input"));
  }
  if (one.network !== "off") {
    const network = { profile: one.network, provisioning: one.provisioning };
    take("network_off", denial("net.set", { network }));
  }
  if (rights.ok && rights.value.rights.cpuReservedPercent < one.given.cpuPercent) {
    steps.push(cpuCap(loaded, rights.value, one.given.cpuPercent));
  }
  const last = loaded.policy.limits.on_narrowed === "stop" ? "stop" : "mark";
  const lasting = rights.ok ? lastingDenials(loaded, one, facts, rights.value) : [rights.error];
  for (const reason of unique(lasting)) {
    steps.push({ kind: reason.rule === "mount_not_allowed" ? "share_off" : last, reason });
  }
  return steps;
}

function cpuCap(loaded: LoadedPolicy, { rights, sources }: EffectiveRights, given: number): NarrowingStep {
  const toPercent = rights.cpuReservedPercent;
  const why = `it was promised ${given} percent of the processors; allowed are ${toPercent}`;
  const where = whereIn(loaded, sources.cpuReservedPercent.key);
  return { kind: "cpu_cap", toPercent, reason: { rule: "total_cpu_cap", why, where } };
}

/** Why the guest could not be started again with what it has. Lowering is no way out for one that runs. */
function lastingDenials(
  loaded: LoadedPolicy,
  { guest, given }: RunningGuest,
  facts: PolicyFacts,
  { rights, sources }: EffectiveRights,
): readonly PolicyReason[] {
  const has: GuestAsk = {
    ...guest,
    devices: { ...guest.devices, vcpu: given.vcpu, memory_mb: given.memoryMib },
  };
  const question: Question = {
    loaded,
    request: { action: "vm.start", trigger: "operator", guest: has, facts },
    guest: has,
    rights: { ...rights, clamp: false },
    sources,
  };
  const denied = [...LASTING, "totals" as const].flatMap((layer) => denialsOf(layer, question));
  const tooMuch = denied.some(({ rule }) => rule === "vcpu_cap" || rule === "memory_cap");
  // The minimum is held against what the caps leave, which the guest does not have: the caps say it all.
  return tooMuch ? denied.filter(({ rule }) => rule !== "below_minimum") : denied;
}

function denialsOf(layer: Layer, question: Question): readonly PolicyReason[] {
  try {
    return (LAYER_RULES[layer]?.(question) ?? []).flatMap((finding) =>
      "deny" in finding ? [finding.deny] : []
    );
  } catch (error) {
    return [{
      rule: "unevaluable",
      why: `the layer ${layer} could not be evaluated: ${String(error).slice(0, 200)}`,
    }];
  }
}

function unique<R extends Reason>(reasons: readonly R[]): readonly R[] {
  return reasons.filter((r, i) =>
    reasons.findIndex((other) => other.rule === r.rule && other.why === r.why) === i
  );
}
