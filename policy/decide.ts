/**
 * Decisions (contract, section 4): one pure, synchronous, total function. Every layer that applies to an action is
 * evaluated and every reason kept; one denial is enough to deny, a layer that fails to evaluate denies, and what no rule
 * allows is denied.
 */
import { seen } from "../src/core/shape.ts";
import { type ActionRule, actionRule } from "./actions.ts";
import type { Finding, Question } from "./finding.ts";
import { LAYER_RULES } from "./layers.ts";
import type { LoadedPolicy } from "./model.ts";
import { effectiveRights } from "./rights.ts";
import { isRuleId, type Layer, LAYERS } from "./rules.ts";
import type {
  Decision,
  Explanation,
  LayerTrace,
  Obligation,
  PolicyReason,
  PolicyRequest,
  PolicyState,
} from "./types.ts";

/** What policy says to a request. Never throws. */
export function decide(state: PolicyState, request: PolicyRequest): Decision {
  return explain(state, request).decision;
}

/** As {@link decide}, with what each layer said, in the order of `LAYERS`. */
export function explain(state: PolicyState, request: PolicyRequest): Explanation {
  try {
    return evaluate(state, request);
  } catch (error) {
    // Reached only by values that the types rule out, such as a request that is null.
    const reason: PolicyReason = {
      rule: "unevaluable",
      why: `the request could not be evaluated: ${String(error).slice(0, 200)}`,
    };
    const layers = LAYERS.map((layer): LayerTrace =>
      layer === "request"
        ? { layer, outcome: "deny", reasons: [reason] }
        : { layer, outcome: "not_applicable", reasons: [] }
    );
    return { decision: { effect: "deny", reasons: [reason], obligations: [] }, layers };
  }
}

function evaluate(state: PolicyState, request: PolicyRequest): Explanation {
  const rule = actionRule(request.action);
  const found = new Map<Layer, readonly Finding[]>();
  if (rule === undefined) {
    const why = `${seen(request.action)} is no action that policy knows`;
    return conclude(found, [{ rule: "no_rule", why }], undefined);
  }
  const isNetworkOff = request.action === "net.set" && request.network?.profile === "off";
  const narrows = rule.narrows || isNetworkOff;
  const asked = requestFindings(request, narrows);
  if (asked.length > 0) found.set("request", asked);
  if (narrows) {
    return conclude(found, [], isNetworkOff ? "turning the network off only takes away" : rule.why);
  }
  const mode = modeFindings(state, request, rule);
  if (mode.length > 0) found.set("mode", mode);
  const loaded = state.mode === "normal" ? state.loaded : state.lastGood;
  if (mode.length > 0 || asked.length > 0) return conclude(found, [], undefined);
  if (loaded === undefined) {
    return conclude(found, [], "snapshots of stopped guests go on working in safe mode");
  }
  evaluateLayers(loaded, request, rule, found);
  return conclude(found, [], rule.why, rule);
}

function evaluateLayers(
  loaded: LoadedPolicy,
  request: PolicyRequest,
  rule: ActionRule,
  found: Map<Layer, readonly Finding[]>,
): void {
  const { guest } = request;
  const rights = guest && effectiveRights(loaded, guest.type, guest.policy_profile);
  if (rights && !rights.ok && rule.layers.includes("profile")) found.set("profile", [{ deny: rights.error }]);
  if (!guest || !rights) {
    if (rule.layers.length > 0) {
      found.set("request", [{ deny: { rule: "unevaluable", why: "the request names no guest" } }]);
    }
    return;
  }
  const question: Question = {
    loaded,
    request,
    guest,
    ...(rights.ok ? { rights: rights.value.rights, sources: rights.value.sources } : {}),
  };
  for (const layer of rule.layers) {
    const evaluateLayer = LAYER_RULES[layer];
    if (evaluateLayer === undefined) continue;
    const findings = guarded(layer, () => evaluateLayer(question));
    found.set(layer, [...(found.get(layer) ?? []), ...findings]);
  }
}

/** A rule that can't be evaluated denies. */
function guarded(layer: Layer, evaluateLayer: () => readonly Finding[]): readonly Finding[] {
  try {
    return evaluateLayer();
  } catch (error) {
    const why = `layer ${layer} could not be evaluated: ${String(error).slice(0, 200)}`;
    return [{ deny: { rule: "unevaluable", why } }];
  }
}

function conclude(
  found: ReadonlyMap<Layer, readonly Finding[]>,
  otherwise: readonly PolicyReason[],
  allowedWhy: string | undefined,
  rule?: ActionRule,
): Explanation {
  const denials: PolicyReason[] = [];
  const narrowed: PolicyReason[] = [];
  const obligations: Obligation[] = [];
  const layers: LayerTrace[] = [];
  for (const layer of LAYERS) {
    const findings = found.get(layer) ?? [];
    const reasons: PolicyReason[] = [];
    let outcome: LayerTrace["outcome"] = found.has(layer) || rule?.layers.includes(layer)
      ? "pass"
      : "not_applicable";
    for (const finding of findings) {
      if ("deny" in finding) {
        outcome = "deny";
        denials.push(finding.deny);
        reasons.push(finding.deny);
      } else {
        if (finding.narrow) {
          if (outcome !== "deny") outcome = "narrowed";
          narrowed.push(finding.narrow);
          reasons.push(finding.narrow);
        }
        if (finding.obligation) obligations.push(finding.obligation);
      }
    }
    layers.push({ layer, outcome, reasons });
  }
  const last = layers.length - 1;
  const [first, ...more] = denials;
  if (first) return { decision: { effect: "deny", reasons: [first, ...more], obligations: [] }, layers };
  if (allowedWhy === undefined) {
    const [reason = { rule: "no_rule", why: "no rule allows it" } as PolicyReason] = otherwise;
    layers[last] = { layer: "default", outcome: "deny", reasons: [reason] };
    return { decision: { effect: "deny", reasons: [reason], obligations: [] }, layers };
  }
  const allowed: PolicyReason = { rule: "allowed", why: allowedWhy };
  layers[last] = { layer: "default", outcome: "pass", reasons: [allowed] };
  return { decision: { effect: "allow", reasons: [allowed, ...narrowed], obligations }, layers };
}

/** Faults of the request itself. */
function requestFindings(request: PolicyRequest, narrows: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const deny = (id: PolicyReason["rule"], why: string) => findings.push({ deny: { rule: id, why } });
  if (request.trigger === "guest") {
    if (request.action.startsWith("snapshot.")) {
      deny("snapshot_guest_initiated", "a guest asked for it; snapshots belong to the host");
    } else deny("guest_initiated", `a guest asked for ${request.action}; guests ask the host for nothing`);
  }
  if (!["operator", "autoboot", "schedule", "guest", "recovery"].includes(request.trigger)) {
    deny("unevaluable", `the trigger is ${seen(request.trigger)}, which policy does not know`);
  }
  if (request.action !== "vm.hide" && request.action !== "policy.apply" && request.guest === undefined) {
    deny("unevaluable", "the request names no guest");
  }
  // What only takes away needs no facts: it must work on a host that can't be measured.
  if (narrows) return findings;
  const bad = brokenFact(request);
  if (bad !== undefined) deny("unevaluable", bad);
  return findings;
}

/** The first fact about the host that makes no sense, in words. */
function brokenFact({ facts }: PolicyRequest): string | undefined {
  const isCount = (n: unknown) => typeof n === "number" && Number.isFinite(n) && n >= 0;
  if (!isCount(facts.hostVcpus) || facts.hostVcpus < 1) {
    return `the host's number of processors is ${seen(facts.hostVcpus)}`;
  }
  if (!isCount(facts.hostMemoryMib)) return `the host's memory is ${seen(facts.hostMemoryMib)} MiB`;
  for (const key of ["count", "vcpus", "memoryMib", "cpuPercent"] as const) {
    if (!isCount(facts.running[key])) {
      return `the sum ${key} of running guests is ${seen(facts.running[key])}`;
    }
  }
  return undefined;
}

/** What safe mode forbids. */
function modeFindings(state: PolicyState, request: PolicyRequest, rule: ActionRule): readonly Finding[] {
  const safe = request.trigger === "recovery" ? rule.safeRecovery ?? rule.safe : rule.safe;
  if (state.mode === "normal" || safe === "allow") return [];
  if (safe === "stopped_only" && request.facts.guestRunning === false) return [];
  if (safe === "last_good" && state.lastGood !== undefined) return [];
  const cause = (state.reason.reasons ?? []).flatMap(({ rule: id, why, where }): Finding[] =>
    isRuleId(id) && id !== "safe_mode"
      ? [{ deny: { rule: id, why, ...(where === undefined ? {} : { where }) } }]
      : []
  );
  const why =
    `safe mode: ${state.reason.message}; nothing may be started or widened until a good policy is loaded`;
  const fallback: Finding = { deny: { rule: "policy_invalid", why: state.reason.message } };
  return [{ deny: { rule: "safe_mode", why } }, ...(cause.length > 0 ? cause : [fallback])];
}
