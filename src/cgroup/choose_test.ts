import assert from "node:assert/strict";
import { type Choice, choose } from "./choose.ts";
import { besideUs, ownGroups } from "./own_groups.ts";

const V1_MOUNTS =
  ["cpu", "cpuacct", "memory", "pids", "freezer"].map((tree, i) =>
    `${40 + i} 31 0:${40 + i} / /sys/fs/cgroup/${tree} rw,relatime - cgroup cgroup rw,${tree}`
  ).join("\n") + "\n50 31 0:50 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
const V2_MOUNT =
  "31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

interface Case {
  readonly cgroup: string;
  readonly mounts: string;
  readonly controllers?: string;
  readonly isRoot?: boolean;
  readonly bySystemd?: boolean;
  readonly chosen: { readonly [K in string]?: unknown };
  /** Words that the reasons must hold. */
  readonly says?: RegExp;
}

const ALL = "cpuset cpu io memory hugetlb pids";

const CASES: Readonly<Record<string, Case>> = {
  "version 1, one mount a controller, version 2 without controllers beside it": {
    cgroup: "9:name=systemd:/\n8:pids:/\n4:memory:/process_api/ab12\n2:cpuacct:/\n1:cpu:/\n0::/\n",
    mounts: V1_MOUNTS,
    controllers: "hugetlb",
    chosen: {
      mode: "v1",
      folders: {
        memory: "/sys/fs/cgroup/memory/process_api/ab12",
        cpu: "/sys/fs/cgroup/cpu",
        pids: "/sys/fs/cgroup/pids",
        cpuacct: "/sys/fs/cgroup/cpuacct",
      },
      missing: [],
    },
  },
  "version 1 with cpu and cpuacct in one mount, and pids not mounted": {
    cgroup: "4:cpu,cpuacct:/user.slice\n3:memory:/user.slice\n2:pids:/user.slice\n",
    mounts: "33 31 0:3 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
      "34 31 0:4 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
    chosen: {
      mode: "v1",
      folders: {
        memory: "/sys/fs/cgroup/memory/user.slice",
        cpu: "/sys/fs/cgroup/cpu,cpuacct/user.slice",
        cpuacct: "/sys/fs/cgroup/cpu,cpuacct/user.slice",
      },
    },
    says: /pids.*no mount of it/,
  },
  "version 1 in a container that sees its own group as the top of the mount": {
    cgroup: "3:memory:/docker/abc\n2:pids:/docker/abc\n",
    mounts: "34 31 0:4 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
      "35 31 0:5 /docker/abc /sys/fs/cgroup/pids ro,nosuid - cgroup cgroup rw,pids\n",
    chosen: { mode: "v1", folders: { memory: "/sys/fs/cgroup/memory" } },
    says: /pids is mounted read-only/,
  },
  "version 2 at the kernel's own root": {
    cgroup: "0::/\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    isRoot: true,
    chosen: {
      mode: "v2",
      folder: "/sys/fs/cgroup",
      controllers: ["memory", "cpu", "pids"],
      missing: [],
      enter: undefined,
    },
  },
  "version 2 in a group of our own": {
    cgroup: "0::/rayvisor\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    chosen: { mode: "v2", folder: "/sys/fs/cgroup/rayvisor", enter: "/sys/fs/cgroup/rayvisor/supervisor" },
  },
  "systemd with the subgroup": {
    cgroup: "0::/system.slice/rayvisor.service/supervisor\n",
    mounts: V2_MOUNT,
    controllers: "cpu memory pids",
    bySystemd: true,
    chosen: { mode: "v2", folder: "/sys/fs/cgroup/system.slice/rayvisor.service", enter: undefined },
  },
  "systemd without the subgroup": {
    cgroup: "0::/system.slice/rayvisor.service\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    bySystemd: true,
    chosen: { mode: "none" },
    says: /DelegateSubgroup=supervisor/,
  },
  "a scope of systemd, which is never started again": {
    cgroup: "0::/user.slice/run-r1.scope\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    bySystemd: true,
    chosen: { mode: "v2", enter: "/sys/fs/cgroup/user.slice/run-r1.scope/supervisor" },
  },
  "a supervisor that a command in a service has started in the background": {
    cgroup: "0::/system.slice/cron.service\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    chosen: { mode: "none" },
    says: /DelegateSubgroup=supervisor/,
  },
  "version 2 that delegates less than all": {
    cgroup: "0::/user.slice/user-1000.slice/rayvisor\n",
    mounts: V2_MOUNT,
    controllers: "memory pids",
    chosen: { mode: "v2", controllers: ["memory", "pids"] },
    says: /cpu.*not among the controllers/,
  },
  "a container with cgroupfs mounted read-only": {
    cgroup: "0::/\n",
    mounts: V2_MOUNT.replace(" rw,nosuid", " ro,nosuid"),
    controllers: ALL,
    chosen: { mode: "none" },
    says: /mounted read-only/,
  },
  "a group above the top of our namespace": {
    cgroup: "0::/../other\n",
    mounts: V2_MOUNT,
    controllers: ALL,
    chosen: { mode: "none" },
    says: /outside of its mount/,
  },
  "our own group was removed": {
    cgroup: "0::/gone (deleted)\n",
    mounts: V2_MOUNT,
    chosen: { mode: "none" },
    says: /our own group was removed/,
  },
  "a mount elsewhere is not used": {
    cgroup: "0::/\n",
    mounts: "31 23 0:28 / /cgroup rw - cgroup2 cgroup2 rw\n",
    controllers: ALL,
    chosen: { mode: "none" },
    says: /no mount of it below \/sys\/fs\/cgroup/,
  },
  "no control groups at all": {
    cgroup: "",
    mounts: "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
    chosen: { mode: "none" },
    says: /no such tree/,
  },
};

for (const [name, one] of Object.entries(CASES)) {
  Deno.test(`choose(): ${name}`, () => {
    const chosen: Choice & { readonly [K in string]?: unknown } = choose(ownGroups(one.cgroup, one.mounts), {
      controllers: one.controllers,
      isRoot: one.isRoot ?? false,
      bySystemd: one.bySystemd ?? false,
    });
    for (const [key, value] of Object.entries(one.chosen)) assert.deepEqual(chosen[key], value, key);
    if (one.says) assert.match(JSON.stringify(chosen), one.says);
  });
}

Deno.test("ownGroups() reads escaped names, takes the later of two mounts at one place, and survives nonsense", () => {
  const mounts = "34 31 0:4 / /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,memory\n";
  assert.deepEqual(ownGroups("3:memory:/x y\n", mounts).v1.memory, { folder: "/sys/fs/cgroup/a b/x y" });
  const hidden = V2_MOUNT + "60 31 0:60 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n";
  assert.ok("why" in ownGroups("0::/\n", hidden).v2);
  for (const text of ["::::", "0:", "\n\n", "a - b - c", "1 2 3 4 5 6 - cgroup"]) ownGroups(text, text);
});

Deno.test("besideUs() never leads out of cgroupfs", () => {
  assert.deepEqual(besideUs("/sys/fs/cgroup/a/supervisor"), { folder: "/sys/fs/cgroup/a", inSubgroup: true });
  assert.deepEqual(besideUs("/sys/fs/cgroup/supervisor"), { folder: "/sys/fs/cgroup", inSubgroup: true });
  assert.deepEqual(besideUs("/sys/fs/cgroup/a"), { folder: "/sys/fs/cgroup/a", inSubgroup: false });
});
