import assert from "node:assert/strict";
import fc from "fast-check";
import type { PolicyRevision, VmId } from "../src/core/ids.ts";
import { plainGuest } from "./cases.ts";
import { decide } from "./decide.ts";
import { policyDifference } from "./difference.ts";
import { loadPolicy } from "./load.ts";
import type { LoadedPolicy } from "./model.ts";
import { narrowing, type RunningGuest } from "./narrowing.ts";
import type { PolicyState } from "./types.ts";

const BASE = `version = 0
[limits]
cpu_percent = 100
mem_mib = 4096
[linux]
enabled = true
[linux.limits]
cpus = 2
mem_mib = 1024
[linux.devices]
input = true
[profiles.desk]
kind = "linux"
present = true
max_vcpu = 2
max_memory_mb = 1024
cpu_percent = 40
tpm = "allowed"
secure_boot = "allowed"
input = true
guest_agent = ["ping"]
networking = "on"
network_profiles = ["restricted"]
[[profiles.desk.shares]]
path = "shares/desk"
readonly = true
`;

function load(text: string): LoadedPolicy {
  const loaded = loadPolicy(text, "p.toml", "none" as PolicyRevision);
  if (!loaded.ok) throw new Error(loaded.error.map((p) => p.message).join("\n"));
  return loaded.value;
}
const normal = (text: string): PolicyState => ({ mode: "normal", loaded: load(text) });
const HOST = { hostVcpus: 4, hostMemoryMib: 8192, networkEnforcer: true };

function running(id: string, more: Partial<RunningGuest> = {}): RunningGuest {
  const plain = plainGuest("linux");
  return {
    guest: {
      ...plain,
      id: id as VmId,
      policy_profile: "desk",
      storage: { ...plain.storage, tpm_state: "vm/tpm", ovmf_vars: "vm/vars.qcow2" },
      devices: {
        ...plain.devices,
        vcpu: 2,
        memory_mb: 1024,
        network: { enabled: false },
        tpm: { enabled: true },
        secure_boot: false,
        shares: [{ name: "desk", path: "shares/desk", readonly: true }],
      },
    },
    given: { vcpu: 2, memoryMib: 1024, cpuPercent: 40 },
    startedAt: 1000,
    presented: true,
    network: "off",
    provisioning: false,
    kvm: false,
    ...more,
  };
}

function stepsOf(text: string, guest = running("a")): string[] {
  return (narrowing(normal(text), [guest], HOST)[0]?.steps ?? []).map(({ kind, reason }) =>
    `${kind} ${reason.rule}`
  );
}

Deno.test("narrowing() leaves a guest alone that has no more than the policy allows", () => {
  assert.deepEqual(narrowing(normal(BASE + "[linux.storage]\n"), [running("a")], HOST), []);
});

Deno.test("narrowing() takes each right away that can be, and marks what can't", () => {
  const without = (line: string) => BASE.replace(`${line}\n`, "");
  const NETWORK = BASE.replace("[linux]\n", '[linux]\nnetworking = "on"\n');
  const online = running("a", { network: "restricted" });
  const table: readonly (readonly [string, readonly string[], RunningGuest?])[] = [
    [without("present = true"), ["hide presentation_not_allowed"]],
    [BASE.replace("input = true\n[profiles", "input = false\n[profiles"), ["input_off input_not_allowed"]],
    [NETWORK, [], online],
    [BASE, ["network_off network_default_off"], online],
    [
      NETWORK.replace('network_profiles = ["restricted"]', "network_profiles = []"),
      ["network_off network_profile_not_allowed"],
      online,
    ],
    [BASE.split("[[")[0] ?? "", ["share_off mount_not_allowed"]],
    [BASE.replace("cpu_percent = 40", "cpu_percent = 20"), ["cpu_cap total_cpu_cap"]],
    [BASE.replace("cpus = 2", "cpus = 1"), ["mark vcpu_cap"]],
    [BASE.replace("max_memory_mb = 1024", "max_memory_mb = 512"), ["mark memory_cap"]],
    [BASE.replace("[limits]", "[limits]\nclamp = true").replace("cpus = 2", "cpus = 1"), ["mark vcpu_cap"]],
    [BASE.replace('tpm = "allowed"', 'tpm = "denied"'), ["mark tpm_denied"]],
    [BASE.replace('secure_boot = "allowed"', 'secure_boot = "required"'), ["mark secure_boot_required"]],
    [BASE.replace("[limits]", "[limits]\nrequire_kvm = true"), ["mark kvm_required"]],
    [BASE.replace("[limits]", "[limits]\nrequire_kvm = true"), [], running("a", { kvm: true })],
    [BASE.replace("enabled = true", "enabled = false"), ["hide kind_disabled", "mark kind_disabled"]],
    [BASE.replaceAll("profiles.desk", "profiles.other"), ["hide profile_unknown", "mark profile_unknown"]],
    [BASE.replace("[limits]", "[limits]\nmax_running = 0"), ["mark max_running"]],
    [BASE.replace("[limits]", '[limits]\non_narrowed = "stop"').replace("cpus = 2", "cpus = 1"), [
      "stop vcpu_cap",
    ]],
  ];
  for (const [text, want, guest] of table) assert.deepEqual(stepsOf(text, guest), want, text);
});

Deno.test("narrowing() marks the youngest of the guests whose sum is too much, whatever their order", () => {
  const guests = ["c", "a", "b"].map((id, i) =>
    running(id, { startedAt: 1000 + i, presented: false, given: { vcpu: 1, memoryMib: 512, cpuPercent: 40 } })
  );
  const state = normal(BASE.replace("mem_mib = 4096", "mem_mib = 1024"));
  for (const order of [guests, guests.toReversed()]) {
    const found = narrowing(state, order, HOST);
    assert.deepEqual(found.map(({ vm }) => vm), ["b"]);
    assert.deepEqual(found[0]?.steps.map(({ reason }) => reason.rule), ["total_memory_cap", "total_cpu_cap"]);
  }
});

Deno.test("narrowing() counts a guest no longer that it has stopped", () => {
  const big = running("big", { startedAt: 1, given: { vcpu: 1, memoryMib: 2000, cpuPercent: 1 } });
  const small = running("small", { startedAt: 2, given: { vcpu: 1, memoryMib: 500, cpuPercent: 1 } });
  const text = BASE.replace("mem_mib = 4096", "mem_mib = 1024");
  const vms = (more: string) =>
    narrowing(normal(text.replace("[limits]", `[limits]\n${more}`)), [big, small], HOST);
  assert.deepEqual(vms('on_narrowed = "stop"').map(({ vm }) => vm), ["big"]);
  assert.deepEqual(vms('on_narrowed = "mark"').map(({ vm }) => vm), ["big", "small"]);
});

Deno.test("narrowing() ends the network of a run when its profile becomes one that a plain NAT does not enforce", () => {
  const policy = (profile: string) =>
    normal(
      BASE.replace("[linux]\n", '[linux]\nnetworking = "provisioning_only"\n')
        .replace(
          'networking = "on"\nnetwork_profiles = ["restricted"]',
          'networking = "provisioning_only"\nnetwork_profiles = ["setup"]',
        ) +
        `[network_profiles.setup]\n${profile}\n`,
    );
  const one = running("a", { network: "setup", provisioning: true });
  const host = { ...HOST, networkEnforcer: "provisioning_nat" as const };
  assert.deepEqual(narrowing(policy('egress = "any"\ndns = "any"'), [one], host), []);
  const [found] = narrowing(policy('egress = "none"'), [one], host);
  assert.deepEqual(found?.steps.map(({ kind, reason }) => `${kind} ${reason.rule}`), [
    "network_off network_enforcer_missing",
  ]);
});

Deno.test("narrowing() without any policy hides every guest, turns its network off and marks it", () => {
  const state: PolicyState = { mode: "safe", reason: { code: "invalid_policy", message: "it has faults" } };
  const [found] = narrowing(state, [running("a", { network: "restricted" })], HOST);
  assert.deepEqual(found?.steps.map(({ kind }) => kind), ["hide", "network_off", "mark"]);
  assert.ok(
    found?.steps.every(({ reason }) => reason.rule === "safe_mode" && /it has faults/.test(reason.why)),
  );
  const lastGood: PolicyState = { ...state, lastGood: load(BASE) };
  assert.deepEqual(
    narrowing(lastGood, [running("a")], HOST),
    [],
    "the last good one is in force for what runs",
  );
});

Deno.test("a guest is marked exactly when a start with what it has would be denied", () => {
  const lines = fc.record({
    cpus: fc.integer({ min: 1, max: 3 }),
    mem: fc.integer({ min: 64, max: 2048 }),
    sum: fc.integer({ min: 64, max: 2048 }),
    max: fc.integer({ min: 0, max: 2 }),
    tpm: fc.constantFrom("allowed", "denied", "required"),
    boot: fc.constantFrom("allowed", "required"),
    enabled: fc.boolean(),
    kvm: fc.boolean(),
  });
  fc.assert(fc.property(lines, (o) => {
    const text = BASE.replace("cpus = 2", `cpus = ${o.cpus}`).replace(
      "\nmem_mib = 1024",
      `\nmem_mib = ${o.mem}`,
    )
      .replace("mem_mib = 4096", `mem_mib = ${o.sum}\nmax_running = ${o.max}\nrequire_kvm = ${o.kvm}`)
      .replace('tpm = "allowed"', `tpm = "${o.tpm}"`).replace('boot = "allowed"', `boot = "${o.boot}"`)
      .replace("enabled = true", `enabled = ${o.enabled}`);
    const one = running("a", { presented: false });
    const state = normal(text);
    const marked = narrowing(state, [one], HOST).some(({ steps }) =>
      steps.some(({ kind }) => kind === "mark")
    );
    const decision = decide(state, {
      action: "vm.start",
      trigger: "operator",
      guest: one.guest,
      facts: {
        ...HOST,
        running: { count: 0, vcpus: 0, memoryMib: 0, cpuPercent: 0 },
        presented: null,
        guestRunning: false,
        kvm: false,
      },
    });
    assert.equal(marked, decision.effect === "deny", text);
  }));
});

Deno.test("policyDifference() names old and new value of each right, with layer and line, and keys of the host", () => {
  const guests = [{ id: "a", kind: "linux" as const, profile: "desk" }, {
    id: "b",
    kind: "linux" as const,
    profile: "default-linux",
  }];
  const after = BASE.replace("present = true", "present = false").replace("mem_mib = 4096", "mem_mib = 2048");
  const found = policyDifference(load(BASE), load(after), guests);
  const line = after.split("\n").indexOf("present = false") + 1;
  assert.deepEqual(found, {
    guests: [{
      vm: "a",
      changes: [{
        right: "present",
        from: true,
        to: false,
        where: `profile: profiles.desk.present (line ${line})`,
      }],
    }],
    keys: [{ right: "limits.mem_mib", from: 4096, to: 2048, where: "limits.mem_mib (line 4)" }],
  });
  assert.deepEqual(policyDifference(load(BASE), load(BASE + "# no change\n"), guests), {
    guests: [],
    keys: [],
  });
});

Deno.test("policyDifference() says when a guest loses its profile, and tells everything where no policy was", () => {
  const guests = [{ id: "a", kind: "linux" as const, profile: "desk" }];
  const lost = policyDifference(load(BASE), load(BASE.replaceAll("profiles.desk", "profiles.desc")), guests);
  assert.match(lost.guests[0]?.lost ?? "", /no profile "desk"; did you mean "desc"/);
  assert.ok(lost.guests[0]?.changes.every(({ to }) => to === null));
  const all = policyDifference(undefined, load(BASE), guests);
  assert.ok(
    all.guests[0]?.changes.some(({ right, from, to }) => right === "maxVcpu" && from === null && to === 2),
  );
});

Deno.test("policyDifference() shows entries of a network profile's allow-list as they are written", () => {
  const profile = '[network_profiles.office]\negress = "allowlist"\nallow = ["time.example.net:123/udp"]\n';
  const { keys } = policyDifference(load(BASE), load(BASE + profile), []);
  assert.equal(keys[0]?.right, "network_profiles.office");
  assert.match(JSON.stringify(keys[0]?.to), /"allow":\["time\.example\.net:123\/udp"\]/);
});
