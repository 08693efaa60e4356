import assert from "node:assert/strict";
import fc from "fast-check";
import type { PolicyRevision } from "../src/core/ids.ts";
import { loadPolicy } from "./load.ts";
import type { LoadedPolicy } from "./model.ts";
import { effectiveRights } from "./rights.ts";
import { overrideToml } from "./toml.ts";
import type { Networking, Rights } from "./types.ts";

const full = Deno.readTextFileSync(new URL("./cases/base/full.toml", import.meta.url));

function load(text: string): LoadedPolicy {
  const loaded = loadPolicy(text, "p.toml", "none" as PolicyRevision);
  if (!loaded.ok) throw new Error(loaded.error.map((p) => p.message).join("\n"));
  return loaded.value;
}
function rightsOf(overrides: readonly (readonly [string, unknown])[], profile = "office-windows"): Rights {
  const text = overrideToml(full, overrides);
  assert.ok(text.ok);
  const rights = effectiveRights(load(text.value), "windows", profile);
  assert.ok(rights.ok);
  return rights.value.rights;
}

Deno.test("effectiveRights() takes the strictest of limits, kind and profile, and says where each comes from", () => {
  const rights = effectiveRights(load(full), "windows", "office-windows");
  assert.ok(rights.ok);
  const { rights: r, sources } = rights.value;
  assert.deepEqual(
    [r.networking, r.networkProfiles, r.maxVcpu, r.maxMemoryMib, r.cpuPercent, r.cpuReservedPercent, r.tpm],
    ["on", ["restricted", "office"], 4, 8192, 50, 50, "required"],
  );
  const line = (key: string) => full.split("\n").findIndex((text) => text.startsWith(key)) + 1;
  assert.deepEqual(sources.cpuPercent, {
    layer: "profile",
    key: "profiles.office-windows.cpu_percent",
    line: line("cpu_percent = 50"),
  });
  assert.equal(sources.maxVcpu.layer, "kind");
  assert.deepEqual(sources.requireKvm, {
    layer: "limits",
    key: "limits.require_kvm",
    line: line("require_kvm"),
  });
});

Deno.test("where a reset would end the guest, a panic or its watchdog stops it instead of resetting it, and that key is named", () => {
  const profile = "profiles.office-windows";
  const of = (on_reboot: string, on_panic: string, on_watchdog: string) => {
    const overrides = Object.entries({ on_reboot, on_panic, on_watchdog })
      .map(([key, value]) => [`${profile}.${key}`, value] as const);
    const text = overrideToml(full, overrides);
    assert.ok(text.ok);
    const loaded = load(text.value);
    const rights = effectiveRights(loaded, "windows", "office-windows");
    assert.ok(rights.ok);
    const { rights: { onReboot, onPanic, onWatchdog }, sources } = rights.value;
    const keys = [sources.onPanic.key, sources.onWatchdog.key].map((key) => key.slice(profile.length + 1));
    const notes = loaded.notes.map(({ path }) => path?.slice(profile.length + 1));
    return [onReboot, onPanic, onWatchdog, ...keys, ...notes];
  };
  assert.deepEqual(of("reset", "reset", "stop"), ["reset", "reset", "stop", "on_panic", "on_watchdog"]);
  assert.deepEqual(of("stop", "reset", "pause"), [
    "stop",
    "stop",
    "pause",
    "on_reboot",
    "on_watchdog",
    "on_panic",
  ]);
  assert.deepEqual(of("stop", "pause", "reset"), [
    "stop",
    "pause",
    "stop",
    "on_panic",
    "on_reboot",
    "on_watchdog",
  ]);
});

Deno.test("what a kind's section leaves out comes from defaults, and both switches for autoboot must be on", () => {
  const text =
    'version = 0\n[defaults]\nnetworking = "on"\npresent_on_boot = true\nautoboot_vms = true\n[linux]\nenabled = true\n';
  const of = (more: string) => {
    const rights = effectiveRights(load(text + more), "linux", "default-linux");
    assert.ok(rights.ok);
    return rights.value;
  };
  const plain = of("");
  assert.deepEqual([plain.rights.networking, plain.rights.presentOnBoot, plain.rights.autoboot], [
    "on",
    true,
    true,
  ]);
  assert.deepEqual(plain.sources.networking, { layer: "defaults", key: "defaults.networking", line: 3 });
  assert.equal(of("autoboot = false\n").rights.autoboot, false);
  // Neither the switch for all nor the one of the kind is on by default.
  const bare = effectiveRights(load("version = 0\n[linux]\nenabled = true\n"), "linux", "default-linux");
  assert.ok(bare.ok);
  assert.deepEqual([
    bare.value.rights.autoboot,
    bare.value.rights.presentOnBoot,
    bare.value.rights.networking,
  ], [
    false,
    false,
    "off",
  ]);
  assert.equal(of('networking = "off"\n').rights.networking, "off");
  assert.equal(of('networking = "off"\n').sources.networking.layer, "kind");
});

Deno.test("effectiveRights() answers an unknown profile and one of the other kind with a reason", () => {
  const policy = load(full);
  const unknown = effectiveRights(policy, "windows", "office-window");
  assert.ok(!unknown.ok);
  assert.equal(unknown.error.rule, "profile_unknown");
  assert.match(unknown.error.why, /did you mean "office-windows"/);
  const other = effectiveRights(policy, "linux", "office-windows");
  assert.ok(!other.ok && other.error.rule === "profile_kind_mismatch");
  const inherited = effectiveRights(policy, "linux", "toString");
  assert.ok(!inherited.ok && inherited.error.rule === "profile_unknown");
});

const NETWORKING: readonly Networking[] = ["off", "provisioning_only", "on"];

/** Whether every right of `a` is at most that of `b`. */
function atMost(a: Rights, b: Rights): boolean {
  const flag = (x: boolean, y: boolean) => !x || y;
  return flag(a.enabled, b.enabled) && flag(a.autoboot, b.autoboot) && flag(a.present, b.present) &&
    flag(a.presentOnBoot, b.presentOnBoot) && flag(a.input, b.input) && flag(b.requireKvm, a.requireKvm) &&
    NETWORKING.indexOf(a.networking) <= NETWORKING.indexOf(b.networking) &&
    a.networkProfiles.every((name) => b.networkProfiles.includes(name)) &&
    a.maxVcpu <= b.maxVcpu && a.maxMemoryMib <= b.maxMemoryMib && a.cpuPercent <= b.cpuPercent &&
    (a.gpu === b.gpu || a.gpu === "none");
}

Deno.test("rights are never more than any one layer grants", () => {
  const layers = fc.record({
    cpu: fc.integer({ min: 1, max: 100 }),
    mem: fc.integer({ min: 64, max: 9000 }),
    kindNet: fc.constantFrom(...NETWORKING),
    kindCpus: fc.integer({ min: 1, max: 9 }),
    kindMem: fc.integer({ min: 64, max: 9000 }),
    kindInput: fc.boolean(),
    net: fc.constantFrom(...NETWORKING),
    vcpu: fc.integer({ min: 1, max: 9 }),
    memory: fc.integer({ min: 64, max: 9000 }),
    percent: fc.integer({ min: 1, max: 100 }),
    input: fc.boolean(),
  });
  fc.assert(
    fc.property(layers, (l) => {
      const r = rightsOf([
        ["limits.cpu_percent", l.cpu],
        ["limits.mem_mib", l.mem],
        ["windows.networking", l.kindNet],
        ["windows.limits.cpus", l.kindCpus],
        ["windows.limits.mem_mib", l.kindMem],
        ["windows.devices.input", l.kindInput],
        ["profiles.office-windows.networking", l.net],
        ["profiles.office-windows.max_vcpu", l.vcpu],
        ["profiles.office-windows.max_memory_mb", l.memory],
        ["profiles.office-windows.cpu_percent", l.percent],
        ["profiles.office-windows.input", l.input],
      ]);
      assert.equal(r.maxVcpu, Math.min(l.kindCpus, l.vcpu));
      assert.equal(r.maxMemoryMib, Math.min(l.mem, l.kindMem, l.memory));
      assert.equal(r.cpuPercent, Math.min(l.cpu, l.percent));
      assert.equal(r.input, l.kindInput && l.input);
      assert.equal(
        NETWORKING.indexOf(r.networking),
        Math.min(NETWORKING.indexOf(l.kindNet), NETWORKING.indexOf(l.net)),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("making any one key stricter only narrows", () => {
  const stricter: readonly (readonly [string, unknown])[] = [
    ["limits.cpu_percent", 10],
    ["limits.mem_mib", 512],
    ["limits.require_kvm", true],
    ["windows.enabled", false],
    ["windows.networking", "provisioning_only"],
    ["windows.networking", "off"],
    ["windows.limits.cpus", 1],
    ["windows.limits.mem_mib", 64],
    ["windows.devices.input", false],
    ["windows.devices.gpu", "none"],
    ["profiles.office-windows.present", undefined],
    ["profiles.office-windows.networking", undefined],
    ["profiles.office-windows.network_profiles", ["office"]],
    ["profiles.office-windows.max_vcpu", undefined],
    ["profiles.office-windows.max_memory_mb", undefined],
    ["profiles.office-windows.cpu_percent", undefined],
    ["profiles.office-windows.input", undefined],
  ];
  const before = rightsOf([]);
  for (const change of stricter) {
    const after = rightsOf([change]);
    assert.ok(atMost(after, before), change[0]);
    assert.notDeepEqual(after, before, `${change[0]} has no effect`);
  }
  fc.assert(
    fc.property(fc.subarray([...stricter]), fc.subarray([...stricter]), (a, b) => {
      // A list without double keys, so that the second set only adds to the first.
      const keys = new Set(a.map(([key]) => key));
      const more = [...a, ...b.filter(([key]) => !keys.has(key))];
      assert.ok(atMost(rightsOf(more), rightsOf(a)));
    }),
    { numRuns: 60 },
  );
});
