/**
 * Cases as data: a policy, a request, and what is expected. The project's own stand in `policy/cases/*.json`; operators
 * write theirs in the same form for `rayvisor policy test`.
 */
import { isObject } from "../src/core/json.ts";
import type { GuestKind, PolicyRevision } from "../src/core/ids.ts";
import { parseVmId } from "../src/core/ids.ts";
import type { Problem } from "../src/core/problem.ts";
import {
  bool,
  defaulted,
  int,
  list,
  mapOf,
  oneOf,
  optional,
  pathText,
  readShape,
  required,
  section,
  seen,
  type Shape,
  table,
  text,
} from "../src/core/shape.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { ACTIONS } from "./actions.ts";
import { decide } from "./decide.ts";
import { loadPolicy, summaryOf } from "./load.ts";
import type { LoadedPolicy } from "./model.ts";
import { isRuleId, type RuleId, RULES } from "./rules.ts";
import { AGENT_RIGHTS } from "./schema.ts";
import { overrideToml } from "./toml.ts";
import type { Decision, GuestAsk, PolicyAction, PolicyFacts, PolicyRequest, PolicyState } from "./types.ts";

/** Deepest merge of a record; anything of JSON. */
type Patch = Readonly<Record<string, unknown>>;

export interface PolicyCase {
  readonly name: string;
  /** Name of a base policy, or the text of one where it has more than one line. */
  readonly policy: string;
  /** Key path to value; null takes the key out. */
  readonly overrides: Patch;
  /** `safe`: safe mode without a last good policy; `safe_last_good`: the policy is the last good one. */
  readonly mode: "normal" | "safe" | "safe_last_good";
  /** In safe mode: the rule that caused it. */
  readonly cause: RuleId;
  readonly request: CaseRequest;
  readonly expect: {
    /** `invalid`: the policy does not load. */
    readonly effect: "allow" | "deny" | "invalid";
    /** Rule ids of the reasons, in their order. */
    readonly rules: readonly string[];
    readonly obligations: readonly Patch[];
  };
}

type CaseRequest = Omit<PolicyRequest, "guest" | "facts" | "action"> & {
  readonly action?: PolicyAction;
  readonly kind: GuestKind;
  /** Changes to a plain stopped guest of that kind. */
  readonly guest: Patch;
  readonly facts: Patch;
};

export type CaseOutcome =
  | { readonly ok: true; readonly name: string }
  /** `difference`: lines for a person, what was expected and what came. */
  | { readonly ok: false; readonly name: string; readonly difference: readonly string[] };

const word = text("text", (value) => ({ value }));
const anything: Shape<Patch> = {
  want: "a table",
  read(value, path, report) {
    if (isObject(value)) return value;
    report({ path, at: "value", message: `${pathText(path)} is ${seen(value)}; allowed is ${this.want}` });
    return undefined;
  },
};
const ruleId = oneOf(RULES.map((rule) => rule.id));
const actions = Object.keys(ACTIONS).filter((action): action is PolicyAction => action in ACTIONS);

const request = table<CaseRequest>({
  action: optional(oneOf(actions), "The action."),
  trigger: defaulted(
    oneOf(["operator", "autoboot", "schedule", "guest", "recovery"]),
    "operator",
    "Who asks.",
  ),
  kind: defaulted(oneOf(["linux", "windows"]), "linux", "Kind of the plain guest that `guest` changes."),
  guest: defaulted(anything, {}, "Changes to its record."),
  facts: defaulted(anything, {}, "Changes to the facts about a plain host."),
  network: optional(
    table<NonNullable<PolicyRequest["network"]>>({
      profile: required(word, "Network profile."),
      provisioning: optional(bool, "A run is under way."),
    }),
    "For net.set.",
  ),
  agentCall: optional(oneOf(AGENT_RIGHTS), "For agent.call."),
  snapshot: optional(
    table<{ count: number }>({ count: required(int(0), "Snapshots now.") }),
    "For snapshot.create.",
  ),
  restarts: optional(int(0), "For a start by recovery."),
  deviceModels: optional(list(word), "For vm.start."),
  images: optional(
    list(
      table<{ path: string; escape?: string }>({
        path: required(word, "Image."),
        escape: optional(word, "What is wrong."),
      }),
    ),
    "For vm.start.",
  ),
});

const caseShape = table<PolicyCase>({
  name: required(word, "A sentence."),
  policy: required(word, "Base policy or text."),
  overrides: defaulted(
    mapOf(word, { want: "any value", read: (value) => value ?? NULL }),
    {},
    "Key path to value.",
  ),
  mode: defaulted(oneOf(["normal", "safe", "safe_last_good"]), "normal", "State of the engine."),
  cause: defaulted(ruleId, "policy_invalid", "Cause of safe mode."),
  request: section(request, "The request."),
  expect: required(
    table<PolicyCase["expect"]>({
      effect: required(oneOf(["allow", "deny", "invalid"]), "Effect."),
      rules: required(list(ruleId), "Rule ids."),
      obligations: defaulted(list(anything), [], "Obligations."),
    }),
    "What is expected.",
  ),
});
/** Stands for JSON null, which a shape's `undefined` would lose. */
const NULL = Symbol("null");

/** Reads a file of cases: a JSON list, or `{"cases": [...]}`. `file` is for messages. */
export function parseCases(json: string, file: string): Result<readonly PolicyCase[], readonly Problem[]> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return err([{ code: "invalid_policy", message: `${file} is not JSON: ${String(error)}`, path: file }]);
  }
  const cases = isObject(value) ? value["cases"] : value;
  const read = readShape(list(caseShape, 100_000), cases);
  if (read.ok) return ok(read.value);
  return err(read.error.map(({ message, hint }): Problem => ({
    code: "invalid_policy",
    message: `${file}: ${message}`,
    path: file,
    ...(hint === undefined ? {} : { hint }),
  })));
}

/** Runs one case. `basePolicy` gives the text of a base policy by its name, or undefined. */
export function runCase(c: PolicyCase, basePolicy: (name: string) => string | undefined): CaseOutcome {
  const base = c.policy.includes("\n") ? c.policy : basePolicy(c.policy);
  if (base === undefined) {
    return { ok: false, name: c.name, difference: [`there is no policy ${seen(c.policy)}`] };
  }
  const overrides = Object.entries(c.overrides).map((
    [key, value],
  ): [string, unknown] => [key, value === NULL ? undefined : value]);
  const policyText = overrides.length === 0 ? ok(base) : overrideToml(base, overrides);
  if (!policyText.ok) return { ok: false, name: c.name, difference: [policyText.error] };
  const loaded = loadPolicy(policyText.value, "policy", "none" as PolicyRevision);
  const got = loaded.ok ? outcomeOf(decide(stateOf(c, loaded.value), requestOf(c))) : {
    effect: "invalid",
    rules: [...new Set(loaded.error.flatMap((p) => p.reasons ?? []).map((r) => r.rule))],
    obligations: [],
    text: [summaryOf("policy", loaded.error).message],
  };
  const difference = [
    ...differs("effect", c.expect.effect, got.effect),
    ...differs("rules", c.expect.rules, got.rules),
    ...differs("obligations", c.expect.obligations, got.obligations),
  ];
  if (difference.length === 0) return { ok: true, name: c.name };
  return {
    ok: false,
    name: c.name,
    difference: [...difference, ...got.text.map((why) => `because: ${why}`)],
  };
}

function outcomeOf(decision: Decision) {
  return {
    effect: decision.effect,
    rules: decision.reasons.map((reason) => reason.rule),
    obligations: decision.obligations,
    text: decision.reasons.map(({ rule, why, where }) =>
      `${rule}: ${why}${where === undefined ? "" : ` (${where})`}`
    ),
  };
}

function differs(what: string, expected: unknown, got: unknown): readonly string[] {
  const [want, have] = [JSON.stringify(expected), JSON.stringify(got)];
  return want === have ? [] : [`${what}: expected ${want}, got ${have}`];
}

function stateOf(c: PolicyCase, loaded: LoadedPolicy): PolicyState {
  if (c.mode === "normal") return { mode: "normal", loaded };
  const why = "the policy file can't be used";
  const reason: Problem = { code: "invalid_policy", message: why, reasons: [{ rule: c.cause, why }] };
  return { mode: "safe", reason, ...(c.mode === "safe" ? {} : { lastGood: loaded }) };
}

function requestOf(c: PolicyCase): PolicyRequest {
  const { kind, guest, facts, action = "vm.start", ...rest } = c.request;
  return {
    ...rest,
    action,
    // Patches are JSON of the operator's own test; decide() is total on whatever comes out.
    guest: merge(plainGuest(kind), guest) as GuestAsk,
    facts: merge(PLAIN_HOST, facts) as PolicyFacts,
  };
}

/** A host with room for more guests on which everything works. */
export const PLAIN_HOST: PolicyFacts = {
  hostVcpus: 8,
  hostMemoryMib: 32768,
  running: { count: 0, vcpus: 0, memoryMib: 0, cpuPercent: 0 },
  presented: null,
  guestRunning: false,
  kvm: true,
  networkEnforcer: true,
};

/** A modest stopped guest that its kind's default profile allows. */
export function plainGuest(kind: GuestKind): GuestAsk {
  const id = parseVmId(`${kind}-desktop-001`);
  if (id === undefined) throw new Error("the plain guest's id is no id");
  const folder = `vm/${kind}/${id}`;
  const isWindows = kind === "windows";
  return {
    id,
    type: kind,
    storage: {
      disks: { system: `${folder}/disk.qcow2` },
      ovmf_vars: `${folder}/ovmf_vars.qcow2`,
      ...(isWindows ? { tpm_state: `${folder}/tpm` } : {}),
    },
    devices: {
      vcpu: 2,
      memory_mb: isWindows ? 4096 : 2048,
      network: { enabled: false },
      ...(isWindows ? { tpm: { enabled: true }, secure_boot: true } : {}),
    },
    policy_profile: `default-${kind}`,
  };
}

function merge(base: unknown, patch: unknown): unknown {
  if (!isObject(base) || !isObject(patch)) return patch;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null && key !== "presented") delete merged[key];
    else merged[key] = Object.hasOwn(merged, key) ? merge(merged[key], value) : value;
  }
  return merged;
}

/** Rule ids that a set of cases expects, for the test that every rule has one. */
export function coveredRules(cases: readonly PolicyCase[]): ReadonlySet<RuleId> {
  return new Set(
    cases.flatMap((c) => [...c.expect.rules, ...(c.mode === "normal" ? [] : [c.cause])]).filter(isRuleId),
  );
}
