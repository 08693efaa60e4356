import assert from "node:assert/strict";
import fc from "fast-check";
import { duplicateKeys } from "../src/core/json_duplicates.ts";
import { MAX_REGISTRY_BYTES, parseRecord, parseRegistry, readRegistry } from "./schema.ts";

const record = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  name: "A guest",
  type: "linux",
  state: "stopped",
  storage: { disks: { system: `vm/linux/${id}/disk.qcow2` }, ovmf_vars: `vm/linux/${id}/ovmf_vars.qcow2` },
  devices: { vcpu: 2, memory_mb: 2048, network: { enabled: false } },
  policy_profile: "default-linux",
  ...more,
});
const registry = (...records: Record<string, unknown>[]) =>
  JSON.stringify({ version: 0, vms: Object.fromEntries(records.map((r) => [r["id"], r])) });

function problems(value: unknown, root?: string): readonly string[] {
  const read = parseRecord(value, "vms.a", root);
  return read.ok ? [] : read.error.map((p) => `${p.message}${p.hint ? ` | ${p.hint}` : ""}`);
}

Deno.test("a registry is read as it is written; a missing version is version 0", () => {
  const full = record("a", {
    type: "windows",
    storage: {
      disks: { system: "vm/windows/a/disk.qcow2" },
      ovmf_vars: "vm/windows/a/vars.qcow2",
      tpm_state: "vm/windows/a/tpm",
      cdroms: { install: "media/win.iso" },
    },
    devices: {
      vcpu: 4,
      memory_mb: 8192,
      network: { enabled: true, profile: "restricted" },
      tpm: { enabled: true },
      secure_boot: true,
      shares: [{ name: "office", path: "shares/office", readonly: true }],
    },
    machine: "pc-q35-7.2",
  });
  const read = parseRegistry(registry(full));
  assert.ok(read.ok);
  assert.deepEqual(read.value, { version: 0, vms: { a: full } });
  const plain = parseRegistry('{"vms": {}}');
  assert.ok(plain.ok);
});

Deno.test("an unsupported version and what is no registry are refused whole, with the reason", () => {
  const table: readonly (readonly [string, string, RegExp])[] = [
    ['{"version": 1, "vms": {}}', "registry_unsupported", /has version 1; this rayvisor reads version 0/],
    ['{"version": "0", "vms": {}}', "registry_unsupported", /has version "0"/],
    ['{"version": null, "vms": {}}', "registry_unsupported", /has version null/],
    ["{", "invalid_registry", /is not JSON/],
    ["", "invalid_registry", /is not JSON/],
    ["[]", "invalid_registry", /not a JSON object/],
    ["null", "invalid_registry", /not a JSON object/],
    ["{}", "invalid_registry", /has no vms/],
    ['{"vms": []}', "invalid_registry", /vms that are an empty list/],
    ['{"vms": {}, "vmz": 1}', "invalid_registry", /unknown key/],
    ['{"vms": {"a": 1}, "vms": {}}', "invalid_registry", /keys that stand twice: vms/],
  ];
  for (const [text, code, message] of table) {
    const read = readRegistry(text, "registry.json");
    assert.ok(!read.ok, text);
    assert.equal(read.error.code, code, text);
    assert.match(read.error.message, message, text);
  }
  const large = readRegistry(" ".repeat(MAX_REGISTRY_BYTES + 1), "r");
  assert.ok(!large.ok && /larger than/.test(large.error.message));
});

Deno.test("a broken record does not hide the others, and says all that is wrong", () => {
  const text = registry(record("good"), {
    ...record("bad"),
    devices: { vcpu: 0, memory_mb: "2048" },
    colour: 1,
  });
  const read = readRegistry(text, "registry.json");
  assert.ok(read.ok);
  assert.deepEqual([...read.value.vms.keys()], ["good"]);
  assert.deepEqual(read.value.broken.map((b) => b.id), ["bad"]);
  assert.deepEqual(read.value.broken[0]?.problems.map((p) => p.path), [
    "vms.bad.devices.vcpu",
    "vms.bad.devices.memory_mb",
    "vms.bad.devices.network",
    "vms.bad.colour",
  ]);
  assert.ok(!parseRegistry(text).ok);
});

Deno.test("an id must equal its key, and a key that is no id is broken", () => {
  const read = readRegistry(
    JSON.stringify({ vms: { a: record("b"), "../x": record("../x"), "": 1, __proto: null } }),
    "r",
  );
  assert.ok(read.ok);
  assert.equal(read.value.vms.size, 0);
  assert.equal(read.value.broken.length, 4);
  assert.match(
    read.value.broken[0]?.problems[0]?.message ?? "",
    /vms\.a\.id is "b"; it must equal its key "a"/,
  );
});

Deno.test("parseRecord() refuses what the contract does not allow, naming the key, the value and what is near", () => {
  const table: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ nmae: "x" }, /vms\.a\.nmae is an unknown key.*did you mean "name"/],
    [{ name: "" }, /vms\.a\.name is ""/],
    [{ name: "x".repeat(65) }, /vms\.a\.name/],
    [{ name: "a\nb" }, /vms\.a\.name/],
    [{ name: "a\u202eb" }, /vms\.a\.name/],
    [{ type: "Linux" }, /vms\.a\.type is "Linux".*did you mean "linux"/],
    [{ state: "crashed" }, /vms\.a\.state is "crashed"/],
    [{ machine: "q35,accel=kvm" }, /vms\.a\.machine/],
    [{ policy_profile: "A B" }, /vms\.a\.policy_profile/],
    [{ devices: { vcpu: 1.5, memory_mb: 64, network: { enabled: false } } }, /devices\.vcpu is 1\.5/],
    [{ devices: { vcpu: 1, memory_mb: 63, network: { enabled: false } } }, /devices\.memory_mb is 63/],
    [{ devices: { vcpu: 1, memory_mb: 64, network: {} } }, /devices\.network\.enabled is missing/],
    [{ devices: { vcpu: 1, memory_mb: 64, network: true } }, /devices\.network is true; allowed is a table/],
    [
      { devices: { vcpu: 1, memory_mb: 64, network: { enabled: false }, tpm: { enabled: true } } },
      /storage\.tpm_state is missing: the TPM is enabled/,
    ],
    [{ storage: { disks: { "a,b": "x" } } }, /storage\.disks\."a,b"/],
    [{ storage: { disks: { a: "x" }, tpm_state: "x" } }, /names the file "x" twice/],
    [{
      storage: { disks: {} },
      devices: { vcpu: 1, memory_mb: 64, network: { enabled: false }, secure_boot: true },
    }, /storage\.ovmf_vars is missing: Secure Boot is on/],
  ];
  for (const [change, expected] of table) assert.match(problems(record("a", change)).join("\n"), expected);
  for (const value of [null, 1, "a", [], new Date()]) assert.equal(problems(value).length, 1);
});

Deno.test("paths are confined as text: relative, or absolute inside a root that is known", () => {
  const disk = (path: string) => record("a", { storage: { disks: { system: path } } });
  for (const path of ["../x", "a/../../x", "", ".", "a\0b", "a\nb", "/etc/shadow", "x".repeat(2000)]) {
    const read = parseRecord(disk(path), "vms.a", "/r");
    assert.ok(!read.ok, JSON.stringify(path));
    assert.deepEqual(read.error.map((p) => [p.code, p.reasons?.[0]?.rule]), [["path_escape", "path_escape"]]);
  }
  const inside = parseRecord(disk("/r//vm/./a.img"), "vms.a", "/r");
  assert.ok(inside.ok);
  assert.equal(inside.value.storage.disks["system"], "vm/a.img");
  assert.match(problems(disk("/r/vm/a.img")).join(), /it is absolute/);
});

Deno.test("readRegistry() is total on any JSON, and what it accepts it accepts again", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (vms) => {
    const read = readRegistry(JSON.stringify({ version: 0, vms }), "r");
    assert.ok(read.ok || read.error.message.length > 0);
  }));
  const change = fc.record({ at: fc.nat(400), drop: fc.nat(4), put: fc.string({ maxLength: 3 }) });
  const base = registry(record("a"), record("b"));
  fc.assert(
    fc.property(change, ({ at, drop, put }) => {
      const read = readRegistry(base.slice(0, at) + put + base.slice(at + drop), "r");
      if (!read.ok) return;
      const again = readRegistry(
        JSON.stringify({ version: 0, vms: Object.fromEntries(read.value.vms) }),
        "r",
      );
      assert.ok(again.ok);
      assert.deepEqual(again.value, { vms: read.value.vms, broken: [] });
    }),
    { numRuns: 500 },
  );
});

Deno.test("duplicateKeys() finds repeated keys at any depth, whatever stands in strings", () => {
  assert.deepEqual(duplicateKeys('{"a": {"b": 1, "b": 2}, "c": [{"x": 1, "x": 1}], "a": 3}'), [
    "a.b",
    "c.[].x",
    "a",
  ]);
  assert.deepEqual(duplicateKeys('{"a": "{\\"a\\": 1}", "b": ["a", "a"], "\\u0063": 1, "c": 2}'), ["c"]);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => assert.deepEqual(duplicateKeys(JSON.stringify(value)), [])),
  );
});
