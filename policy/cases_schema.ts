/** The form of a file of cases: every key, for reading, for `docs/policy-cases.md`, and for refusing typos. */
import { isObject } from "../src/core/json.ts";
import type { GuestKind } from "../src/core/ids.ts";
import {
  bool,
  defaulted,
  int,
  type KeyPath,
  list,
  mapOf,
  oneOf,
  optional,
  pathText,
  type Report,
  required,
  section,
  seen,
  type Shape,
  table,
  text,
} from "../src/core/shape.ts";
import { didYouMean } from "../src/core/suggest.ts";
import { ACTIONS, isPolicyAction } from "./actions.ts";
import { type RuleId, RULES } from "./rules.ts";
import { AGENT_RIGHTS } from "./schema.ts";
import type { PolicyRequest } from "./types.ts";

/** Changes to a plain record; anything of JSON. */
export type Patch = Readonly<Record<string, unknown>>;

export interface PolicyCase {
  readonly name: string;
  /** What the policy is called, its text where it has more than one line; absent: that of the file or the command line. */
  readonly policy?: string;
  /** Key path to value; {@link JSON_NULL} takes the key out. */
  readonly overrides: Patch;
  /** `safe`: safe mode without a last good policy; `safe_last_good`: the policy is the last good one. */
  readonly mode: "normal" | "safe" | "safe_last_good";
  /** In safe mode: the rule that caused it. */
  readonly cause: RuleId;
  readonly request: CaseRequest;
  readonly expect: {
    readonly effect: "allow" | "deny" | "invalid";
    readonly rules: readonly RuleId[];
    readonly obligations?: readonly Patch[];
  };
}

export type CaseRequest = Omit<PolicyRequest, "guest" | "facts" | "action"> & {
  /** Not every text is an action: a case may be about one that is none. */
  readonly action?: string;
  readonly kind: GuestKind;
  /** Changes to a plain stopped guest of that kind. */
  readonly guest: Patch;
  readonly facts: Patch;
};

export const ACTION_NAMES = Object.keys(ACTIONS).filter(isPolicyAction);

const word = text("text", (value) => ({ value }));
const ruleId = oneOf(RULES.map((rule) => rule.id));

/** Stands for JSON null, which a shape's `undefined` would lose. */
export const JSON_NULL = Symbol("null");

/** Keys of a patch: `true` takes any value, a table names the keys inside, `"names"` any keys. */
type Known = { readonly [key: string]: true | "names" | Known };

/** A table whose keys are known and whose values may be anything: a case may be about values that make no sense. */
function patch(known: Known): Shape<Patch> {
  const walk = (value: unknown, keys: Known, path: KeyPath, report: Report): void => {
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      const of = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (typeof of === "object") walk(inner, of, [...path, key], report);
      if (of !== undefined) continue;
      const names = Object.keys(keys);
      const near = didYouMean(key, names);
      const at = [...path, key];
      report({
        path: at,
        at: "key",
        message: `${pathText(at)} is an unknown key; allowed in ${pathText(path)}: ${names.join(", ")}`,
        ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
      });
    }
  };
  return {
    want: "a table",
    read(value, path, report) {
      if (!isObject(value)) {
        report({ path, at: "value", message: `${pathText(path)} is ${seen(value)}; allowed is a table` });
        return undefined;
      }
      walk(value, known, path, report);
      return value;
    },
  };
}

const GUEST: Known = {
  id: true,
  name: true,
  type: true,
  state: true,
  machine: true,
  policy_profile: true,
  storage: { disks: "names", cdroms: "names", ovmf_vars: true, tpm_state: true },
  devices: {
    vcpu: true,
    memory_mb: true,
    secure_boot: true,
    shares: true,
    network: { enabled: true, profile: true },
    tpm: { enabled: true },
  },
};
const FACTS: Known = {
  hostVcpus: true,
  hostMemoryMib: true,
  presented: true,
  guestRunning: true,
  kvm: true,
  networkEnforcer: true,
  running: { count: true, vcpus: true, memoryMib: true, cpuPercent: true },
};
const OBLIGATION: Known = { kind: true, to: true, toMib: true, toPercent: true, what: true };

const request = table<CaseRequest>({
  action: optional(word, "What is asked, `vm.start` when left out."),
  trigger: defaulted(
    oneOf(["operator", "autoboot", "schedule", "guest", "recovery"]),
    "operator",
    "Who asks.",
  ),
  kind: defaulted(oneOf(["linux", "windows"]), "linux", "Kind of the plain guest that `guest` changes."),
  guest: defaulted(patch(GUEST), {}, "Changes to the record of the plain guest; null takes a key out."),
  facts: defaulted(patch(FACTS), {}, "Changes to the facts about the plain host; null takes a fact out."),
  network: optional(
    table<NonNullable<PolicyRequest["network"]>>({
      profile: required(word, "The network profile asked for."),
      provisioning: optional(bool, "Whether a provisioning run is under way."),
    }),
    "For `net.set`.",
  ),
  agentCall: optional(oneOf(AGENT_RIGHTS), "For `agent.call`: the group of calls."),
  snapshot: optional(
    table<{ count: number }>({ count: required(int(0), "How many snapshots the guest has now.") }),
    "For `snapshot.create`.",
  ),
  restarts: optional(int(0), "For `vm.start` by `recovery`: restarts within the last hour."),
  diskBytes: optional(int(0), "For `vm.define`: size of the disk that would be made, bytes."),
  deviceModels: optional(list(word), "For `vm.start`: QEMU device models of the planned command line."),
  images: optional(
    list(
      table<{ path: string; escape?: string }>({
        path: required(word, "The image."),
        escape: optional(word, "What was found that it must not refer to."),
      }),
    ),
    "For `vm.start`: what was found in the guest's images.",
  ),
});

export const CASE_SHAPE = table<PolicyCase>({
  name: required(word, "What the case shows, one sentence."),
  policy: optional(
    word,
    "A policy file, relative to this file, or the text of a policy (two lines or more).",
  ),
  overrides: defaulted(
    mapOf(word, { want: "any value", read: (value) => value ?? JSON_NULL }),
    {},
    "Changes to the policy: key path to value; null takes the key out.",
  ),
  mode: defaulted(
    oneOf(["normal", "safe", "safe_last_good"]),
    "normal",
    "`safe`: safe mode, no policy was ever good; `safe_last_good`: safe mode, this policy was the last good one.",
  ),
  cause: defaulted(ruleId, "policy_invalid", "In safe mode: the rule that caused it."),
  request: section(request, "What is asked, of whom, on what host."),
  expect: required(
    table<PolicyCase["expect"]>({
      effect: required(oneOf(["allow", "deny", "invalid"]), "`invalid`: the policy is refused as a whole."),
      rules: required(list(ruleId), "Ids of all rules that give a reason, in any order."),
      obligations: optional(
        list(patch(OBLIGATION)),
        "All obligations, in any order. Left out: not compared.",
      ),
    }),
    "What should come of it.",
  ),
});

/** A whole file: also the form that a bare list is read as. */
export const CASE_FILE_SHAPE: Shape<{ readonly policy?: string; readonly cases: readonly PolicyCase[] }> =
  table<{ readonly policy?: string; readonly cases: readonly PolicyCase[] }>({
    policy: optional(word, "Policy of the cases that name none: a file, relative to this one."),
    cases: required(list(CASE_SHAPE, 100_000), "The cases."),
  });
