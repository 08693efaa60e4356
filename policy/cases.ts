/**
 * Cases as data: a policy, a request, and what is expected. The project's own stand in `policy/cases/*.json`; operators
 * write theirs in the same form for `rayvisor policy test`. `docs/policy-cases.md` says how.
 */
import { isObject } from "../src/core/json.ts";
import { duplicateKeys } from "../src/core/json_duplicates.ts";
import type { GuestKind, PolicyRevision } from "../src/core/ids.ts";
import { parseVmId } from "../src/core/ids.ts";
import type { Problem } from "../src/core/problem.ts";
import { pathText, readShape, seen } from "../src/core/shape.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { didYouMean } from "../src/core/suggest.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { isPolicyAction } from "./actions.ts";
import { ACTION_NAMES, CASE_FILE_SHAPE, JSON_NULL, type PolicyCase } from "./cases_schema.ts";
import { decide } from "./decide.ts";
import { loadPolicy } from "./load.ts";
import type { LoadedPolicy } from "./model.ts";
import { isRuleId, type RuleId } from "./rules.ts";
import { overrideToml } from "./toml.ts";
import type { GuestAsk, Obligation, PolicyFacts, PolicyRequest, PolicyState } from "./types.ts";

export type { PolicyCase } from "./cases_schema.ts";

/** What came of a case, or of what was expected: an effect, the rules of its reasons, and obligations. */
export interface CaseResult {
  /** `invalid`: the policy does not load. */
  readonly effect: "allow" | "deny" | "invalid";
  /** Each once, in the order of the reasons. */
  readonly rules: readonly string[];
  readonly obligations: readonly Obligation[];
  /** Why, one sentence a reason with where it stands; of a policy that does not load, its problems. */
  readonly because: readonly string[];
}

/** How a case's result differs from what was expected; only what differs is there. */
export interface CaseDifference {
  readonly effect?: { readonly expected: string; readonly actual: string };
  readonly missingRules?: readonly string[];
  readonly unexpectedRules?: readonly string[];
  readonly missingObligations?: readonly unknown[];
  readonly unexpectedObligations?: readonly unknown[];
}

export type CaseOutcome =
  | { readonly ok: true; readonly name: string; readonly actual: CaseResult }
  | {
    readonly ok: false;
    readonly name: string;
    readonly actual: CaseResult;
    readonly difference: CaseDifference;
  }
  /** The case could not be tried: its policy is not there, or its overrides don't fit. */
  | { readonly ok: false; readonly name: string; readonly unusable: string };

/** A file of cases as read. `policy` is that of cases that name none. */
export interface CaseFile {
  readonly policy?: string;
  readonly cases: readonly PolicyCase[];
}

/** Reads a file of cases: a JSON list, or `{"policy": .., "cases": [..]}`. `file` is for messages. All problems at once. */
export function parseCases(json: string, file: string): Result<CaseFile, readonly Problem[]> {
  const refuse = (message: string, hint?: string): Problem => ({
    code: "invalid_policy",
    message: `${file}: ${sanitizeLine(message, 600)}`,
    path: file,
    ...(hint === undefined ? {} : { hint: sanitizeLine(hint, 200) }),
  });
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return err([refuse(`not JSON: ${error instanceof Error ? error.message : String(error)}`)]);
  }
  const twice = duplicateKeys(json);
  if (twice.length > 0) return err([refuse(`has keys that stand twice: ${twice.slice(0, 5).join(", ")}`)]);
  const read = readShape(CASE_FILE_SHAPE, Array.isArray(value) ? { cases: value } : value);
  if (!read.ok) return err(read.error.map(({ message, hint }) => refuse(message, hint)));
  const slips = read.value.cases.flatMap((one, index) => slipsOf(one, index));
  return slips.length > 0 ? err(slips.map(([message, hint]) => refuse(message, hint))) : ok(read.value);
}

/** What only looks right: an action that doesn't exist is a slip, unless the case is about exactly that. */
function slipsOf({ name, request: { action }, expect }: PolicyCase, index: number): [string, string?][] {
  if (action === undefined || isPolicyAction(action) || expect.rules.includes("no_rule")) return [];
  const where = pathText(["cases", index, "request", "action"]);
  const near = didYouMean(action, ACTION_NAMES);
  return [[
    `${where} is ${seen(action)}, which is no action (case ${seen(name)})`,
    near === undefined ? `actions are ${ACTION_NAMES.join(", ")}` : `did you mean "${near}"?`,
  ]];
}

/** Where a case's policy comes from: its text, or the sentence that says why it is not there. */
export type PolicyText = Result<string, string>;

/** Runs one case. `policyText` gives the text of a policy by what the case calls it (undefined: it names none). */
export function runCase(
  c: PolicyCase,
  policyText: (name: string | undefined) => PolicyText,
  root?: string,
): CaseOutcome {
  const { name } = c;
  const base = c.policy?.includes("\n") ? ok(c.policy) : policyText(c.policy);
  if (!base.ok) return { ok: false, name, unusable: base.error };
  const overrides = Object.entries(c.overrides).map((
    [key, value],
  ): [string, unknown] => [key, value === JSON_NULL ? undefined : value]);
  const text = overrides.length === 0 ? base : overrideToml(base.value, overrides);
  if (!text.ok) return { ok: false, name, unusable: text.error };
  const actual = resultOf(c, text.value, root);
  const difference = differenceOf(c.expect, actual);
  return Object.keys(difference).length === 0
    ? { ok: true, name, actual }
    : { ok: false, name, actual, difference };
}

function resultOf(c: PolicyCase, text: string, root: string | undefined): CaseResult {
  const loaded = loadPolicy(text, "policy", "none" as PolicyRevision, root); // no file, so no hash of one
  if (!loaded.ok) {
    return {
      effect: "invalid",
      rules: unique(loaded.error.flatMap((p) => p.reasons ?? []).map((r) => r.rule)),
      obligations: [],
      because: loaded.error.map(({ message, place, hint }) =>
        `${place ? `line ${place.line}: ` : ""}${message}${hint === undefined ? "" : ` (${hint})`}`
      ),
    };
  }
  const { effect, reasons, obligations } = decide(stateOf(c, loaded.value), requestOf(c));
  return {
    effect,
    rules: unique(reasons.map(({ rule }) => rule)),
    obligations,
    because: reasons.map(({ rule, why, where }) =>
      sanitizeLine(`${rule}: ${why}${where === undefined ? "" : ` (${where})`}`, 400)
    ),
  };
}

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

/** Rules and obligations are compared as sets: their order is fixed by the layers, not by a case. */
function differenceOf(expected: PolicyCase["expect"], actual: CaseResult): CaseDifference {
  const wanted = expected.obligations?.map(canonical);
  const got = actual.obligations.map(canonical);
  const missingRules = expected.rules.filter((rule) => !actual.rules.includes(rule));
  const unexpectedRules = actual.rules.filter((rule) => !expected.rules.some((wanted) => wanted === rule));
  const missing = (expected.obligations ?? []).filter((one) => !got.includes(canonical(one)));
  const unexpected = wanted === undefined
    ? []
    : actual.obligations.filter((one) => !wanted.includes(canonical(one)));
  return {
    ...(expected.effect === actual.effect
      ? {}
      : { effect: { expected: expected.effect, actual: actual.effect } }),
    ...(missingRules.length === 0 ? {} : { missingRules }),
    ...(unexpectedRules.length === 0 ? {} : { unexpectedRules }),
    ...(missing.length === 0 ? {} : { missingObligations: missing }),
    ...(unexpected.length === 0 ? {} : { unexpectedObligations: unexpected }),
  };
}

/** The same text for the same obligation, whatever the order of its keys. */
function canonical(value: object): string {
  return JSON.stringify(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
}

/** A difference for a person, one line a fact, then why it came out so. */
export function differenceText(difference: CaseDifference, actual: CaseResult): readonly string[] {
  const list = (items: readonly unknown[]) =>
    items.map((item) => typeof item === "string" ? item : JSON.stringify(item)).join(", ");
  const line = (what: string, items: readonly unknown[] | undefined) =>
    items === undefined ? [] : [`${what}: ${list(items)}`];
  const { effect } = difference;
  return [
    ...(effect ? [`effect: expected ${effect.expected}, got ${effect.actual}`] : []),
    ...line("rules expected, but not given", difference.missingRules),
    ...line("rules given, but not expected", difference.unexpectedRules),
    ...line("obligations expected, but not given", difference.missingObligations),
    ...line("obligations given, but not expected", difference.unexpectedObligations),
    ...actual.because.slice(0, MOST_TOLD).map((why) => `because ${why}`),
    ...(actual.because.length > MOST_TOLD ? [`and ${actual.because.length - MOST_TOLD} more reasons`] : []),
  ];
}

const MOST_TOLD = 10;

function stateOf(c: PolicyCase, loaded: LoadedPolicy): PolicyState {
  if (c.mode === "normal") return { mode: "normal", loaded };
  const why = "the policy file can't be used";
  const reason: Problem = { code: "invalid_policy", message: why, reasons: [{ rule: c.cause, why }] };
  return { mode: "safe", reason, ...(c.mode === "safe" ? {} : { lastGood: loaded }) };
}

function requestOf(c: PolicyCase): PolicyRequest {
  const { kind, guest, facts, action = "vm.start", ...rest } = c.request;
  const request = {
    ...rest,
    action,
    guest: merge(plainGuest(kind), guest),
    facts: merge(PLAIN_HOST, facts),
  };
  // Patches are JSON of the operator's own test; decide() is total on whatever comes out.
  return request as unknown as PolicyRequest;
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

/** `patch` over `base`, table by table; null takes a key out, but for `presented`, where it says that no guest is. */
function merge(base: unknown, patch: unknown): unknown {
  if (!isObject(base) || !isObject(patch)) return patch;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null && key !== "presented") merged.delete(key);
    else merged.set(key, merged.has(key) ? merge(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** Rule ids that a set of cases expects, for the test that every rule has one. */
export function coveredRules(cases: readonly PolicyCase[]): ReadonlySet<RuleId> {
  return new Set(
    cases.flatMap((c) => [...c.expect.rules, ...(c.mode === "normal" ? [] : [c.cause])]).filter(isRuleId),
  );
}
