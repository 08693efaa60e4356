import assert from "node:assert/strict";
import { parseCases, runCase } from "../../policy/cases.ts";
import { GRANTING_KEYS, neverGranting } from "../../policy/granting.ts";
import { loadPolicy } from "../../policy/load.ts";
import type { Policy } from "../../policy/model.ts";
import { schemaKeys } from "../../policy/schema.ts";
import { overrideToml } from "../../policy/toml.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { BASE, EXAMPLES, net, type Request } from "./policy_granting_examples.ts";

function effect(overrides: Readonly<Record<string, unknown>>, request: Request): string {
  const parsed = parseCases(
    JSON.stringify([{ name: "x", overrides, request, expect: { effect: "deny", rules: [] } }]),
    "f",
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const [c] = parsed.value.cases;
  assert.ok(c);
  const outcome = runCase(c, () => ok(BASE));
  assert.ok("actual" in outcome, JSON.stringify(outcome));
  return outcome.actual.effect === "invalid" ? outcome.actual.because.join("\n") : outcome.actual.effect;
}

for (const [path, { kind }] of Object.entries(GRANTING_KEYS)) {
  if (kind !== "decision") continue;
  Deno.test(`${path} grants: denied without it, allowed with it`, () => {
    const example = EXAMPLES[path];
    assert.ok(example, "no example");
    const { without: taken = {}, key, value, request } = example;
    assert.equal(effect(taken, request), "deny");
    assert.equal(effect({ ...taken, [key]: value }, request), "allow");
  });
}

function policyWith(overrides: Readonly<Record<string, unknown>>, base = BASE): Policy | undefined {
  const text = overrideToml(base, Object.entries(overrides));
  assert.ok(text.ok);
  const loaded = loadPolicy(text.value, "p", "none" as PolicyRevision);
  return loaded.ok ? loaded.value.policy : undefined;
}

Deno.test("keys that reach further do so in the policy, from the strictest value on", () => {
  const reach: Readonly<
    Record<string, readonly [Record<string, unknown>, (policy: Policy) => unknown, unknown, unknown]>
  > = {
    "security.confine_processes": [
      { "security.confine_processes": false, "security.developer": true },
      (p) => p.security.confine_processes,
      true,
      false,
    ],
    "profiles.<name>.cpu_percent": [
      { "profiles.p.cpu_percent": 50 },
      (p) => p.profiles["p"]?.cpu_percent,
      1,
      50,
    ],
    "network_profiles.<name>.egress": [
      { "network_profiles.restricted.egress": "any" },
      (p) => p.network_profiles["restricted"]?.egress,
      "allowlist",
      "any",
    ],
    "network_profiles.<name>.allow": [
      { "network_profiles.restricted": { egress: "allowlist", allow: ["a.b:1/tcp"] } },
      (p) => p.network_profiles["restricted"]?.allow.length,
      0,
      1,
    ],
    "network_profiles.<name>.dns": [
      { "network_profiles.restricted": { egress: "any", dns: "any" } },
      (p) => p.network_profiles["restricted"]?.dns,
      "none",
      "any",
    ],
    "network_profiles.<name>.private_ranges": [
      { "network_profiles.restricted": { private_ranges: true } },
      (p) => p.network_profiles["restricted"]?.private_ranges,
      false,
      true,
    ],
    "sandbox.max_processes": [{ "sandbox.max_processes": 65 }, (p) => p.sandbox.max_processes, 64, 65],
    "sandbox.memory_limit_mib": [
      { "sandbox.memory_limit_mib": 513 },
      (p) => p.sandbox.memory_limit_mib,
      512,
      513,
    ],
  };
  for (const [path, { kind }] of Object.entries(GRANTING_KEYS)) {
    if (kind !== "reach") continue;
    const example = reach[path];
    assert.ok(example, `no example of ${path}`);
    const [overrides, look, before, after] = example;
    const [plain, more] = [policyWith({}), policyWith(overrides)];
    assert.ok(plain && more, path);
    assert.deepEqual([look(plain), look(more)], [before, after], path);
  }
});

Deno.test("keys that let a refused file load do so, and nothing more", () => {
  const load = Object.entries(GRANTING_KEYS).filter(([, { kind }]) => kind === "load").map(([path]) => path);
  assert.deepEqual(load, ["security.developer", "windows.devices.vtpm"]);
  assert.equal(policyWith({ "security.confine_processes": false }), undefined);
  assert.equal(policyWith({ "windows.devices.vtpm": undefined }), undefined);
  assert.equal(policyWith({ "windows.devices.vtpm": false }), undefined);
  // By itself it relaxes nothing.
  const [plain, developer] = [policyWith({}), policyWith({ "security.developer": true })];
  assert.deepEqual({ ...developer, security: plain?.security }, plain);
});

Deno.test("every key of the schema either grants or never does, and the list names no other", () => {
  const paths = new Set(schemaKeys().map(([path]) => path));
  for (const path of Object.keys(GRANTING_KEYS)) assert.ok(paths.has(path), path);
  for (const path of Object.keys(EXAMPLES)) assert.equal(GRANTING_KEYS[path]?.kind, "decision", path);
  assert.equal(
    new Set([...neverGranting(), ...Object.keys(GRANTING_KEYS)]).size,
    neverGranting().length + Object.keys(GRANTING_KEYS).length,
  );
});

Deno.test("a network profile that no profile lists, and a table without keys, grant nothing", () => {
  assert.equal(
    effect({ "network_profiles.new": { egress: "any", dns: "any" } }, {
      ...net,
      network: { profile: "new" },
    }),
    "deny",
  );
  for (const table of ["limits", "security", "sandbox", "presentation", "logging", "network_profiles"]) {
    assert.deepEqual(policyWith({ [table]: {} }), policyWith({}), table);
  }
});
