/** Limits by the kernel's control groups, with real QEMU, by the compiled program, in whichever version this host has. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { defineSmall, ended, isRunning, POLICY, type Rig, stopSupervisor, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers and records of many shapes
type Any = any;

const MIB = 1024 * 1024;
/** What a guest of 64 MiB and one vCPU may take by emulation without display and TPM, see docs/limits.md. */
const LIMIT_MIB = 64 + 128 + 8 + 1 + 256 + 2;

/** A test that needs limits by the kernel; on a host that has none it says so and is counted as skipped. */
function limitsTest(name: string, use: (rig: Rig) => Promise<void>, policy = POLICY): void {
  Deno.test(name, () =>
    withRoot(async (rig) => {
      await defineSmall(rig, "g1");
      await rig.ok("vm", "start", "g1");
      const { enforcement } = await rig.ok("status");
      if (enforcement.controllers.length < 3) {
        // deno-lint-ignore no-console -- the line that the test run counts as skipped
        return console.log(
          `SKIP ${name}: the kernel enforces no limits here (${JSON.stringify(enforcement)})`,
        );
      }
      await use(rig);
    }, policy));
}

async function runRecord(rig: Rig, id: string): Promise<Any> {
  return JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime(id).record));
}

/** The folder of a group in one tree. */
async function groupOf(
  rig: Rig,
  id: string,
): Promise<{ mode: "v1" | "v2"; folders: Record<string, string> }> {
  return (await runRecord(rig, id)).group;
}

function pathOf(group: Any, tree: string, v1: string, v2: string): string {
  return `${group.folders[tree]}/${group.mode === "v1" ? v1 : v2}`;
}

async function text(path: string): Promise<string> {
  return (await Deno.readTextFile(path)).trim();
}

/** Share of one processor that a group may use, of the whole host; Infinity without a limit. */
async function cpusOf(folder: string, mode: "v1" | "v2"): Promise<number> {
  const [quota = "", period = ""] = mode === "v1"
    ? await Promise.all(["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => text(`${folder}/${file}`)))
    : (await text(`${folder}/cpu.max`)).split(" ");
  return quota === "max" || quota === "-1" ? Infinity : Number(quota) / Number(period);
}

async function isGone(group: Any): Promise<void> {
  for (const folder of Object.values(group.folders) as string[]) {
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound, folder);
  }
}

/** How many processors the limits are shares of. */
async function hostCpus(rig: Rig): Promise<number> {
  return (await rig.ok("status")).host.cpus;
}

const HALF = POLICY.replace("cpu_percent = 100", "cpu_percent = 50");

limitsTest(
  "a running guest is in its group, held to memory, processors and processes; status says how",
  async (rig) => {
    const record = await runRecord(rig, "g1");
    const { group } = record;
    assert.deepEqual(record.group.limits, { memoryMib: LIMIT_MIB, cpuPercent: 50, pids: 257 });
    for (const folder of Object.values(group.folders)) {
      assert.deepEqual((await text(`${folder}/cgroup.procs`)).split("\n").map(Number), [record.qemu.pid]);
    }
    const memory = await text(pathOf(group, "memory", "memory.limit_in_bytes", "memory.max"));
    assert.equal(Number(memory), LIMIT_MIB * MIB);
    assert.equal(await text(pathOf(group, "pids", "pids.max", "pids.max")), "257");
    const half = await hostCpus(rig) / 2;
    assert.equal(await cpusOf(group.folders.cpu, group.mode), half);
    assert.equal(
      await cpusOf(group.folders.cpu.replace(/\/g1$/, ""), group.mode),
      half,
      "the sum over all guests",
    );
    const { enforcement, guests } = await rig.ok("status");
    assert.deepEqual([enforcement.mode, enforcement.controllers], [group.mode, ["memory", "cpu", "pids"]]);
    assert.doesNotMatch(guests[0].notes.join(), /enforced/);
    assert.match((await rig.run("status")).stdout, /^limits {6}memory, cpu, pids by cgroup v[12]$/m);
  },
  HALF,
);

limitsTest(
  "the group is gone after a stop, a kill and a crash, and with the supervisor all that is ours",
  async (rig) => {
    const first = await groupOf(rig, "g1");
    await rig.ok("vm", "stop", "g1", "--grace", "0");
    await isGone(first);
    await rig.ok("vm", "start", "g1");
    await rig.ok("vm", "kill", "g1");
    await isGone(first);
    await rig.ok("vm", "start", "g1");
    const { pid } = await rig.ok("vm", "show", "g1");
    const reports = Deno.watchFs(`${rig.root}/run/g`);
    Deno.kill(pid, "SIGKILL");
    for await (const event of reports) if (event.kind === "remove" && event.paths[0]?.endsWith("/g1")) break;
    await isGone(first);
    await stopSupervisor(rig);
    for (const folder of Object.values(first.folders)) {
      await assert.rejects(Deno.stat(folder.replace(/\/g1$/, "")), Deno.errors.NotFound);
    }
  },
);

limitsTest(
  "a guest of a dead supervisor stays limited, and its group goes with it; what belongs to none is swept",
  async (rig) => {
    const { group, qemu } = await runRecord(rig, "g1");
    const { supervisor } = await rig.ok("status");
    Deno.kill(supervisor.pid, "SIGKILL");
    await ended(supervisor.pid);
    const left: string[] = Object.values(group.folders as Record<string, string>)
      .map((folder) => folder.replace(/g1$/, "left"));
    for (const folder of left) await Deno.mkdir(folder, { recursive: true });
    const stray = new Deno.Command("sleep", { args: ["600"] }).spawn();
    for (const folder of left) await Deno.writeTextFile(`${folder}/cgroup.procs`, String(stray.pid));
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running"); // by a new supervisor
    assert.equal((await stray.status).signal, "SIGKILL");
    for (const folder of left) await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    for (const folder of Object.values(group.folders)) {
      assert.deepEqual((await text(`${folder}/cgroup.procs`)).split("\n").map(Number), [qemu.pid]);
    }
    await rig.ok("vm", "kill", "g1");
    await isGone(group);
    const { stdout } = await rig.run("--json", "audit", "tail", "-n", "100");
    const swept = stdout.trim().split("\n").map((line) => JSON.parse(line)).find(({ action }) =>
      action === "limits.swept"
    );
    assert.deepEqual(swept?.detail.groups, ["left"]);
  },
);

limitsTest("a guest that died while no supervisor ran leaves no group", async (rig) => {
  const { group, qemu } = await runRecord(rig, "g1");
  await stopSupervisor(rig);
  Deno.kill(qemu.pid, "SIGKILL");
  await ended(qemu.pid);
  assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
  await isGone(group);
});

limitsTest(
  "a policy that allows less of the processors lowers the kernel's limits at once; one that allows more raises the sum",
  async (rig) => {
    const { group } = await runRecord(rig, "g1");
    const cpus = await hostCpus(rig);
    const all = group.folders.cpu.replace(/\/g1$/, "");
    assert.equal(await cpusOf(group.folders.cpu, group.mode), Infinity);
    const apply = async (percent: number) => {
      await rig.write("next.toml", POLICY.replace("cpu_percent = 100", `cpu_percent = ${percent}`));
      await rig.ok("policy", "apply", `${rig.root}/next.toml`);
      return await Promise.all([group.folders.cpu, all].map((folder) => cpusOf(folder, group.mode)));
    };
    assert.deepEqual(await apply(25), [cpus / 4, cpus / 4]);
    assert.deepEqual(await apply(50), [cpus / 4, cpus / 2], "the guest keeps what was left to it");
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
  },
);

limitsTest(
  "a guest whose processes outgrow their memory is killed, and the report says by what limit",
  async (rig) => {
    const { group, qemu } = await runRecord(rig, "g1");
    const reports = Deno.watchFs(`${rig.root}/crash`);
    // Takes more than the group may have. The kernel kills QEMU first, and then this.
    await Deno.writeTextFile(`/proc/${qemu.pid}/oom_score_adj`, "1000");
    const script = 'echo $$ > "$0" && exec dd if=/dev/zero of=/dev/null count=1 "bs=$1"';
    const taker = new Deno.Command("sh", {
      args: ["-c", script, `${group.folders.memory}/cgroup.procs`, `${LIMIT_MIB + 64}M`],
      stderr: "null",
    }).spawn();
    assert.equal((await taker.status).signal, "SIGKILL", "the kernel keeps the limit");
    for await (const event of reports) if (event.paths.some((path) => path.endsWith(".json"))) break;
    const shown = await rig.ok("vm", "show", "g1");
    const words = new RegExp(`killed by the kernel: over its memory limit of ${LIMIT_MIB} MiB`);
    assert.equal(shown.state, "crashed");
    assert.match(shown.problem, words);
    const [report] = await Array.fromAsync(Deno.readDir(`${rig.root}/crash`));
    const said = JSON.parse(await Deno.readTextFile(`${rig.root}/crash/${report?.name}`));
    assert.match(said.reason, words);
    assert.equal(said.limits.memoryMib, LIMIT_MIB);
    await rig.ok("vm", "start", "g1");
  },
);

/** A folder for the search path with `program` replaced by a script that refuses what `pattern` matches. */
async function refusing(rig: Rig, program: string, pattern: string): Promise<string> {
  const bin = `${rig.root}/bin`;
  await Deno.mkdir(bin);
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
  const real = new TextDecoder().decode(stdout).trim();
  const script =
    `#!/bin/sh\ncase "$*" in ${pattern}) echo "$0: refused" >&2; exit 1;; esac\nexec ${real} "$@"\n`;
  await Deno.writeTextFile(`${bin}/${program}`, script, { mode: 0o700 });
  return `${bin}:${Deno.env.get("PATH")}`;
}

limitsTest(
  "a guest that can't be moved into its group is not let run, and nothing is left of it",
  async (rig) => {
    const group = await groupOf(rig, "g1");
    await rig.ok("vm", "kill", "g1");
    await stopSupervisor(rig);
    rig.how.path = await refusing(rig, "tee", "*/g1/cgroup.procs*");
    const error = await rig.fails(1, "vm", "start", "g1");
    assert.match(error.message, /g1 can't be held to its limits: .*refused/);
    const shown = await rig.ok("vm", "show", "g1");
    assert.deepEqual([shown.state, shown.pid], ["stopped", null]);
    await isGone(group);
    await assert.rejects(Deno.stat(layoutOf(rig.root).runtime("g1").folder), Deno.errors.NotFound);
  },
);

Deno.test("on a host without control groups a guest runs, and status and its notes say that nothing enforces", () =>
  withRoot(async (rig) => {
    rig.how.path = await refusing(rig, "cat", "*/proc/self/cgroup*");
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { enforcement } = await rig.ok("status");
    assert.deepEqual([enforcement.mode, enforcement.controllers], ["none", []]);
    assert.match((await rig.run("status")).stdout, /^limits {6}not enforced by the kernel: /m);
    const { state, pid, notes } = await rig.ok("vm", "show", "g1");
    assert.equal(state, "running");
    assert.match(notes.join("\n"), /its limits are not enforced by the kernel/);
    assert.equal((await runRecord(rig, "g1")).group, undefined);
    assert.equal(await isRunning(pid), true);
    await rig.ok("vm", "stop", "g1", "--grace", "0");
  }));
