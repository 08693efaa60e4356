import assert from "node:assert/strict";
import fc from "fast-check";
import { parseVmId, type PolicyRevision } from "../src/core/ids.ts";
import type { VmRecord } from "../registry/types.ts";
import { ACTIONS } from "./actions.ts";
import { PLAIN_HOST, plainGuest } from "./cases.ts";
import { decide, explain } from "./decide.ts";
import { loadPolicy } from "./load.ts";
import type { LoadedPolicy } from "./model.ts";
import { isRuleId, LAYERS, ruleOf } from "./rules.ts";
import { overrideToml } from "./toml.ts";
import type { Decision, GuestAsk, PolicyAction, PolicyRequest, PolicyState } from "./types.ts";

const full = Deno.readTextFileSync(new URL("./cases/base/full.toml", import.meta.url));

function load(overrides: readonly (readonly [string, unknown])[] = []): LoadedPolicy {
  const text = overrides.length === 0 ? { ok: true as const, value: full } : overrideToml(full, overrides);
  assert.ok(text.ok);
  const loaded = loadPolicy(text.value, "p.toml", "none" as PolicyRevision);
  if (!loaded.ok) throw new Error(loaded.error.map((p) => p.message).join("\n"));
  return loaded.value;
}
const normal: PolicyState = { mode: "normal", loaded: load() };
const reason = { code: "invalid_policy", message: "the file has faults" } as const;
const safe: PolicyState = { mode: "safe", reason };
const safeLastGood: PolicyState = { mode: "safe", reason, lastGood: load() };
const actions = Object.keys(ACTIONS) as PolicyAction[];

/** Requests as a program with a defect or a hostile record could make them. */
const requests: fc.Arbitrary<PolicyRequest> = fc.record({
  action: fc.constantFrom(...actions),
  trigger: fc.constantFrom("operator", "autoboot", "schedule", "guest", "recovery"),
  facts: fc.record({
    hostVcpus: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constant(NaN)),
    hostMemoryMib: fc.oneof(fc.integer({ min: 0, max: 99999 }), fc.constant(-1)),
    running: fc.record({
      count: fc.nat(6),
      vcpus: fc.nat(9),
      memoryMib: fc.nat(14000),
      cpuPercent: fc.nat(100),
    }),
    presented: fc.constantFrom(null, plainGuest("linux").id, plainGuest("windows").id),
    guestRunning: fc.boolean(),
    kvm: fc.boolean(),
    networkEnforcer: fc.constantFrom<boolean | "provisioning_nat">(true, false, "provisioning_nat"),
  }),
  guest: fc.constantFrom("linux" as const, "windows" as const).chain((kind) =>
    fc.record({
      vcpu: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(NaN, -1, 1.5)),
      memory_mb: fc.integer({ min: 64, max: 10000 }),
      profile: fc.constantFrom(`default-${kind}`, "office-windows", "nowhere", "__proto__"),
      network: fc.record({
        enabled: fc.boolean(),
        profile: fc.constantFrom("off", "restricted", "office", "x"),
      }),
      disk: fc.constantFrom("vm/a.qcow2", "../a", "/dev/sda", "", "a\0b"),
    }).map(({ vcpu, memory_mb, profile, network, disk }): GuestAsk => {
      const plain = plainGuest(kind);
      return {
        ...plain,
        policy_profile: profile,
        storage: { ...plain.storage, disks: { system: disk } },
        devices: { ...plain.devices, vcpu, memory_mb, network },
      };
    })
  ),
  network: fc.record({
    profile: fc.constantFrom("off", "restricted", "office", "x"),
    provisioning: fc.boolean(),
  }),
  agentCall: fc.constantFrom("ping", "exec", "files"),
  snapshot: fc.record({ count: fc.integer({ min: -1, max: 30 }) }),
});

function wellFormed(decision: Decision): void {
  assert.ok(decision.effect === "allow" || decision.effect === "deny");
  assert.ok(decision.reasons.length > 0);
  for (const { rule, why } of decision.reasons) assert.ok(isRuleId(rule) && why.length > 0);
  if (decision.effect === "deny") {
    assert.deepEqual(decision.obligations, []);
    assert.ok(decision.reasons.every(({ rule }) => ruleOf(rule).effect !== "allow"));
  } else {
    assert.equal(decision.reasons[0].rule, "allowed");
    assert.ok(decision.reasons.slice(1).every(({ rule }) => ruleOf(rule).effect === "narrow"));
  }
}

Deno.test("every decision has an effect and at least one reason of the closed list, in every state", () => {
  const state = fc.constantFrom(normal, safe, safeLastGood);
  fc.assert(fc.property(state, requests, (s, request) => wellFormed(decide(s, request))), { numRuns: 2000 });
});

Deno.test("decide() is a function: the same question has the same answer", () => {
  fc.assert(
    fc.property(requests, (request) => assert.deepEqual(decide(normal, request), decide(normal, request))),
  );
});

Deno.test("decide() denies and does not throw on values that are no requests", () => {
  fc.assert(fc.property(fc.anything(), fc.constantFrom(normal, safe), (value, state) => {
    // Whatever reaches the function at run time, for example from a defect of a caller.
    const decision = decide(state, value as PolicyRequest);
    wellFormed(decision);
    assert.equal(decision.effect, "deny");
  }));
  fc.assert(fc.property(requests, fc.anything(), (request, guest) => {
    wellFormed(decide(normal, { ...request, guest: guest as GuestAsk }));
  }));
  for (const action of ["", "vm.fly", "constructor", "__proto__", "toString"]) {
    const decision = decide(normal, {
      action: action as PolicyAction,
      trigger: "operator",
      facts: PLAIN_HOST,
    });
    assert.deepEqual([decision.effect, decision.reasons[0].rule], ["deny", "no_rule"], action);
  }
});

Deno.test("explain() gives every layer in its fixed order, and its denials are the decision's reasons", () => {
  fc.assert(fc.property(fc.constantFrom(normal, safe, safeLastGood), requests, (state, request) => {
    const { decision, layers } = explain(state, request);
    assert.deepEqual(decision, decide(state, request));
    assert.deepEqual(layers.map((trace) => trace.layer), [...LAYERS]);
    const denied = layers.filter((trace) => trace.outcome === "deny");
    assert.equal(decision.effect === "deny", denied.length > 0);
    if (decision.effect === "deny") {
      const told = denied.flatMap((trace) => trace.reasons.map((r) => r.rule));
      for (const { rule } of decision.reasons) assert.ok(told.includes(rule));
    }
  }));
});

Deno.test("safe mode never allows what starts or widens", () => {
  const widening: readonly PolicyAction[] = [
    "vm.define",
    "vm.start",
    "vm.resume",
    "vm.reset",
    "vm.present",
    "vm.view",
    "vm.console",
    "vm.exec",
    "provision.begin",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(safe, safeLastGood),
      fc.constantFrom(...widening),
      requests,
      (state, action, request) => {
        const undoes = action === "vm.resume" && request.trigger === "recovery";
        if (!undoes) assert.equal(decide(state, { ...request, action }).effect, "deny");
        const set = decide(state, { ...request, action: "net.set" });
        assert.equal(
          set.effect === "allow",
          request.network?.profile === "off" && request.trigger !== "guest",
        );
      },
    ),
  );
});

Deno.test("in safe mode recovery resumes under the last good policy what the host had stopped; nobody else does, and never without one", () => {
  const resume = (state: PolicyState, trigger: PolicyRequest["trigger"]) =>
    decide(state, { action: "vm.resume", trigger, guest: plainGuest("linux"), facts: PLAIN_HOST }).effect;
  assert.equal(resume(safeLastGood, "recovery"), "allow");
  assert.equal(resume(safe, "recovery"), "deny");
  for (const trigger of ["operator", "autoboot", "schedule", "guest"] as const) {
    assert.equal(resume(safeLastGood, trigger), "deny", trigger);
  }
  const off: PolicyState = { mode: "safe", reason, lastGood: load([["linux.enabled", false]]) };
  assert.equal(resume(off, "recovery"), "deny", "what the last good policy denies stays denied");
});

Deno.test("safe mode with a last good policy never allows what that policy denies, snapshots of stopped guests included", () => {
  fc.assert(
    fc.property(requests, (request) => {
      if (decide(safeLastGood, request).effect === "allow") {
        assert.equal(decide(normal, request).effect, "allow");
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a stricter policy never allows what a laxer one denies", () => {
  const lax = load([["linux.networking", "on"], ["limits.mem_mib", 16000], ["limits.max_running", 9]]);
  const stricter: readonly (readonly [string, unknown])[] = [
    ["limits.mem_mib", 4000],
    ["limits.max_running", 1],
    ["limits.require_kvm", true],
    ["limits.cpu_percent", 40],
    ["linux.enabled", false],
    ["linux.networking", "off"],
    ["linux.limits.cpus", 1],
    ["linux.devices.input", false],
    ["windows.networking", "off"],
    ["profiles.office-windows.present", undefined],
    ["profiles.office-windows.input", undefined],
    ["profiles.office-windows.guest_agent", undefined],
    ["profiles.office-windows.network_profiles", ["office"]],
    ["profiles.office-windows.snapshots.max", 7],
    ["profiles.office-windows.snapshots.live", undefined],
  ];
  const states = stricter.map((change): PolicyState => ({
    mode: "normal",
    loaded: load([["linux.networking", "on"], ["limits.mem_mib", 16000], ["limits.max_running", 9], change]),
  }));
  fc.assert(
    fc.property(fc.constantFrom(...states), requests, (state, request) => {
      if (decide(state, request).effect === "allow") {
        assert.equal(decide({ mode: "normal", loaded: lax }, request).effect, "allow");
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a reason names the key and the line that it stands on", () => {
  const decision = decide(normal, {
    action: "net.set",
    trigger: "operator",
    guest: plainGuest("linux"),
    facts: PLAIN_HOST,
    network: { profile: "restricted" },
  });
  const line =
    full.split("\n").findIndex((text, i, all) =>
      text.startsWith("networking") && all.indexOf("[linux]") < i
    ) + 1;
  assert.deepEqual(decision.reasons[0].where?.replace(/line \d+/, `line ${line}`), decision.reasons[0].where);
  assert.match(decision.reasons[0].where ?? "", /^linux\.networking \(line \d+\)$/);
});

Deno.test("a registry record is an ask as it stands", () => {
  const id = parseVmId("a");
  assert.ok(id);
  const record: VmRecord = { ...plainGuest("linux"), id, name: "A", state: "stopped" };
  const ask: GuestAsk = record;
  assert.equal(
    decide(normal, { action: "vm.start", trigger: "operator", guest: ask, facts: PLAIN_HOST }).effect,
    "allow",
  );
});
