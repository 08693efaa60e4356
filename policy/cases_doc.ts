/** `docs/policy-cases.md`: how to write cases, with an example that a test runs. */
import { ACTION_NAMES, CASE_FILE_SHAPE, CASE_SHAPE } from "./cases_schema.ts";
import type { Field } from "../src/core/shape.ts";

/** The policy of the example. */
export const EXAMPLE_POLICY = `version = 0

[limits]
max_running = 2

[linux]
enabled = true

[linux.limits]
cpus = 4
mem_mib = 8192

[profiles.build]
kind = "linux"
max_vcpu = 4
max_memory_mb = 8192
cpu_percent = 40
secure_boot = "allowed"
`;

/** The cases of the example; a test runs them against {@link EXAMPLE_POLICY}. */
export const EXAMPLE_CASES = `{
  "policy": "rayos-policy.toml",
  "cases": [
    {
      "name": "a build guest of four vCPUs starts",
      "request": {
        "action": "vm.start",
        "kind": "linux",
        "guest": { "policy_profile": "build", "devices": { "vcpu": 4 } }
      },
      "expect": { "effect": "allow", "rules": ["allowed"] }
    },
    {
      "name": "a build guest gets no network, whatever its record asks for",
      "request": {
        "guest": { "policy_profile": "build", "devices": { "network": { "enabled": true } } }
      },
      "expect": { "effect": "deny", "rules": ["network_default_off"] }
    },
    {
      "name": "a third guest does not start",
      "request": {
        "guest": { "policy_profile": "build" },
        "facts": { "running": { "count": 2, "memoryMib": 4096 } }
      },
      "expect": { "effect": "deny", "rules": ["max_running"] }
    },
    {
      "name": "nobody types a sixth vCPU into the profile",
      "overrides": { "profiles.build.max_vcpu": 6 },
      "request": {
        "guest": { "policy_profile": "build", "devices": { "vcpu": 6 } }
      },
      "expect": { "effect": "deny", "rules": ["vcpu_cap"] }
    }
  ]
}
`;

/** The text of the page. */
export function casesMarkdown(): string {
  return [
    "<!-- deno-fmt-ignore-file -->",
    "# Cases of a policy",
    "",
    "Generated from `policy/cases_schema.ts`; a test fails when this page and the table differ, and another runs the example.",
    "",
    "A case says: under this policy, when this is asked, that must come of it. `rayvisor policy test FILES..` tries files of cases;",
    "it needs no supervisor and changes nothing, so it fits a CI job that guards a policy. Exit code 0: all cases passed; 3: at",
    "least one did not; 8: a file of cases has faults; 4: a file is not there; 2: wrong usage. rayvisor's own cases",
    "(`policy/cases/*.json`) have this form too.",
    "",
    "## An example",
    "",
    "`rayos-policy.toml`:",
    "",
    "```toml",
    EXAMPLE_POLICY.trimEnd(),
    "```",
    "",
    "`cases.json`, beside it:",
    "",
    "```json",
    EXAMPLE_CASES.trimEnd(),
    "```",
    "",
    "`rayvisor policy test cases.json` prints one line a case. The same cases against a policy that is not yet in force:",
    "`rayvisor policy test cases.json --policy new.toml`. A case that fails says what differs and why it came out so:",
    "",
    "```",
    "cases.json",
    "  ok      a build guest of four vCPUs starts",
    "  FAILED  a third guest does not start",
    "          effect: expected deny, got allow",
    "          rules expected, but not given: max_running",
    "          rules given, but not expected: allowed",
    "          because allowed: every layer that applies lets it pass",
    "```",
    "",
    'With `--json`: `{"passed", "failed", "files": [{"file", "cases": [{"name", "ok", "actual", "difference"?}]}]}`; where a case',
    'failed, `"error"` with code `case_mismatch` stands beside them.',
    "",
    "## The file",
    "",
    "A JSON object, or only the list of cases. Unknown keys are refused.",
    "",
    ...rows(CASE_FILE_SHAPE.fields, ""),
    "",
    "A case's policy is, in this order: its own `policy`; `--policy FILE`; the file's `policy`; the data root's. `\"template\"` is the",
    "policy that `rayvisor init` writes.",
    "",
    "## A case",
    "",
    ...rows(CASE_SHAPE.fields, ""),
    "",
    "## The request",
    "",
    "It starts from a plain guest that the default profile of its kind allows (stopped, 2 vCPUs, 2048 MiB for linux and 4096 MiB for",
    "windows, no network) on a plain host (8 vCPUs, 32768 MiB, KVM works, nothing runs, nothing is presented, a network can be enforced).",
    "",
    ...rows(CASE_SHAPE.fields?.["request"]?.shape.fields, "request."),
    "",
    `Actions: ${
      ACTION_NAMES.map((name) => `\`${name}\``).join(", ")
    }. \`network\` has the keys \`profile\` and`,
    "`provisioning`, `snapshot` has `count`, and each of `images` has `path` and `escape` (a sentence).",
    "",
    "Keys of `request.guest` are those of a registry record; keys of `request.facts`: `hostVcpus`, `hostMemoryMib`, `presented` (a",
    "guest's id, or null), `guestRunning`, `kvm`, `networkEnforcer` (true, false, or `provisioning_nat`: only a plain NAT during a",
    "provisioning run), and `running` with the sums over all *other* running guests: `count`, `vcpus`, `memoryMib`, `cpuPercent`.",
    "",
    "## What is expected",
    "",
    ...rows(CASE_SHAPE.fields?.["expect"]?.shape.fields, "expect."),
    "",
    'The ids of rules are those of [rules.md](rules.md). Obligations: `{"kind": "confine"}`, `{"kind": "clamp_vcpu", "to": 2}`,',
    '`{"kind": "clamp_memory", "toMib": 2048}`, `{"kind": "clamp_cpu", "toPercent": 20}`, `{"kind": "clamp_network"}`,',
    '`{"kind": "revert_network_at_end"}`, `{"kind": "mark_developer", "what": ".."}`.',
    "",
  ].join("\n");
}

function rows(
  fields: Readonly<Record<string, Field<unknown>>> | undefined,
  prefix: string,
): readonly string[] {
  return [
    "| key | allowed | default | meaning |",
    "|---|---|---|---|",
    ...Object.entries(fields ?? {}).map(([key, { shape, presence, fallback, doc }]) => {
      const standing = presence === "required"
        ? "required"
        : fallback === undefined
        ? ""
        : `\`${JSON.stringify(fallback)}\``;
      // A list of every rule or action would drown the rest.
      const allowed = shape.want.length > 120
        ? shape.want.replace(/"[^"]*"(, "[^"]*")+/, "see rules.md")
        : shape.want;
      return `| \`${prefix}${key}\` | ${allowed.replaceAll("|", "\\|")} | ${standing} | ${doc} |`;
    }),
  ];
}
