/** Golden domains. After a wanted change: `UPDATE_GOLDEN=1 deno test --allow-all src/interop/to_libvirt_test.ts`. */
import assert from "node:assert/strict";
import { testExport, testRecord } from "./testing.ts";
import { type ExportInput, toLibvirt } from "./to_libvirt.ts";

const FOLDER = new URL("../../tests/fixtures/golden/", import.meta.url);
const bios = testRecord("linux", { storage: { disks: { root: "vm/linux/test-linux/disk.raw" } } });

const CASES: Readonly<Record<string, ExportInput>> = {
  "windows-kvm": testExport(testRecord("windows"), { accelerator: "kvm" }),
  "linux-uefi-tpm": testExport(testRecord("linux")),
  "linux-bios": testExport({ ...bios, devices: { vcpu: 1, memory_mb: 64, network: { enabled: false } } }, {
    display: false,
    input: false,
    onReboot: "stop",
  }),
  "windows-newer": testExport(testRecord("windows"), { libvirt: { major: 10, minor: 7 }, input: false }),
};

for (const [name, input] of Object.entries(CASES)) {
  Deno.test(`toLibvirt() gives the recorded domain for ${name}`, async () => {
    const { text } = toLibvirt(input);
    const file = new URL(`libvirt-${name}.xml`, FOLDER);
    if (Deno.env.get("UPDATE_GOLDEN") === "1") return await Deno.writeTextFile(file, text);
    assert.equal(text, await Deno.readTextFile(file));
  });
}

Deno.test("toLibvirt() tells what libvirt can't hold, and less of it to a newer one", () => {
  const record = testRecord("windows", {
    devices: {
      vcpu: 1,
      memory_mb: 64,
      network: { enabled: true, profile: "lan" },
      tpm: { enabled: true },
      shares: [{ name: "s", path: "share", readonly: true }],
    },
  });
  const older = toLibvirt(testExport(record, { input: false })).notes.join("\n");
  for (
    const part of [
      /profile default-windows/,
      /qemu-img convert/,
      /TPM/,
      /network/,
      /shared/,
      /watchdog/,
      /PS\/2/,
    ]
  ) assert.match(older, part);
  const newer = toLibvirt(testExport(record, { input: false, libvirt: { major: 11, minor: 0 } })).notes.join(
    "\n",
  );
  for (const part of [/qemu-img convert/, /watchdog/, /PS\/2/]) assert.doesNotMatch(newer, part);
});

Deno.test("toLibvirt() never gives a guest an interface, a device of the host or a listener", () => {
  for (const input of Object.values(CASES)) {
    const { text } = toLibvirt(input);
    assert.doesNotMatch(
      text,
      /<(interface|hostdev|redirdev|commandline)|listen type='(address|network|socket)'/,
    );
  }
});
