import assert from "node:assert/strict";
import fc from "fast-check";
import { groupSchema, limitWrites, parseOomKills, parseProcs, parseUsage, usageFiles } from "./group.ts";
import { guestLimits, type GuestSize, overhead, quotaUs } from "./limits.ts";

const SMALL: GuestSize = { vcpu: 1, memoryMib: 64, accelerator: "kvm", display: false, tpm: false };

Deno.test("guestLimits() is the guest's memory and the sum of the overhead's parts", () => {
  const size: GuestSize = { vcpu: 2, memoryMib: 4096, accelerator: "tcg", display: true, tpm: true };
  const parts = overhead(size);
  assert.deepEqual(parts.map(({ what }) => what), [
    "QEMU",
    "vCPUs",
    "page tables",
    "translated code",
    "translated addresses",
    "display",
    "TPM",
  ]);
  assert.equal(guestLimits(size, 50).memoryMib, 4096 + parts.reduce((sum, { mib }) => sum + mib, 0));
  assert.deepEqual(guestLimits(SMALL, 50), { memoryMib: 64 + 128 + 8 + 1, cpuPercent: 50, pids: 257 });
});

Deno.test("guestLimits() grows with everything that a guest is given", () => {
  const size = fc.record({
    vcpu: fc.integer({ min: 1, max: 64 }),
    memoryMib: fc.integer({ min: 1, max: 1 << 20 }),
    accelerator: fc.constantFrom("kvm" as const, "tcg" as const),
    display: fc.boolean(),
    tpm: fc.boolean(),
  });
  fc.assert(fc.property(size, (one) => {
    const limit = (more: Partial<GuestSize>) => guestLimits({ ...one, ...more }, 100).memoryMib;
    assert.ok(Number.isSafeInteger(limit({})) && limit({}) > one.memoryMib);
    assert.ok(limit({ vcpu: one.vcpu + 1 }) > limit({}));
    assert.ok(limit({ memoryMib: one.memoryMib + 1 }) > limit({}));
    assert.ok(limit({ accelerator: "tcg" }) > limit({ accelerator: "kvm" }));
    assert.ok(limit({ display: true }) > limit({ display: false }));
  }));
});

Deno.test("quotaUs() is a share of all processors, never more than what is left above, never less than the kernel takes", () => {
  assert.equal(quotaUs(50, 4), 200_000);
  assert.equal(quotaUs(29, 1), 29_000);
  assert.equal(quotaUs(100, 4), undefined);
  assert.equal(quotaUs(100, 4, 50_000), undefined, "without a limit of its own it has what is above");
  assert.equal(quotaUs(50, 4, 150_000), 150_000);
  assert.equal(quotaUs(1, 1), 1_000);
  assert.equal(quotaUs(0.5, 1), 1_000);
});

const V1 = {
  mode: "v1" as const,
  folders: {
    memory: "/sys/fs/cgroup/memory/rayvisor-00000000/g",
    cpuacct: "/sys/fs/cgroup/cpuacct/rayvisor-00000000/g",
  },
  limits: guestLimits(SMALL, 50),
};
const FOLDER = "/sys/fs/cgroup/x/rayvisor-00000000/g";
const V2 = {
  mode: "v2" as const,
  folders: { memory: FOLDER, cpu: FOLDER, pids: FOLDER },
  limits: guestLimits(SMALL, 50),
};

Deno.test("limitWrites() leaves no swap beyond the limit in either version, and writes nothing for what is missing", () => {
  const bytes = String(201 * 1024 * 1024);
  const memory = V1.folders.memory;
  assert.deepEqual(limitWrites(V1, true), [
    { text: bytes, files: [`${memory}/memory.limit_in_bytes`, `${memory}/memory.memsw.limit_in_bytes`] },
  ]);
  assert.deepEqual(limitWrites(V1, false), [{ text: bytes, files: [`${memory}/memory.limit_in_bytes`] }]);
  assert.deepEqual(limitWrites(V2, true), [
    { text: bytes, files: [`${FOLDER}/memory.max`] },
    { text: "0", files: [`${FOLDER}/memory.swap.max`] },
    { text: "257", files: [`${FOLDER}/pids.max`] },
  ]);
});

Deno.test("parseUsage() takes the texts of many groups apart, and refuses what is cut off", () => {
  assert.deepEqual(usageFiles(V1).map((path) => path.split("/").at(-1)), [
    "memory.usage_in_bytes",
    "cpuacct.usage",
  ]);
  assert.deepEqual(usageFiles(V2).map((path) => path.split("/").at(-1)), [
    "memory.current",
    "pids.current",
    "cpu.stat",
  ]);
  const v1 = "23511040\n140000999\n", v2 = "4096\n7\nusage_usec 1500\nuser_usec 1000\nsystem_usec 500\n";
  const first = { memoryBytes: 23511040, cpuUs: 140000 },
    second = { memoryBytes: 4096, pids: 7, cpuUs: 1500 };
  assert.deepEqual(parseUsage([V1, V2, V2, V1], v1 + v2 + v2 + v1), [first, second, second, first]);
  for (const text of ["", "23511040\n", v1 + "5\n", "x\n1\n", v2]) {
    assert.equal(parseUsage([V1], text), undefined, text);
  }
});

Deno.test("parseOomKills() and parseProcs() read both versions", () => {
  assert.equal(parseOomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
  assert.equal(parseOomKills("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n"), 1);
  assert.equal(parseOomKills(""), 0);
  assert.deepEqual(parseProcs("12\n345\n\n0\n-1\nx\n"), [12, 345]);
});

Deno.test("a run record's group is taken only when its folders are this program's own", () => {
  assert.ok(groupSchema.safeParse(V1).success && groupSchema.safeParse(V2).success);
  for (
    const memory of [
      "/etc/rayvisor-00000000/g",
      "/sys/fs/cgroup/memory",
      "/sys/fs/cgroup/memory/rayvisor-00000000",
      "/sys/fs/cgroup/../../../etc/rayvisor-00000000/g",
      "/sys/fs/cgroup/rayvisor-00000000/..",
    ]
  ) assert.ok(!groupSchema.safeParse({ ...V1, folders: { memory } }).success, memory);
});
