import assert from "node:assert/strict";
import fc from "fast-check";
import { isObject } from "../core/json.ts";
import { ALLOWED_BLOCK_DRIVERS, ALLOWED_DEVICES } from "./allowed_devices.ts";
import { hypervSwitches } from "./hyperv.ts";
import { chooseAccelerator, chooseCpu, guestUuid, resolveMachine } from "./machine.ts";
import { classicOption, jsonOption, nodeName, optionValue } from "./options.ts";
import { planGuest } from "./plan.ts";
import { GOOD_KVM, PLAIN_UEFI, SECURE_UEFI, testHost, testId, testInput, testRights } from "./testing.ts";

const valuesOf = (args: readonly string[], option: string) =>
  args.flatMap((arg, i) => arg === option ? [args[i + 1] ?? ""] : []);
const text = fc.string({
  unit: fc.constantFrom(..."aZ9 ,=:{}\"'\\/.-_%$;é".split("")),
  minLength: 1,
  maxLength: 30,
});
const guests = fc.record({
  kind: fc.constantFrom("linux" as const, "windows" as const),
  firmware: fc.constantFrom(PLAIN_UEFI, SECURE_UEFI),
  tpm: fc.boolean(),
  folder: text.map((t) => `/r/${t}`),
  host: fc.constantFrom(testHost(), testHost(GOOD_KVM), testHost({ ...GOOD_KVM, smm: false })),
  rights: fc.record({
    gpu: fc.constantFrom("virtio" as const, "none" as const),
    input: fc.boolean(),
    tpm: fc.constant("allowed" as const),
    secureBoot: fc.constant("allowed" as const),
  }),
  disks: fc.array(
    fc.record({
      name: text,
      path: text.map((t) => `/r/${t}`),
      format: fc.constantFrom("qcow2" as const, "raw" as const),
      backing: fc.array(
        fc.record({ path: text.map((t) => `/b/${t}`), format: fc.constant("qcow2" as const) }),
        {
          maxLength: 3,
        },
      ),
    }),
    { maxLength: 15 },
  ),
  cdroms: fc.array(fc.record({ name: text, path: text.map((t) => `/r/${t}`) }), { maxLength: 6 }),
  vcpu: fc.integer({ min: 1, max: 8 }),
  memoryMib: fc.integer({ min: 64, max: 16384 }),
});

Deno.test("planGuest() never names a device or block driver outside the allow-list, whatever the record", () => {
  let planned = 0;
  fc.assert(fc.property(guests, (guest) => {
    const plan = planGuest(testInput(guest));
    // A comma in the folder can't be written in an swtpm option.
    if (!plan.ok) return assert.match(plan.error.message, /swtpm can't take the path/);
    planned++;
    const { args } = plan.value.qemu;
    const drivers = (option: string) =>
      valuesOf(args, option).map((value) => {
        const node: unknown = JSON.parse(value);
        return isObject(node) ? String(node["driver"]) : value;
      });
    for (const driver of drivers("-device")) {
      assert.ok((ALLOWED_DEVICES as readonly string[]).includes(driver));
    }
    for (const driver of drivers("-blockdev")) {
      assert.ok((ALLOWED_BLOCK_DRIVERS as readonly string[]).includes(driver));
    }
    assert.doesNotMatch(
      drivers("-device").concat(drivers("-blockdev")).join(),
      /vfio|usb-host|host_device|net/,
    );
    // No second way to a device or a network beside those two options.
    for (
      const option of [
        "-drive",
        "-hda",
        "-cdrom",
        "-usbdevice",
        "-net",
        "-nic",
        "-netdev",
        "-fsdev",
        "-virtfs",
      ]
    ) {
      assert.ok(!args.includes(option));
    }
    assert.ok(args.includes("-nodefaults") && args.includes("-S") && args.includes("-sandbox"));
    assert.ok(!args.join(" ").includes("hv-passthrough"));
  }));
  assert.ok(planned > 20, `only ${planned} plans were made`);
});

Deno.test("planGuest() names every block node once, within QEMU's limit, and each before its user", () => {
  fc.assert(fc.property(guests, (guest) => {
    const plan = planGuest(testInput(guest));
    if (!plan.ok) return;
    const seen = new Set<string>();
    for (const value of valuesOf(plan.value.qemu.args, "-blockdev")) {
      const node: unknown = JSON.parse(value);
      assert.ok(isObject(node));
      for (const key of ["file", "backing"]) {
        if (typeof node[key] === "string") {
          assert.ok(seen.has(node[key]), `${node[key]} is used before it is there`);
        }
      }
      if (node["driver"] === "qcow2") assert.notEqual(node["backing"], undefined, "backing must be said");
      const name = String(node["node-name"]);
      assert.ok(!seen.has(name) && name.length <= 31);
      seen.add(name);
    }
  }));
});

Deno.test("planGuest() turns on SMM and secure flash exactly with Secure Boot", () => {
  for (const firmware of [PLAIN_UEFI, SECURE_UEFI]) {
    const plan = planGuest(testInput({ kind: "linux", firmware }));
    assert.ok(plan.ok);
    const secure = plan.value.qemu.args.includes("driver=cfi.pflash01,property=secure,value=on");
    assert.equal(secure, firmware.secureBoot);
    assert.match(valuesOf(plan.value.qemu.args, "-machine").join(), secure ? /smm=on/ : /smm=off/);
  }
});

Deno.test("planGuest() refuses what it would have to leave out, naming it", () => {
  const windows = testInput({ kind: "windows", firmware: SECURE_UEFI, tpm: true });
  const noTpm = testInput({ kind: "windows", firmware: SECURE_UEFI });
  const host = testHost();
  const table: readonly [string, Parameters<typeof planGuest>[0], string, RegExp][] = [
    ["no swtpm", { ...windows, host: { ...host, swtpm: null } }, "missing", /swtpm is not installed/],
    ["no TPM in the record", noTpm, "denied", /requires a TPM/],
    [
      "TPM denied",
      { ...windows, rights: testRights("windows", { tpm: "denied" }) },
      "denied",
      /allows .* no TPM/,
    ],
    ["no firmware", { ...windows, firmware: null }, "missing", /wants Secure Boot/],
    ["plain firmware", { ...windows, firmware: PLAIN_UEFI }, "missing", /does not enforce/],
    [
      "no keys",
      { ...windows, firmware: { ...SECURE_UEFI, enrolledKeys: false } },
      "missing",
      /enrolled keys/,
    ],
    [
      "no SMM firmware",
      { ...windows, firmware: { ...SECURE_UEFI, requiresSmm: false } },
      "missing",
      /not enforce/,
    ],
    [
      "KVM demanded",
      { ...windows, rights: testRights("windows", { requireKvm: true }) },
      "missing",
      /requires KVM/,
    ],
    [
      "other kind's rights",
      { ...windows, rights: testRights("linux") },
      "denied",
      /rights are those of a linux/,
    ],
    ["too many vCPUs", { ...windows, clamp: { vcpu: 9, memoryMib: 512 } }, "denied", /9 vCPUs/],
    ["no vCPU", { ...windows, clamp: { vcpu: 0, memoryMib: 512 } }, "denied", /0 vCPUs/],
    ["too much memory", { ...windows, clamp: { vcpu: 1, memoryMib: 99999 } }, "denied", /99999 MiB/],
    [
      "unknown machine",
      { ...windows, record: { ...windows.record, machine: "pc-q35-99.0" } },
      "missing",
      /pc-q35-99/,
    ],
    [
      "other machine",
      { ...windows, record: { ...windows.record, machine: "pc-i440fx-7.2" } },
      "missing",
      /not a q35/,
    ],
    [
      "no sandbox",
      { ...windows, host: { ...host, qemu: { ...host.qemu, options: [] } } },
      "missing",
      /seccomp/,
    ],
    [
      "no -action",
      { ...windows, host: { ...host, qemu: { ...host.qemu, options: ["sandbox"] } } },
      "missing",
      /without a report/,
    ],
    [
      "no device",
      { ...windows, host: { ...host, qemu: { ...host.qemu, devices: ["tpm-crb"] } } },
      "missing",
      /lacks the devices .*virtio-vga/,
    ],
    [
      "no tpm-crb",
      { ...windows, host: { ...host, qemu: { ...host.qemu, tpmModels: [] } } },
      "missing",
      /tpm-crb/,
    ],
    [
      "no variables file",
      testInputWithout(testInput({ kind: "linux", firmware: PLAIN_UEFI }), "ovmfVars"),
      "invalid_registry",
      /no file for its variables/,
    ],
    ["no state folder", testInputWithout(windows, "tpmState"), "invalid_registry", /no folder for its state/],
    [
      "long socket path",
      testInput({ kind: "linux", folder: `/${"x".repeat(120)}` }),
      "usage",
      /socket path is \d+ bytes long/,
    ],
    ["line feed in a path", testInput({ kind: "linux", folder: "/a\nb" }), "usage", /control characters/],
    [
      "16 disks",
      testInput({
        kind: "linux",
        disks: Array.from(
          { length: 16 },
          (_, i) => ({ name: `${i}`, path: "/d", format: "raw", backing: [] }),
        ),
      }),
      "usage",
      /16 disks/,
    ],
  ];
  for (const [name, input, code, message] of table) {
    const plan = planGuest(input);
    assert.ok(!plan.ok, name);
    assert.equal(plan.error.code, code, name);
    assert.match(plan.error.message, message, name);
  }
});

Deno.test("a guest that fails stands still for the supervisor, and a reboot comes to what policy says", () => {
  for (const [onReboot, action] of [["reset", "reset"], ["stop", "shutdown"]] as const) {
    for (const failure of ["pause", "stop", "reset"] as const) {
      const rights = { onReboot, onPanic: failure, onWatchdog: failure };
      const plan = planGuest(testInput({ kind: "linux", rights }));
      assert.ok(plan.ok);
      const { args } = plan.value.qemu;
      assert.deepEqual(valuesOf(args, "-action"), [
        `reboot=${action},shutdown=poweroff,panic=pause,watchdog=pause`,
      ]);
      assert.ok(valuesOf(args, "-global").includes("ICH9-LPC.noreboot=off"));
    }
  }
});

function testInputWithout(input: Parameters<typeof planGuest>[0], key: "ovmfVars" | "tpmState") {
  const { [key]: _gone, ...files } = input.files;
  return { ...input, files };
}

Deno.test("chooseAccelerator() takes KVM only where it runs, and with SMM only where it has that", () => {
  assert.equal(chooseAccelerator(testHost(), false).accelerator, "tcg");
  assert.equal(chooseAccelerator(testHost(GOOD_KVM), true).accelerator, "kvm");
  assert.equal(chooseAccelerator(testHost({ ...GOOD_KVM, smm: false }), true).accelerator, "tcg");
  assert.equal(chooseAccelerator(testHost({ ...GOOD_KVM, smm: false }), false).accelerator, "kvm");
});

Deno.test("chooseCpu() falls back to the older version where a feature is missing, and refuses a part of a model", () => {
  const models = (missing: string[]) => [
    { name: "Westmere-v2", migrationSafe: true, deprecated: false, missing: ["spec-ctrl"] },
    { name: "Westmere-v1", migrationSafe: true, deprecated: false, missing },
  ];
  const host = (missing: string[]) => testHost({ ...GOOD_KVM, usable: true, cpuModels: models(missing) });
  assert.deepEqual(chooseCpu(host([]), "kvm"), { ok: true, value: "Westmere-v1" });
  const refused = chooseCpu(host(["aes"]), "kvm");
  assert.ok(!refused.ok);
  assert.match(refused.error.message, /Westmere-v1 lacks aes/);
});

Deno.test("resolveMachine() gives the versioned name behind an alias", () => {
  const found = resolveMachine(testHost().qemu.machines, "q35");
  assert.ok(found.ok);
  assert.equal(found.value.name, "pc-q35-7.2");
});

Deno.test("hypervSwitches() leaves out what lacks its needs, and everything without KVM", () => {
  assert.deepEqual(hypervSwitches({ usable: false, smm: false, why: "" }).switches, []);
  const partly = hypervSwitches({
    ...GOOD_KVM,
    usable: true,
    hyperv: ["hv-relaxed", "hv-synic", "hv-stimer", "hv-time"],
  });
  assert.deepEqual(partly.switches, ["hv-relaxed=on", "hv-time=on"]);
  assert.ok(partly.lacking.includes("hv-synic") && partly.lacking.includes("hv-stimer"));
});

Deno.test("guestUuid() is a version 5 UUID that depends on the id alone", () => {
  assert.match(
    guestUuid(testId("a")),
    /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(guestUuid(testId("a")), guestUuid(testId("a")));
  assert.notEqual(guestUuid(testId("a")), guestUuid(testId("b")));
});

Deno.test("optionValue() doubles commas and refuses control characters", () => {
  assert.equal(optionValue("a,b,,c"), "a,,b,,,,c");
  for (const bad of ["a\nb", "a\0b", "\x7f"]) assert.throws(() => optionValue(bad), /control characters/);
  assert.throws(() => jsonOption({ path: "a\nb" }), /control characters/);
});

Deno.test("classicOption() can be split again into what went in", () => {
  fc.assert(fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), text), (members) => {
    const option = classicOption("first", members);
    // QEMU's own rule: a doubled comma is a comma of the value, a single one ends it.
    const parts = option.replaceAll(",,", "\u0001").split(",").map((part) => part.replaceAll("\u0001", ","));
    assert.deepEqual(parts, ["first", ...Object.entries(members).map(([key, value]) => `${key}=${value}`)]);
  }));
});

Deno.test("nodeName() holds to QEMU's 31 characters", () => {
  assert.equal(nodeName("a".repeat(31)).length, 31);
  for (const bad of ["a".repeat(32), "1a", "", "a b", "a,b"]) {
    assert.throws(() => nodeName(bad), /block node name/);
  }
});
