import assert from "node:assert/strict";
import { testId } from "../qemu/testing.ts";
import { fromQuickemu } from "./from_quickemu.ts";
import type { ImportDraft, ImportOptions } from "./types.ts";

const PLACE = { folder: "/home/u/vms", name: "windows-11-English International" };
const WINDOWS = `#!/usr/bin/quickemu --vm
guest_os="windows"
disk_img="windows-11/disk.qcow2"
iso="windows-11/windows-11.iso"
fixed_iso="windows-11/virtio-win.iso"
tpm="on"
secureboot="on"
disk_size="64G"
cpu_cores="4"
ram="8G"
port_forwards=("22:22")
usb_devices=()
extra_args="-device vfio-pci"
frobnicate="yes"
`;

function draft(text: string, options: Partial<ImportOptions> = {}): ImportDraft {
  const read = fromQuickemu(text, PLACE, { root: "/var/rayos", ...options });
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

Deno.test("fromQuickemu() makes a record of Windows 11's configuration", () => {
  const { record, bring, blockers, remarks } = draft(WINDOWS);
  assert.deepEqual(blockers, []);
  const folder = "vm/windows/windows-11-english-international";
  assert.deepEqual(record, {
    id: testId("windows-11-english-international"),
    name: PLACE.name,
    type: "windows",
    state: "stopped",
    storage: {
      disks: { root: `${folder}/root.qcow2` },
      cdroms: { install: `${folder}/install.iso`, drivers: `${folder}/drivers.iso` },
      ovmf_vars: `${folder}/ovmf_vars.qcow2`,
      tpm_state: `${folder}/tpm`,
    },
    devices: {
      vcpu: 4,
      memory_mb: 8192,
      network: { enabled: false },
      tpm: { enabled: true },
      secure_boot: true,
    },
    policy_profile: "default-windows",
  });
  assert.deepEqual(bring.map(({ as, from }) => [as, from]), [
    ["disk", "/home/u/vms/windows-11/disk.qcow2"],
    ["medium", "/home/u/vms/windows-11/windows-11.iso"],
    ["medium", "/home/u/vms/windows-11/virtio-win.iso"],
    ["variables", "/home/u/vms/windows-11/OVMF_VARS.fd"],
    ["tpm", "/home/u/vms/windows-11/tpm2-00.permall"],
  ]);
  assert.deepEqual(remarks.map(({ path, line }) => `${line} ${path}`), [
    "8 disk_size",
    "11 port_forwards",
    "13 extra_args",
    "14 frobnicate",
  ]);
  assert.match(remarks.at(-1)?.becomes ?? "", /not understood/);
});

Deno.test("fromQuickemu() lets a guest begin anew only with what it has, and where that is said", () => {
  assert.deepEqual(draft(WINDOWS).anew, []);
  assert.deepEqual(draft(WINDOWS, { newTpm: true }).anew, ["tpm"]);
  const bios = draft("disk_img=a\nboot=legacy\n", { newTpm: true, newVariables: true });
  assert.deepEqual(bios.anew, []);
});

Deno.test("fromQuickemu() goes by quickemu's defaults, and says what it assumes", () => {
  const { record, remarks, bring } = draft('disk_img="/srv/d.raw"\ndisk_format="raw"\nboot="legacy"\n');
  assert.equal(record.type, "linux");
  assert.equal(record.storage.ovmf_vars, undefined);
  assert.deepEqual(record.devices, {
    vcpu: 2,
    memory_mb: 2048,
    network: { enabled: false },
    tpm: { enabled: false },
    secure_boot: false,
  });
  assert.deepEqual(bring.map(({ from, format }) => [from, format]), [["/srv/d.raw", "raw"]]);
  assert.deepEqual(remarks.map(({ path }) => path), ["cpu_cores", "ram"]);
});

const BLOCKERS: readonly (readonly [string, string, RegExp])[] = [
  ["what a shell would run", 'disk_img="$(curl evil)"', /runs a command/],
  ["a disk in pieces", 'disk_img=("a" "b")', /one value is wanted/],
  ["no disk at all", 'guest_os="linux"', /no disk is named/],
  ["macOS", 'disk_img=a\nguest_os="macos"', /Linux or Windows/],
  ["a format that must be converted", "disk_img=a\ndisk_format=vmdk", /qemu-img convert -f vmdk/],
  ["no number of cores", 'disk_img=a\ncpu_cores="all"', /no number/],
  ["no size of memory", 'disk_img=a\nram="lots"', /no size/],
  ["too little memory", 'disk_img=a\nram="63M"', /no size of at least 64 MiB/],
  ["another architecture", "disk_img=a\narch=aarch64", /x86_64/],
  ["a switch that is none", "disk_img=a\ntpm=maybe", /neither "on" nor "off"/],
  ["Secure Boot by BIOS", "disk_img=a\nboot=legacy\nsecureboot=on", /needs UEFI/],
  ["boot by magic", "disk_img=a\nboot=magic", /neither "efi" nor "legacy"/],
];

Deno.test("fromQuickemu() says what stands in the way, and then names no file", () => {
  for (const [name, text, expected] of BLOCKERS) {
    const { blockers, bring } = draft(text);
    assert.match(blockers.map(({ becomes }) => becomes).join("\n"), expected, name);
    assert.deepEqual(bring, [], name);
  }
});

Deno.test("fromQuickemu() lists lines that would be run without taking them", () => {
  const { remarks, blockers } = draft('disk_img=a\nevil\next="$(id)"\n\u001b[2Jx\n');
  assert.deepEqual(blockers, []);
  assert.deepEqual(remarks.filter(({ line }) => line > 1).map(({ line }) => line), [2, 3, 4]);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(JSON.stringify(remarks), /[\u0000-\u001f]/);
  assert.ok(remarks.every(({ what }) => !what.includes("\u001b")));
});

Deno.test("fromQuickemu() tells of a key that stands twice, and takes the last as a shell does", () => {
  const { record, remarks } = draft("disk_img=a\nram=1G\nram=2G\n");
  assert.equal(record.devices.memory_mb, 2048);
  assert.match(remarks.find(({ line }) => line === 2)?.becomes ?? "", /line 3 says otherwise/);
});

Deno.test("fromQuickemu() refuses what is too large, or has no name", () => {
  const large = fromQuickemu("#".repeat(70_000), PLACE, { root: "/r" });
  assert.match(large.ok ? "" : large.error.message, /larger than 65536/);
  const nameless = fromQuickemu("", { ...PLACE, name: "***" }, { root: "/r" });
  assert.match(nameless.ok ? "" : nameless.error.message, /no id/);
});
