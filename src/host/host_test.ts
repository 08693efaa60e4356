import assert from "node:assert/strict";
import fc from "fast-check";
import { findQemu } from "../qemu/probe.ts";
import { Failure } from "../core/problem.ts";
import { parseAllowedCpus, parseMeminfo, readHostFacts } from "./facts.ts";
import { hypervOffered, probeKvm, probeRom, ROM_EXIT_CODE } from "./kvm_probe.ts";
import { probeHost } from "./probe.ts";

Deno.test("parseMeminfo() reads total and available memory, and nothing from other text", () => {
  const text = "MemTotal:       24117248 kB\nMemFree:  1 kB\nMemAvailable:   20971521 kB\n";
  assert.deepEqual(parseMeminfo(text), { totalMib: 23552, availableMib: 20480 });
  assert.equal(parseMeminfo("MemTotal: 1 kB\n"), undefined);
  fc.assert(fc.property(fc.string(), (any) => void parseMeminfo(any)));
});

Deno.test("parseAllowedCpus() counts ranges and single processors", () => {
  assert.equal(parseAllowedCpus("Name:\tx\nCpus_allowed_list:\t0-3,8,10-11\n"), 7);
  assert.equal(parseAllowedCpus("Cpus_allowed_list:\t0\n"), 1);
  assert.equal(parseAllowedCpus("Cpus_allowed_list:\t3-1\n"), undefined);
  assert.equal(parseAllowedCpus(""), undefined);
});

Deno.test("readHostFacts() gives what this host can have", async () => {
  const facts = await readHostFacts();
  assert.ok(facts.cpus >= 1 && facts.memoryMib > 100 && facts.availableMib <= facts.memoryMib);
});

Deno.test("the probe's ROM has its entry at the reset vector, and a jump back to its loop", () => {
  const rom = probeRom();
  assert.equal(rom.length, 65536);
  const target = (0xfff0 + 3 + (rom[0xfff1] ?? 0) + 256 * (rom[0xfff2] ?? 0)) & 0xffff;
  assert.equal(target, 0);
  const jump = rom.indexOf(0x75), back = (rom[jump + 1] ?? 0) - 256;
  assert.deepEqual(
    [...rom.slice(jump + 2 + back, jump)],
    [0x66, 0x49],
    "the loop counts the 32-bit register",
  );
  assert.equal(ROM_EXIT_CODE, 33);
});

Deno.test("probeKvm() runs its ROM to the end where the accelerator works", async () => {
  const found = await probeKvm(await findQemu(), {
    accelerator: "tcg",
    device: "/dev/null",
    timeoutMs: 60_000,
  });
  assert.ok(found.usable, found.why);
  assert.ok(found.smm, found.why);
  assert.ok(found.cpuModels.some((model) => model.name === "Westmere-v1"));
});

Deno.test("probeKvm() says why KVM is unusable, and never throws", async () => {
  const qemu = await findQemu();
  const absent = await probeKvm(qemu, { device: "/dev/no-such-kvm" });
  assert.deepEqual(absent, { usable: false, smm: false, why: "/dev/no-such-kvm is not there" });
  const slow = await probeKvm(qemu, { accelerator: "tcg", device: "/dev/null", timeoutMs: 1 });
  assert.match(slow.why, /not through its loop/);
  const broken = await probeKvm(qemu, { accelerator: "nosuch", device: "/dev/null", timeoutMs: 60_000 });
  assert.match(broken.why, /did not run \(exit code 1\).*nosuch/);
  assert.match((await probeKvm("/no/qemu", { device: "/dev/null" })).why, /not installed/);
});

Deno.test("probeKvm() that is called off throws, and leaves no process and no file behind", async () => {
  const qemu = await findQemu();
  const folder = await Deno.makeTempDir(), before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", folder);
  try {
    const abort = new AbortController();
    const files = Deno.watchFs(folder);
    const probe = probeKvm(qemu, {
      accelerator: "tcg",
      device: "/dev/null",
      timeoutMs: 60_000,
      signal: abort.signal,
    });
    for await (const _ of files) break; // the ROM is being made
    abort.abort();
    await assert.rejects(probe, (error) => error instanceof Failure && error.code === "cancelled");
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("hypervOffered() takes switches that are on and the spin count, and never hv-passthrough", () => {
  const props = {
    "hv-passthrough": true,
    "hv-relaxed": true,
    "hv-ipi": false,
    "hv-spinlocks": 4095,
    sse: true,
  };
  assert.deepEqual(hypervOffered({ model: { name: "host", props } }), ["hv-relaxed", "hv-spinlocks"]);
  fc.assert(fc.property(fc.jsonValue(), (value) => void hypervOffered(value)));
});

Deno.test("probeHost() remembers its answers, and asks again when they are damaged", async () => {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-host-" });
  try {
    const cacheFile = `${folder}/capabilities.json`;
    const first = await probeHost({ cacheFile });
    const text = await Deno.readTextFile(cacheFile);
    // A remembered answer is used as it is: so a changed one with a right checksum would come back, a damaged one not.
    await Deno.writeTextFile(cacheFile, text.replace('"tpm-crb"', '"tpm-xyz"'));
    assert.deepEqual((await probeHost({ cacheFile })).qemu, first.qemu);
    const time = (await Deno.stat(cacheFile)).mtime;
    assert.deepEqual(await probeHost({ cacheFile }), first);
    assert.deepEqual((await Deno.stat(cacheFile)).mtime, time, "the second time nothing is asked or written");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
