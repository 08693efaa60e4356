import assert from "node:assert/strict";
import fc from "fast-check";
import { DOMAIN_CAPABILITIES } from "../../tests/fakes/fake_host.ts";
import {
  checksumIn,
  cpuFlags,
  cpuModel,
  domainCapabilities,
  groupEntry,
  groupName,
  loginName,
  ownGroupIds,
  rootsNamedIn,
  swapMib,
  virshFields,
} from "./parse.ts";

Deno.test("no text makes a parser throw", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (text, name) => {
    for (
      const read of [cpuFlags, cpuModel, swapMib, ownGroupIds, virshFields, domainCapabilities, rootsNamedIn]
    ) {
      read(text);
    }
    domainCapabilities(`<domainCapabilities>${text}`);
    groupEntry(text, name);
    loginName(text, 0);
    checksumIn(text, name);
  }));
});

Deno.test("ownGroupIds() takes a process's own group and the others", () => {
  assert.deepEqual(ownGroupIds("Uid:\t9\nGid:\t100\t100\t100\t100\nGroups:\t4 104 \n"), [100, 4, 104]);
  assert.deepEqual(ownGroupIds("Gid:\t0\t0\t0\t0\nGroups:\t \n"), [0]);
});

Deno.test("groupEntry() and loginName() find whole names only", () => {
  assert.deepEqual(groupEntry("kvmx:x:1:\nkvm:x:104:a,b\n", "kvm"), { gid: 104, members: ["a", "b"] });
  assert.equal(groupEntry("kvmx:x:1:\n", "kvm"), undefined);
  assert.equal(groupName("kvmx:x:10:\nkvm:x:104:a\n", 104), "kvm");
  assert.equal(groupName("a b:x:1:\n", 1), undefined);
  assert.equal(loginName("a:x:10::::\nb:x:1::::\n", 1), "b");
  assert.equal(loginName("$(reboot):x:1::::\n", 1), undefined, "a name that could stand in no command");
});

Deno.test("domainCapabilities() reads what a real libvirt says, and what an old one leaves out", () => {
  assert.deepEqual(domainCapabilities(DOMAIN_CAPABILITIES), {
    secureLoader: ["yes", "no"],
    tpmSupported: true,
    tpmBackends: ["passthrough", "emulator"],
    tpmVersions: ["1.2", "2.0"],
    tpmModels: ["tpm-tis", "tpm-crb"],
  });
  const none = "<domainCapabilities><os><loader supported='no'/></os></domainCapabilities>";
  assert.deepEqual(domainCapabilities(none)?.secureLoader, []);
  assert.equal(domainCapabilities("error"), undefined);
});

Deno.test("rootsNamedIn() finds the data root in a command line however the path is led in", () => {
  assert.deepEqual(rootsNamedIn("swtpm --ctrl type=unixio,path=/srv/r/run/g/web/tpm.sock,mode=0600"), [
    "/srv/r",
  ]);
  assert.deepEqual(rootsNamedIn("qemu -qmp unix:/srv/r/run/g/web/qmp.sock -x /srv/r/run/g/web/y"), [
    "/srv/r",
  ]);
  assert.deepEqual(rootsNamedIn("cat relative/run/g/x /run/lock"), []);
});

Deno.test("checksumIn() takes the line of the file, in each usual form", () => {
  const a = "aA".repeat(32), b = "bb".repeat(32);
  assert.equal(checksumIn(`${b}  other.iso\n${a} *win.iso\n`, "win.iso"), a.toLowerCase());
  assert.equal(checksumIn(`SHA256 (dir/win.iso) = ${a}\r\n`, "win.iso"), a.toLowerCase());
  assert.equal(checksumIn(`\n${a}\n`, "win.iso"), a.toLowerCase());
  assert.equal(checksumIn(`${b}  other.iso\n`, "win.iso"), undefined);
});
