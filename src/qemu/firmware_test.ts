import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseFirmware, type FirmwareDescriptor, type FirmwareWants, globMatches } from "./firmware.ts";
import { firmwareFolders, readFirmwareDescriptors } from "./firmware_files.ts";

const WANTS: FirmwareWants = {
  architecture: "x86_64",
  machine: "pc-q35-7.2",
  secureBoot: true,
  enrolledKeys: true,
  smm: true,
};
function document(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    description: "made up",
    "interface-types": ["uefi"],
    mapping: {
      device: "flash",
      executable: { filename: "/fw/code.fd", format: "raw" },
      "nvram-template": { filename: "/fw/vars.fd", format: "raw" },
    },
    targets: [{ architecture: "x86_64", machines: ["pc-q35-*"] }],
    features: ["secure-boot", "requires-smm", "enrolled-keys"],
    ...more,
  };
}
const found = (doc: unknown, file = "/f/50-a.json"): FirmwareDescriptor => ({
  file,
  document: doc,
  absent: [],
});

Deno.test("chooseFirmware() takes the first descriptor that fits", () => {
  const chosen = chooseFirmware([
    found(document({ features: [] }), "/f/10.json"),
    found(document(), "/f/20.json"),
  ], WANTS);
  assert.ok(chosen.ok);
  assert.equal(chosen.value.descriptor, "/f/20.json");
  assert.deepEqual(chosen.value.code, { path: "/fw/code.fd", format: "raw" });
  assert.ok(chosen.value.requiresSmm && chosen.value.secureBoot && chosen.value.enrolledKeys);
});

Deno.test("chooseFirmware() says of each candidate why it fell out", () => {
  const flash = document()["mapping"];
  assert.ok(typeof flash === "object");
  const table: readonly [Record<string, unknown>, Partial<FirmwareWants>, RegExp][] = [
    [{ "interface-types": ["bios"] }, {}, /not UEFI/],
    [{ targets: [{ architecture: "aarch64", machines: ["virt-*"] }] }, {}, /not for pc-q35-7\.2/],
    [{ mapping: { device: "memory", filename: "/fw/x.fd" } }, {}, /mapped as "memory"/],
    [{ mapping: { ...flash, mode: "combined" } }, {}, /mode "combined"/],
    [{ mapping: { ...flash, mode: "stateless" } }, {}, /mode "stateless"/],
    [
      { mapping: { device: "flash", executable: { filename: "/a", format: "raw" } } },
      {},
      /variable template/,
    ],
    [{ mapping: { ...flash, executable: { filename: "/a", format: "vmdk" } } }, {}, /format raw or qcow2/],
    [{ mapping: { ...flash, executable: { filename: "a", format: "raw" } } }, {}, /format raw or qcow2/],
    [{ features: ["requires-smm"] }, {}, /does not offer Secure Boot/],
    [{ features: ["secure-boot", "enrolled-keys"] }, {}, /does not protect its variables/],
    [{ features: ["secure-boot", "requires-smm"] }, {}, /no keys enrolled/],
    [{}, { enrolledKeys: false }, /has keys enrolled/],
    [{}, { smm: false }, /does not offer/],
    [{}, { secureBoot: false, enrolledKeys: false }, /only with Secure Boot/],
    [{ features: ["enrolled-keys"] }, { secureBoot: false, enrolledKeys: false }, /Secure Boot turned on/],
  ];
  for (const [change, wants, why] of table) {
    const chosen = chooseFirmware([found(document(change))], { ...WANTS, ...wants });
    assert.ok(!chosen.ok, why.source);
    assert.equal(chosen.error.code, "missing");
    assert.match(chosen.error.problems?.[0]?.message ?? "", why);
    assert.ok(chosen.error.hint);
  }
});

Deno.test("chooseFirmware() passes over files that are not there and documents that are no JSON", () => {
  const absent = { ...found(document()), absent: ["/fw/code.fd"] };
  const broken = { file: "/f/x.json", document: undefined, unreadable: "is not JSON", absent: [] };
  const chosen = chooseFirmware([absent, broken], WANTS);
  assert.ok(!chosen.ok);
  assert.match(JSON.stringify(chosen.error.problems), /not there: \/fw\/code\.fd.*is not JSON/);
});

Deno.test("chooseFirmware() survives any JSON", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void chooseFirmware([found(value)], WANTS)));
});

Deno.test("globMatches() follows the shell's rules on the whole name", () => {
  const table: readonly [string, string, boolean][] = [
    ["pc-q35-*", "pc-q35-7.2", true],
    ["pc-q35-*", "xpc-q35-7.2", false],
    ["pc-q35-7.?", "pc-q35-7.2", true],
    ["pc-q35-7.2", "pc-q35-7x2", false],
    ["pc-q35-[78].2", "pc-q35-8.2", true],
    ["pc-q35-[!78].2", "pc-q35-8.2", false],
    ["pc-q35-[", "pc-q35-[", true],
    ["(*", "(a", true],
  ];
  for (const [glob, name, matches] of table) {
    assert.equal(globMatches(glob, name), matches, `${glob} ${name}`);
  }
});

Deno.test("readFirmwareDescriptors() lets a nearer folder replace or mask a file of the same name", async () => {
  const root = await Deno.makeTempDir({ prefix: "rayvisor-fw-" });
  try {
    for (const folder of ["near", "far"]) await Deno.mkdir(`${root}/${folder}`);
    await Deno.writeTextFile(`${root}/code.fd`, "x");
    await Deno.symlink(`${root}/gone`, `${root}/dangling.fd`);
    const text = (vars: string) =>
      JSON.stringify(document({
        mapping: {
          device: "flash",
          executable: { filename: `${root}/code.fd`, format: "raw" },
          "nvram-template": { filename: `${root}/${vars}`, format: "raw" },
        },
      }));
    await Deno.writeTextFile(`${root}/far/20-b.json`, text("code.fd"));
    await Deno.writeTextFile(`${root}/far/10-masked.json`, text("code.fd"));
    await Deno.writeTextFile(`${root}/far/30-c.json`, text("dangling.fd"));
    await Deno.writeTextFile(`${root}/far/readme.txt`, "");
    await Deno.writeTextFile(`${root}/near/10-masked.json`, "");
    await Deno.writeTextFile(`${root}/near/20-b.json`, "{");
    const all = await readFirmwareDescriptors([`${root}/near`, `${root}/nowhere`, `${root}/far`]);
    assert.deepEqual(all.map((d) => [d.file.slice(root.length), d.unreadable, d.absent.length]), [
      ["/near/20-b.json", "is not JSON", 0],
      ["/far/30-c.json", undefined, 1],
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("this host's own descriptors offer firmware with and without Secure Boot", async () => {
  const all = await readFirmwareDescriptors(firmwareFolders());
  for (const secureBoot of [true, false]) {
    const chosen = chooseFirmware(all, { ...WANTS, secureBoot, enrolledKeys: secureBoot });
    assert.ok(chosen.ok, JSON.stringify(chosen));
    assert.equal(chosen.value.secureBoot && chosen.value.enrolledKeys, secureBoot);
  }
});
