import assert from "node:assert/strict";
import fc from "fast-check";
import { distributionOf, installCommand, osReleaseValue, packagesFor } from "./distribution.ts";

Deno.test("distributionOf() knows a distribution by its id or by what it is like", () => {
  const families = [
    ["ID=debian\n", "debian"],
    ['ID=pop\nID_LIKE="ubuntu debian"\n', "debian"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"],
    ["ID=endeavouros\nID_LIKE=arch\n", "arch"],
    ['ID="opensuse-leap"\n', "suse"],
    ["ID=haiku\n", undefined],
    ["", undefined],
  ] as const;
  for (const [text, family] of families) assert.equal(distributionOf(text)?.family, family, text);
  fc.assert(fc.property(fc.string(), (text) => void distributionOf(text)));
});

Deno.test("osReleaseValue() takes the quotes off, and whole keys only", () => {
  const text = "VERSION_ID='12'\nID=debian\nPRETTY_NAME=\"Debian 12\"\n";
  assert.deepEqual(["ID", "PRETTY_NAME", "VERSION_ID", "NAME"].map((key) => osReleaseValue(text, key)), [
    ...["debian", "Debian 12", "12", ""],
  ]);
});

Deno.test("packagesFor() names each package once, also where one need takes several", () => {
  const debian = distributionOf("ID=debian\n");
  assert.ok(debian);
  assert.deepEqual(packagesFor(debian, ["virsh", "virt-host-validate", "libvirtd"]), [
    ...["libvirt-clients", "libvirt-daemon", "libvirt-daemon-driver-qemu"],
  ]);
  assert.equal(
    installCommand(debian, ["firmware"], false),
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends ovmf",
  );
});

Deno.test("every name in the table is one that a shell takes as it stands", () => {
  for (const id of ["debian", "fedora", "arch", "suse"]) {
    const distribution = distributionOf(`ID=${id}\n`);
    assert.ok(distribution);
    for (const names of Object.values(distribution.packages)) {
      assert.match(names, /^[a-z0-9][a-z0-9.+_ -]*$/i);
    }
  }
});
