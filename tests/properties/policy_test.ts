import assert from "node:assert/strict";
import fc from "fast-check";
import { neverGranting } from "../../policy/granting.ts";
import { decide } from "../../policy/decide.ts";
import { loadPolicy } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { isRuleId } from "../../policy/rules.ts";
import { POLICY_SHAPE, schemaKeys } from "../../policy/schema.ts";
import type { PolicyState } from "../../policy/types.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import type { Problem } from "../../src/core/problem.ts";
import { isTable } from "../../src/core/shape.ts";
import { Choices } from "../../src/dev/fuzz_random.ts";
import { policies, requests, type Value } from "./policy_arbitrary.ts";
import { textOf } from "./policy_text.ts";

const read = (text: string) => loadPolicy(text, "p.toml", "none" as PolicyRevision);
const tell = (problems: readonly Problem[], text: string) =>
  `${problems.map((p) => `${p.place?.line}: ${p.message}`).join("\n")}\n---\n${text}`;

function load(policy: Value, seed = 1): LoadedPolicy {
  const text = textOf(policy, new Choices(seed));
  const loaded = read(text);
  if (!loaded.ok) throw new Error(tell(loaded.error, text));
  return loaded.value;
}

Deno.test("a policy means the same in every order of its tables and keys and in every form of a table", () => {
  fc.assert(
    fc.property(policies, fc.nat(), (policy, seed) => {
      assert.deepEqual(load(policy, seed).policy, load(policy, seed + 1).policy);
    }),
    { numRuns: 300 },
  );
});

Deno.test("every key that a file states is in the policy as stated", () => {
  fc.assert(
    fc.property(policies, (policy) => {
      const { policy: loaded, places } = load(policy);
      for (
        const section of ["limits", "logging", "security", "sandbox", "presentation", "defaults"] as const
      ) {
        const stated = policy[section];
        if (!isTable(stated)) continue;
        const found: Value = { ...loaded[section] };
        for (const [key, value] of Object.entries(stated)) {
          if (key in found) assert.equal(found[key], value, `${section}.${key}`);
          assert.ok(places.has(`${section}.${key}`), `no place of ${section}.${key}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("adding a key that is not on the list of granting keys never allows what was denied", () => {
  const keys = neverGranting().filter((path) => !/<name>|version|storage/.test(path));
  const shapes = new Map(schemaKeys());
  const values: Readonly<Record<string, readonly unknown[]>> = {
    "limits.require_kvm": [true, false],
    "limits.on_narrowed": ["mark", "stop"],
    "logging.level": ["error", "trace"],
    "logging.persist": [true, false],
    "logging.keep_files": [1, 1000],
    "logging.max_file_mib": [1, 1024],
    "security.require_signature": [true, false],
    "presentation.release_after_s": [0, 1, 86_400],
    "sandbox.cpu_time_s": [0, 1],
  };
  const additions = keys.flatMap((path) =>
    (values[path] ?? [shapes.get(path)?.fallback]).map((value) => [path, value] as const)
  );
  const others = [
    ["linux.storage.root_disk", "vm/x"],
    ["windows.storage.disk", "vm/x"],
    ["windows.storage.ovmf_vars", "vm/x"],
    ["windows.storage.vtpm_state_dir", "vm/x"],
    // A network that no profile lists, and a profile that no guest names, are keys of their own table.
    ["network_profiles.unlisted", { egress: "any", dns: "any" }],
    ["network_profiles.unlisted", {}],
    ...["limits", "logging", "security", "sandbox", "linux", "windows", "defaults"].map((table) =>
      [table, {}] as const
    ),
  ] as const;
  fc.assert(
    fc.property(
      policies,
      fc.constantFrom(...additions, ...others),
      fc.array(requests, { maxLength: 12, minLength: 12 }),
      (
        policy,
        [path, value],
        asked,
      ) => {
        const added = withKey(policy, path.split("."), value);
        fc.pre(added !== undefined);
        const [before, after] = [load(policy), load(added)];
        for (const request of asked) {
          if (decide({ mode: "normal", loaded: after }, request).effect === "allow") {
            assert.equal(decide({ mode: "normal", loaded: before }, request).effect, "allow", path);
          }
        }
      },
    ),
    { numRuns: 800 },
  );
});

Deno.test("adding a key of a profile that is not on the list of granting keys changes no decision", () => {
  const added = [["clipboard", false], ["snapshots.retain", 0], [
    "snapshots.guest_initiated",
    false,
  ]] as const;
  fc.assert(
    fc.property(policies, fc.constantFrom(...added), requests, (policy, [path, value], request) => {
      const profiles = isTable(policy["profiles"]) ? policy["profiles"] : {};
      for (const name of Object.keys(profiles)) {
        const more = withKey(policy, ["profiles", name, ...path.split(".")], value);
        if (more === undefined) continue;
        // Lines of the file differ; what is decided, by which rules and on what terms, does not.
        const [before, after] = [policy, more].map((p) => {
          const { effect, reasons, obligations } = decide({ mode: "normal", loaded: load(p) }, request);
          return { effect, rules: reasons.map(({ rule }) => rule), obligations };
        });
        assert.deepEqual(after, before);
      }
    }),
    { numRuns: 300 },
  );
});

/** The policy with one more key; undefined where it stands there already. */
function withKey(policy: Value, path: readonly string[], value: unknown): Value | undefined {
  const added = structuredClone(policy);
  let at = added;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(at, key)) at[key] = {};
    const inner = at[key];
    if (!isTable(inner)) return undefined;
    at = inner;
  }
  const last = path.at(-1) ?? "";
  if (Object.hasOwn(at, last)) return undefined;
  at[last] = value;
  return added;
}

Deno.test("a key that is written at its default changes nothing", () => {
  const fixed = schemaKeys().filter(([path, { fallback }]) => fallback !== undefined && !/[<[]/.test(path));
  assert.ok(fixed.length > 25);
  fc.assert(
    fc.property(policies, fc.constantFrom(...fixed), (policy, [path, { fallback }]) => {
      const added = withKey(policy, path.split("."), fallback);
      fc.pre(added !== undefined);
      assert.deepEqual(load(added).policy, load(policy).policy, path);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a guest's rights are never more than its kind's section and its profile give, one by one", () => {
  fc.assert(
    fc.property(policies, requests, (policy, request) => {
      const loaded = load(policy);
      if (decide({ mode: "normal", loaded }, { ...request, action: "vm.start" }).effect !== "allow") return;
      const { guest, facts } = request;
      assert.ok(guest);
      const section = loaded.policy[guest.type];
      const profile = loaded.policy.profiles[guest.policy_profile];
      assert.ok(profile && section.enabled && profile.kind === guest.type);
      assert.ok(facts.running.count < loaded.policy.limits.max_running);
      if (!loaded.policy.limits.clamp) {
        assert.ok(guest.devices.vcpu <= Math.min(section.limits.cpus, profile.max_vcpu));
        assert.ok(guest.devices.memory_mb <= Math.min(section.limits.mem_mib, profile.max_memory_mb));
        if (guest.devices.network.enabled) {
          assert.ok(section.networking !== "off" && profile.networking !== "off");
        }
      }
      if (profile.secure_boot === "required") assert.equal(guest.devices.secure_boot, true);
      assert.ok(request.trigger !== "guest" && request.trigger !== "schedule");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a fault anywhere in a good policy refuses it whole, and is told on its line", () => {
  const faults: readonly (readonly [string, string])[] = [
    ["unknown_key = 1", "unknown key"],
    ["version = 0", "a second time"],
    ["limits = 1", "table|second time"],
    ["sandbox.max_processes = 64.0", "whole number|second time"],
    ["presentation.max_presented = 2", "only 1|second time"],
    ["__proto__ = {}", "unknown key"],
    ["constructor.x = 1", "unknown key"],
    ["x = ", "not valid TOML"],
    ["logging.level = 1979-05-27", "a date|second time"],
  ];
  fc.assert(
    fc.property(policies, fc.nat(), fc.constantFrom(...faults), (policy, seed, [line, words]) => {
      const text = `${line}\n${textOf(policy, new Choices(seed))}`;
      const result = read(text);
      assert.ok(!result.ok, text);
      assert.match(result.error.map((p) => p.message).join("\n"), new RegExp(words), text);
      for (const { place, reasons = [] } of result.error) {
        assert.ok(place && place.line >= 1 && place.line <= text.split("\n").length);
        assert.ok(reasons.length > 0 && reasons.every(({ rule }) => isRuleId(rule)));
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("in safe mode nothing starts or widens under any last good policy", () => {
  const reason: Problem = { code: "invalid_policy", message: "x" };
  const quiet = ["vm.stop", "vm.kill", "vm.pause", "vm.hide", "policy.apply"];
  fc.assert(
    fc.property(policies, requests, (policy, request) => {
      const loaded = load(policy);
      const state: PolicyState = { mode: "safe", reason, lastGood: loaded };
      if (decide(state, request).effect !== "allow") return;
      const isOff = request.action === "net.set" && request.network?.profile === "off";
      const ofStopped = request.action.startsWith("snapshot.") && !request.facts.guestRunning;
      const goesOn = request.action === "vm.input" || request.action === "agent.call";
      const undoes = request.action === "vm.resume" && request.trigger === "recovery";
      assert.ok(quiet.includes(request.action) || isOff || ofStopped || goesOn || undoes, request.action);
      assert.equal(decide({ mode: "normal", loaded }, request).effect, "allow");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("the random policies use every table of the schema", () => {
  const made = fc.sample(policies, { numRuns: 200, seed: 1 });
  for (const key of Object.keys(POLICY_SHAPE.fields ?? {})) {
    assert.ok(made.some((policy) => key in policy), key);
  }
});
