import assert from "node:assert/strict";
import { FakeCgroups } from "../../tests/fakes/fake_cgroups.ts";
import { Failure } from "../core/problem.ts";
import { GuestGroups } from "./groups.ts";
import type { GuestLimits } from "./limits.ts";

const US = 100;
const ROOT = "/srv/rayos";
const NAME = "rayvisor-8d8b6bf5"; // of ROOT
const LIMITS: GuestLimits = { memoryMib: 201, cpuPercent: 50, pids: 257 };
const BYTES = String(201 * 1024 * 1024);
const V1 = "/sys/fs/cgroup";
const V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const ALL = {
  "cgroup.controllers": "cpu io memory pids",
  "cgroup.type": "domain",
  "cgroup.subtree_control": "",
};

function open(host: FakeCgroups, more: { bySystemd?: boolean } = {}): Promise<GuestGroups> {
  return GuestGroups.open({ host, root: ROOT, cpus: 4, pid: US, bySystemd: false, ...more });
}

/** A host of version 1, its trees without a limit; we are in /own of each. */
function hostV1(): FakeCgroups {
  const trees = ["memory", "cpu", "pids", "cpuacct"];
  const host = new FakeCgroups(
    1,
    trees.map((tree, i) => `${i + 2}:${tree}:/own\n`).join(""),
    trees.map((tree, i) => `${i + 40} 31 0:40 / ${V1}/${tree} rw - cgroup cgroup rw,${tree}\n`).join(""),
  );
  for (const tree of trees) {
    host.place(`${V1}/${tree}`);
    host.place(`${V1}/${tree}/own`, [US], { "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n" });
  }
  return host;
}

function hostV2(cgroup: string, folder: string, procs: readonly number[]): FakeCgroups {
  const host = new FakeCgroups(2, `0::${cgroup}\n`, V2_MOUNT);
  host.place("/sys/fs/cgroup", [], {
    "cgroup.controllers": "cpu io memory pids",
    "cgroup.subtree_control": "",
  });
  host.place(folder, procs, ALL);
  return host;
}

function procsOf(host: FakeCgroups, folder: string): number[] {
  return [...host.groups.get(folder)?.procs ?? []];
}

Deno.test("version 1: a guest's group is made below our own in each tree, limited, joined, counted, and removed", async () => {
  const host = hostV1();
  const groups = await open(host);
  assert.deepEqual([groups.enforcement.mode, groups.enforcement.controllers], ["v1", [
    "memory",
    "cpu",
    "pids",
  ]]);
  await groups.setTotalCpu(80);
  assert.equal(host.text(`${V1}/cpu/own/${NAME}/cpu.cfs_quota_us`), "320000");
  const group = await groups.make("g1", LIMITS);
  assert.ok(group);
  const folder = (tree: string) => `${V1}/${tree}/own/${NAME}/g1`;
  assert.equal(group.folders.memory, folder("memory"));
  assert.equal(host.text(`${folder("memory")}/memory.limit_in_bytes`), BYTES);
  assert.equal(host.text(`${folder("memory")}/memory.memsw.limit_in_bytes`), BYTES);
  assert.equal(host.text(`${folder("cpu")}/cpu.cfs_quota_us`), "200000");
  assert.equal(host.text(`${folder("pids")}/pids.max`), "257");
  await groups.join(group, [201, 202]);
  for (const tree of ["memory", "cpu", "pids", "cpuacct"]) {
    assert.deepEqual(procsOf(host, folder(tree)), [201, 202]);
  }
  await groups.setCpu(group, 10);
  assert.equal(host.text(`${folder("cpu")}/cpu.cfs_quota_us`), "40000");
  const memory = host.groups.get(folder("memory"))?.files;
  memory?.set("memory.usage_in_bytes", "1000\n");
  memory?.set("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  host.groups.get(folder("pids"))?.files.set("pids.current", "6\n");
  host.groups.get(folder("cpuacct"))?.files.set("cpuacct.usage", "5000000\n");
  assert.deepEqual(await groups.usage([group]), [{ memoryBytes: 1000, cpuUs: 5000, pids: 6 }]);
  const gone = { ...group, folders: { memory: `${V1}/memory/own/${NAME}/gone` } };
  assert.deepEqual(await groups.usage([gone, group]), [undefined, {
    memoryBytes: 1000,
    cpuUs: 5000,
    pids: 6,
  }]);
  assert.equal(await groups.oomKills(group), 1);
  for (const tree of ["memory", "cpu", "pids", "cpuacct"]) host.groups.get(folder(tree))?.procs.clear();
  host.busyFor = 3; // the kernel lets go of the last process a moment later
  await groups.remove(group);
  await groups.close();
  assert.ok(![...host.groups.keys()].some((path) => path.includes("rayvisor-")), "nothing is left");
});

Deno.test("version 1: a tree that can't be written is told, the others are used", async () => {
  const host = hostV1();
  host.readOnly.add(`${V1}/pids`);
  const groups = await open(host);
  assert.deepEqual(groups.enforcement.controllers, ["memory", "cpu"]);
  assert.match(groups.enforcement.missing[0]?.why ?? "", /Read-only/);
  assert.equal((await groups.make("g1", LIMITS))?.folders.pids, undefined);
});

Deno.test("version 1: a share of more than an outer group leaves becomes what that leaves, as the kernel demands", async () => {
  const host = hostV1();
  host.place(`${V1}/cpu/own`, [US], { "cpu.cfs_quota_us": "75000\n", "cpu.cfs_period_us": "50000\n" });
  const groups = await open(host);
  await groups.setTotalCpu(80);
  assert.equal(host.text(`${V1}/cpu/own/${NAME}/cpu.cfs_quota_us`), "150000");
  await groups.make("g1", LIMITS);
  assert.equal(host.text(`${V1}/cpu/own/${NAME}/g1/cpu.cfs_quota_us`), "150000");
});

Deno.test("version 2 at the kernel's root: controllers are turned on, nobody is moved", async () => {
  const host = new FakeCgroups(2, "0::/\n", V2_MOUNT);
  host.place("/sys/fs/cgroup", [1, US], {
    "cgroup.controllers": "cpu io memory pids",
    "cgroup.subtree_control": "",
  });
  const groups = await open(host);
  assert.deepEqual(groups.enforcement.controllers, ["memory", "cpu", "pids"]);
  await groups.setTotalCpu(80);
  assert.equal(host.text(`/sys/fs/cgroup/${NAME}/cpu.max`), "320000 100000");
  const group = await groups.make("g1", { ...LIMITS, cpuPercent: 100 });
  assert.ok(group);
  const folder = `/sys/fs/cgroup/${NAME}/g1`;
  assert.deepEqual(
    ["memory.max", "memory.swap.max", "cpu.max", "pids.max"].map((name) => host.text(`${folder}/${name}`)),
    [BYTES, "0", "max 100000", "257"],
  );
  await groups.join(group, [201]);
  assert.deepEqual(procsOf(host, folder), [201]);
  assert.ok(procsOf(host, "/sys/fs/cgroup").includes(US));
});

Deno.test("version 2 in a group of our own: we move into a subgroup, and back when nothing is left", async () => {
  const host = hostV2("/own", "/sys/fs/cgroup/own", [US]);
  const groups = await open(host);
  assert.equal(groups.enforcement.mode, "v2");
  assert.deepEqual(procsOf(host, "/sys/fs/cgroup/own/supervisor"), [US]);
  const group = await groups.make("g1", LIMITS);
  assert.ok(group);
  await groups.join(group, [201]);
  await groups.close();
  assert.deepEqual(procsOf(host, group.folders.memory ?? ""), [201], "a guest goes on in its group");
  host.groups.get(group.folders.memory ?? "")?.procs.clear();
  await groups.remove(group);
  await groups.close();
  assert.deepEqual(procsOf(host, "/sys/fs/cgroup/own"), [US]);
  assert.deepEqual([...host.groups.keys()], ["/sys/fs/cgroup", "/sys/fs/cgroup/own"]);
});

Deno.test("version 2 in a group that others share: nothing is enforced, the reason says so, and nobody was moved", async () => {
  const host = hostV2("/session", "/sys/fs/cgroup/session", [7, US]);
  const groups = await open(host);
  assert.equal(groups.enforcement.mode, "none");
  assert.match(groups.enforcement.why, /other processes are in .*session.*Delegate/);
  assert.deepEqual(procsOf(host, "/sys/fs/cgroup/session").sort(), [US, 7].sort());
  assert.ok(!host.groups.has("/sys/fs/cgroup/session/supervisor"));
  assert.equal(await groups.make("g1", LIMITS), undefined);
});

Deno.test("systemd's subgroup: guests' groups lie beside it, and the next supervisor finds them", async () => {
  const service = "/sys/fs/cgroup/system.slice/rv.service";
  const host = hostV2("/system.slice/rv.service/supervisor", service, []);
  host.place(`${service}/supervisor`, [US], { "cgroup.controllers": "", "cgroup.type": "domain" });
  const first = await open(host, { bySystemd: true });
  const group = await first.make("g1", LIMITS);
  assert.ok(group);
  await first.join(group, [201]);
  const second = await open(host, { bySystemd: true });
  assert.deepEqual((await second.sweep(new Set(["g1"]), [])).swept, []);
  assert.deepEqual(procsOf(host, `${service}/${NAME}/g1`), [201]);
});

Deno.test("a limit or a move that the kernel refuses is a failure, and the group is gone again", async () => {
  const host = hostV1();
  const groups = await open(host);
  host.refused.add("memory.limit_in_bytes");
  const failed = (error: unknown) =>
    error instanceof Failure && error.code === "failed" && /Permission/.test(error.message);
  await assert.rejects(groups.make("g1", LIMITS), failed);
  assert.ok(![...host.groups.keys()].some((path) => path.endsWith("/g1")));
  host.refused.clear();
  const group = await groups.make("g1", LIMITS);
  host.refused.add("cgroup.procs");
  assert.ok(group);
  await assert.rejects(groups.join(group, [201]), failed);
});

Deno.test("sweep() ends and removes what belongs to no guest, also where an earlier supervisor was", async () => {
  const host = hostV1();
  const earlier = await open(host);
  const left = await earlier.make("left", LIMITS);
  const kept = await earlier.make("kept", LIMITS);
  assert.ok(left && kept);
  await earlier.join(left, [201]);
  await earlier.join(kept, [202]);
  const other = `${V1}/memory/elsewhere/${NAME}`, strange = `${V1}/memory/elsewhere/theirs`;
  host.place(`${V1}/memory/elsewhere`);
  host.place(other);
  host.place(`${other}/old`);
  host.place(`${strange}`);
  const { swept, used } = await (await open(host)).sweep(new Set(["kept"]), [other, strange]);
  assert.deepEqual([...swept].sort(), ["left", "old"]);
  assert.deepEqual(host.killed, [201]);
  assert.ok(!used.includes(other) && !host.groups.has(other));
  assert.ok(host.groups.has(strange), "a folder of somebody else is left alone");
  assert.deepEqual(procsOf(host, kept.folders.memory ?? ""), [202]);
});

Deno.test("sweep() goes on past a group that can't be removed, and says why it is still there", async () => {
  const host = hostV1();
  const earlier = await open(host);
  for (const name of ["a", "b"]) await earlier.make(name, LIMITS);
  host.place(`${V1}/memory/own/${NAME}/a/inner`); // as of somebody else's making
  const { swept, stuck } = await earlier.sweep(new Set(), []);
  assert.deepEqual([...swept].sort(), ["a", "b"]); // gone from the other trees
  assert.equal(stuck.length, 1);
  assert.match(stuck[0] ?? "", /memory\/own\/.*\/a is still in use/);
});

Deno.test("make() begins with new counters: what is left of an earlier run of the guest is ended first", async () => {
  const host = hostV1();
  const groups = await open(host);
  const before = await groups.make("g1", LIMITS);
  assert.ok(before);
  await groups.join(before, [201]);
  host.groups.get(before.folders.memory ?? "")?.files.set("memory.oom_control", "oom_kill 3\n");
  const after = await groups.make("g1", LIMITS);
  assert.ok(after);
  assert.deepEqual(host.killed, [201]);
  assert.equal(await groups.oomKills(after), 0);
});

Deno.test("find() tells a group of an earlier supervisor by its name and the kernel's files", async () => {
  for (const host of [hostV1(), hostV2("/own", "/sys/fs/cgroup/own", [US])]) {
    const groups = await open(host);
    const made = await groups.make("g1", LIMITS);
    const found = await groups.find("g1");
    assert.deepEqual(found, { ...made, limits: { ...LIMITS, cpuPercent: 100 } });
    assert.equal(await groups.find("g2"), undefined);
  }
});

Deno.test("without control groups every step is a quiet nothing", async () => {
  const groups = await open(new FakeCgroups(1, "", ""));
  assert.equal(groups.enforcement.mode, "none");
  assert.equal(await groups.make("g1", LIMITS), undefined);
  await groups.setTotalCpu(50);
  assert.deepEqual(await groups.usage([]), []);
  assert.deepEqual(await groups.sweep(new Set(), []), { swept: [], stuck: [], used: [] });
  await groups.close();
});
