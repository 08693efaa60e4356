import assert from "node:assert/strict";
import fc from "fast-check";
import type { PolicyRevision } from "../src/core/ids.ts";
import { loadPolicy, loadPolicyBytes, MAX_POLICY_BYTES, summaryOf } from "./load.ts";
import { schemaKeys } from "./schema.ts";
import { POLICY_TEMPLATE } from "./template.ts";

const revision = "none" as PolicyRevision;
const read = (name: string) => Deno.readTextFileSync(new URL(`./cases/base/${name}.toml`, import.meta.url));
const load = (text: string, root?: string) => loadPolicy(text, "p.toml", revision, root);

function problems(text: string, root?: string): readonly string[] {
  const result = load(text, root);
  if (result.ok) return [];
  for (const p of result.error) {
    assert.equal(p.code, "invalid_policy");
    assert.ok(p.reasons && p.reasons.length > 0, "a problem without a rule");
    assert.ok(p.place && p.place.line >= 1 && p.place.column >= 1, `a problem without a place: ${p.message}`);
  }
  return result.error.map((p) =>
    `${p.place?.line}:${p.place?.column} ${p.message}${p.hint ? ` | ${p.hint}` : ""}`
  );
}

Deno.test("the published example and the one with every key load as they stand, without notes", () => {
  for (const name of ["published", "full"]) {
    const result = load(read(name));
    assert.ok(result.ok, name);
    assert.deepEqual(result.value.notes, []);
  }
});

Deno.test("the shortest policy loads, with every section at its default", () => {
  const result = load("version = 0\n");
  assert.ok(result.ok);
  const { policy } = result.value;
  assert.deepEqual(policy.limits, {
    cpu_percent: 80,
    max_running: 8,
    require_kvm: false,
    on_narrowed: "mark",
    clamp: false,
  });
  assert.deepEqual([policy.linux.enabled, policy.windows.enabled, policy.linux.networking], [
    false,
    false,
    "off",
  ]);
  assert.deepEqual(Object.keys(policy.profiles), ["default-linux", "default-windows"]);
  assert.deepEqual(Object.keys(policy.network_profiles), ["off", "restricted", "unrestricted"]);
});

Deno.test("what a profile leaves out is at its strictest value", () => {
  const result = load('version = 0\n[profiles.a]\nkind = "linux"\n[profiles.b]\nkind = "windows"\n');
  assert.ok(result.ok);
  const { a, b } = result.value.policy.profiles;
  assert.ok(a && b);
  assert.deepEqual(a, {
    kind: "linux",
    present: false,
    networking: "off",
    network_profiles: [],
    max_vcpu: 1,
    max_memory_mb: 64,
    cpu_percent: 1,
    secure_boot: "required",
    tpm: "denied",
    allow_below_minimum: false,
    guest_agent: [],
    input: false,
    clipboard: false,
    restart: "never",
    max_restarts: 0,
    on_reboot: "reset",
    on_panic: "pause",
    on_watchdog: "pause",
    shares: [],
    snapshots: { retain: 0, max: 0, live: false, suspend: false, guest_initiated: false },
  });
  assert.equal(b.tpm, "required");
  assert.deepEqual(result.value.notes.map((note) => note.path).slice(0, 3), [
    "profiles.a.max_vcpu",
    "profiles.a.max_memory_mb",
    "profiles.a.cpu_percent",
  ]);
});

Deno.test("no note is made of a key that is written out, whatever its value", () => {
  const result = load(
    'version = 0\n[profiles.a]\nkind = "linux"\nmax_vcpu = 1\nmax_memory_mb = 64\ncpu_percent = 1\n',
  );
  assert.ok(result.ok);
  assert.deepEqual(result.value.notes, []);
});

Deno.test("all problems are told at once, each at its place, in the order of the file", () => {
  const text = `version = 0
[linux]
enabld = true
networking = "onn"
vm_id = "Desk Top"
[limits]
cpu_percent = 800
max_running = "3"
clamp = "false"
[profiles.x]
network_profiles = ["restricted", "restrictd"]
[[profiles.x.shares]]
path = "../x"
`;
  assert.deepEqual(
    problems(text).map((p) => p.slice(0, 52)),
    [
      '3:1 linux.enabld is an unknown key; allowed in linux: enabled, vm_id, autoboot, present_on_boot, networking, limits, storage, devices | did you mean "enabled"?',
      '4:14 linux.networking is "onn"; allowed is "off", "provisioning_only", "on" | did you mean "on"?',
      '5:9 linux.vm_id is "Desk Top"; allowed is a guest id (lower-case',
      "7:15 limits.cpu_percent is 800; allowed is a whole number, 1 to 100",
      '8:15 limits.max_running is "3"; allowed is a whole number, 0 to 1024 | write the number without quotes',
      '9:9 limits.clamp is "false"; allowed is true or false | write false without quotes',
      '10:1 profiles.x.kind is missing; allowed is "linux", "windows"',
      '11:35 profiles.x.network_profiles[1] is "restrictd", which is no network profile | did you mean "restricted"?',
      "13:8 profiles.x.shares[0].path is \"../x\": it has a '..'; allowed is a path below the data root",
    ].map((p) => p.slice(0, 52)),
  );
});

Deno.test("duplicate keys and tables are each told, beside the other problems", () => {
  const text = `version = 0
[limits]
cpu_percent = 10
cpu_percent = 20
[linux]
enabled = true
enabled = true
colour = 1
[limits]
clamp = true
`;
  assert.deepEqual(problems(text).map((p) => p.split(";")[0]), [
    "4:1 limits.cpu_percent is set a second time",
    "7:1 linux.enabled is set a second time",
    "8:1 linux.colour is an unknown key",
    "9:2 the table [limits] stands a second time",
  ]);
});

Deno.test("contradictions between keys are told", () => {
  const of = (text: string) => problems(`version = 0\n${text}`).map((p) => p.split(" | ")[0]);
  assert.deepEqual(
    of("[windows]\nenabled = true\n"),
    [
      "3:1 windows.enabled is true, which needs windows.devices.vtpm = true; that is missing, so false",
    ].map((p) => p.replace("3:1", "3:11")),
  );
  assert.deepEqual(of("[windows]\nenabled = true\n[windows.devices]\nvtpm = false\n"), [
    "5:8 windows.devices.vtpm is false; windows.enabled = true needs it to be true",
  ]);
  assert.deepEqual(of('[linux]\nvm_id = "a"\n[windows]\nvm_id = "a"\n'), [
    '5:9 windows.vm_id is "a", which is linux.vm_id too',
  ]);
  assert.deepEqual(of('[network_profiles.a]\negress = "any"\nallow = ["a.b:1/tcp"]\n'), [
    '4:9 network_profiles.a.allow has entries, but egress is "any"',
  ]);
  assert.deepEqual(
    of('[network_profiles.a]\negress = "allowlist"\nallow = ["10.1.0.0/16:1/tcp"]\n').length,
    1,
  );
  assert.deepEqual(
    of('[network_profiles.a]\negress = "allowlist"\nallow = ["10.1.0.0/16:1/tcp"]\nprivate_ranges = true\n'),
    [],
  );
  assert.deepEqual(of('[network_profiles.a]\negress = "none"\ndns = "any"\n').length, 1);
  assert.deepEqual(of('[profiles.a]\nkind = "linux"\n[profiles.a.snapshots]\nretain = 3\nmax = 2\n'), [
    "5:10 profiles.a.snapshots.retain is 3, but snapshots.max is 2",
  ]);
});

Deno.test("another version is the only problem that is told", () => {
  for (const version of ["1", '"0"', "0.5", "-1"]) {
    const result = load(`version = ${version}\nfuture = true\n`);
    assert.ok(!result.ok);
    assert.deepEqual(result.error.map((p) => p.reasons?.[0]?.rule), ["unsupported_version"], version);
  }
  assert.deepEqual(problems("[linux]\n"), ["1:1 version is missing; allowed is only 0 in version 0"]);
});

Deno.test("bytes that are no policy text get a clear answer each", () => {
  const bytes = (b: Uint8Array) => {
    const result = loadPolicyBytes(b, "p", revision);
    return result.ok
      ? "ok"
      : `${result.error[0]?.place?.line}:${result.error[0]?.place?.column} ${result.error[0]?.message}`;
  };
  const utf8 = (text: string) => new TextEncoder().encode(text);
  assert.equal(bytes(utf8("version = 0\r\n[linux]\r\nenabled = true\r\n")), "ok");
  assert.equal(bytes(utf8("\ufeffversion = 0\n")), "1:1 starts with a byte order mark");
  assert.equal(bytes(utf8("version = 0\n# a\0b\n")), "2:4 has a NUL character");
  assert.equal(bytes(new Uint8Array([...utf8("version = 0\n#"), 0xff, 0x0a])), "2:2 not UTF-8 text");
  assert.match(
    bytes(new Uint8Array(MAX_POLICY_BYTES + 1).fill(35)),
    /1048577 bytes long; allowed are at most 1048576/,
  );
  assert.match(bytes(utf8(`a = ${"[".repeat(5000)}`)), /^1:\d+ not valid TOML: .*nested/);
  assert.match(bytes(utf8(`version = 0\n${"a.".repeat(20000)}b = 1\n`)), /^2:1 a key has more than 16 parts/);
  assert.match(bytes(utf8("version = 0\n[linux\nenabled = true\n")), /^2:\d+ not valid TOML/);
  assert.match(bytes(utf8("")), /version is missing/);
});

Deno.test("an absolute path is accepted inside the root alone, and becomes relative", () => {
  const text = (path: string) => `version = 0\n[linux.storage]\nroot_disk = ${JSON.stringify(path)}\n`;
  const inside = load(text("/var/rayos/vm/linux/a.img"), "/var/rayos");
  assert.ok(inside.ok);
  assert.equal(inside.value.policy.linux.storage.root_disk, "vm/linux/a.img");
  for (const path of ["/etc/shadow", "/var/rayosx/a", "/var/rayos/../x", "/var/rayos", "/"]) {
    assert.equal(problems(text(path), "/var/rayos").length, 1, path);
  }
  assert.equal(problems(text("/var/rayos/a")).length, 1);
  assert.equal(problems('version = 0\n[[profiles.default-linux.shares]]\npath = "/x"\n', "/r").length, 2);
});

Deno.test("names that a prototype has are no profiles and no keys", () => {
  assert.equal(problems('version = 0\n[profiles.__proto__]\nkind = "linux"\n').length, 1);
  assert.equal(problems("version = 0\n[linux]\nconstructor = 1\n").length, 1);
  assert.equal(problems("version = 0\n__proto__ = 1\n").length, 1);
  assert.equal(problems('version = 0\n[profiles.constructor]\nkind = "linux"\n').length, 0);
});

Deno.test("thousands of problems are cut to a list that can be read, and counted", () => {
  const text = `version = 0\n${Array.from({ length: 9000 }, (_, i) => `key${i} = 1\n`).join("")}`;
  const result = load(text);
  assert.ok(!result.ok);
  assert.equal(result.error.length, 101);
  assert.match(result.error.at(-1)?.message ?? "", /^8900 more problems/);
  assert.match(
    summaryOf("p.toml", result.error).message,
    /p\.toml is refused: more than 100 problems/,
  );
});

Deno.test("the template loads without notes, has linux on and windows off, and shows every key", () => {
  const result = load(POLICY_TEMPLATE);
  assert.ok(result.ok);
  assert.deepEqual(result.value.notes, []);
  const { linux, windows } = result.value.policy;
  assert.deepEqual([linux.enabled, windows.enabled, linux.networking, windows.networking], [
    true,
    false,
    "off",
    "off",
  ]);
  const turnedOn = load(POLICY_TEMPLATE.replace("[windows]\nenabled = false", "[windows]\nenabled = true"));
  assert.ok(turnedOn.ok && turnedOn.value.policy.windows.enabled, "turning windows on as the comment says");
  for (const [path] of schemaKeys()) {
    const key = path.split(".").at(-1)?.replace("[]", "") ?? "";
    assert.match(POLICY_TEMPLATE, new RegExp(`^(# )?(${key} =|\\[+([a-z-]+\\.)*${key}[.\\]])`, "m"), path);
  }
});

Deno.test("the template with every comment sign before a key removed loads too", () => {
  const text = POLICY_TEMPLATE.replace(/^# (?=[a-z_]+ = |\[)/gm, "").replace(/^#$/gm, "");
  assert.deepEqual(problems(text), []);
});

Deno.test("loadPolicy() is total: whatever the text, a policy or at least one problem with a place", () => {
  const full = read("full");
  const mutation = fc.record({
    at: fc.nat(full.length),
    drop: fc.nat(12),
    put: fc.string({ maxLength: 6, unit: "binary" }),
  });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      let text = full;
      for (const { at, drop, put } of mutations) text = text.slice(0, at) + put + text.slice(at + drop);
      const result = load(text);
      if (!result.ok) {
        assert.ok(result.error.length > 0);
        for (const p of result.error) assert.ok(p.message.length > 0 && p.place && p.place.line >= 1);
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("the order of tables and keys does not matter", () => {
  const blocks = read("full").split(/\n(?=\[)/).slice(1).filter((block) => !block.startsWith("[["));
  const expected = load(`version = 0\n${blocks.join("\n")}`);
  assert.ok(expected.ok);
  fc.assert(
    fc.property(fc.shuffledSubarray(blocks, { minLength: blocks.length }), (shuffled) => {
      const result = load(`version = 0\n${shuffled.join("\n")}`);
      assert.ok(result.ok);
      assert.deepEqual(result.value.policy, expected.value.policy);
    }),
    { numRuns: 30 },
  );
});
