/** What a dead supervisor leaves, and what the next one makes of it: real QEMU and swtpm, by the compiled program. */
import assert from "node:assert/strict";
import type { CommandView } from "../../src/actions/views.ts";
import { MARK } from "../../src/supervisor/launch.ts";
import { sha256Hex } from "../../src/audit/log.ts";
import { layoutOf } from "../../registry/layout.ts";
import { recordStart } from "./trail_writer.ts";
import { defineSmall, ended, isRunning, POLICY, type Rig, showUntil, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

/** The profile `again`, whose guests are started again after a crash so often an hour. */
function restarting(times: number): string {
  return `${POLICY}
[profiles.again]
kind = "linux"
max_vcpu = 1
max_memory_mb = 64
cpu_percent = 10
secure_boot = "allowed"
restart = "on-crash"
max_restarts = ${times}
`;
}

const TPM_GUEST = ["--type", "linux", "--memory", "64", "--disk", "1M", "--tpm"];

async function killSupervisor(rig: Rig): Promise<void> {
  const { supervisor } = await rig.ok("status");
  Deno.kill(supervisor.pid, "SIGKILL");
  await ended(supervisor.pid);
}

async function runRecord(rig: Rig, id: string): Promise<Any> {
  return JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime(id).record));
}

async function trail(rig: Rig, action: string): Promise<Any[]> {
  const { stdout } = await rig.run("--json", "audit", "tail", "-n", "1000");
  return stdout.trim().split("\n").map((line) => JSON.parse(line)).filter((record) =>
    record.action === action
  );
}

/** Environment by which a supervisor of this root knows its own. */
async function marksOf(rig: Rig, more: Record<string, string> = {}): Promise<Record<string, string>> {
  const root = sha256Hex(new TextEncoder().encode(await Deno.realPath(rig.root)));
  return { PATH: Deno.env.get("PATH") ?? "", [MARK.root]: root, ...more };
}

/** Starts a program and waits until it has read its environment, by a line or a file that shows it. */
function spawn(program: string, args: readonly string[], env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

Deno.test("a running guest whose run record is lost is taken over as it runs", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "define", "--id", "g1", ...TPM_GUEST);
    await rig.ok("vm", "start", "g1");
    const before = await runRecord(rig, "g1");
    await killSupervisor(rig);
    await Deno.remove(layoutOf(rig.root).runtime("g1").record);
    const shown = await rig.ok("vm", "show", "g1");
    assert.deepEqual([shown.state, shown.pid], ["running", before.qemu.pid]);
    const after = await runRecord(rig, "g1");
    assert.deepEqual([after.qemu, after.swtpm, after.uuid], [before.qemu, before.swtpm, before.uuid]);
    assert.equal((await rig.ok("status")).sums.memory_mib, 64);
    await rig.ok("vm", "stop", "g1", "--grace", "0");
    assert.equal(await isRunning(before.swtpm.pid), false);
  }));

Deno.test("a start that was cut off is undone: what it left is ended, and the guest can be started", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "define", "--id", "g1", ...TPM_GUEST);
    const [swtpm, qemu] = await rig.ok("vm", "argv", "g1") as CommandView[];
    assert.ok(swtpm && qemu);
    await killSupervisor(rig);
    recordStart(rig.root, "g1");
    const { folder, tpm, qmp } = layoutOf(rig.root).runtime("g1");
    await Deno.mkdir(folder, { recursive: true });
    const watcher = Deno.watchFs(folder);
    const left = [];
    for (const [role, line, socket] of [["swtpm", swtpm, tpm], ["qemu", qemu, qmp]] as const) {
      left.push(
        spawn(line.program, line.args, await marksOf(rig, { [MARK.vm]: "g1", [MARK.role]: role })),
      );
      for await (const _ of watcher) if (await Deno.lstat(socket).then(() => true, () => false)) break;
    }
    assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
    for (const child of left) await child.status;
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running");
  }));

Deno.test("a guest whose sockets are gone counts, is shown as broken, and can be killed and started again", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { qemu } = await runRecord(rig, "g1");
    await killSupervisor(rig);
    await Deno.remove(layoutOf(rig.root).runtime("g1").folder, { recursive: true });
    const shown = await rig.ok("vm", "show", "g1");
    assert.deepEqual([shown.state, shown.pid], ["broken", qemu.pid]);
    assert.match(shown.problem, /runs, but can't be talked to/);
    assert.equal((await rig.ok("status")).sums.running, 1);
    await rig.fails(5, "vm", "start", "g1");
    assert.equal((await rig.ok("vm", "kill", "g1")).state, "stopped");
    assert.equal(await isRunning(qemu.pid), false);
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running");
  }));

Deno.test("tools of a dead supervisor, and guests that no registry names, are ended; other people's processes are not", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "list");
    await killSupervisor(rig);
    const tool = spawn("sleep", ["600"], await marksOf(rig));
    const deleted = spawn("sleep", ["600"], await marksOf(rig, { [MARK.vm]: "gone", [MARK.role]: "qemu" }));
    const other = spawn("sleep", ["600"], { PATH: Deno.env.get("PATH") ?? "", [MARK.root]: "another root" });
    await rig.ok("vm", "list");
    await tool.status;
    await deleted.status;
    assert.ok(await isRunning(other.pid));
    other.kill("SIGKILL");
    await other.status;
  }));

Deno.test("a run record of before a reboot, or whose pid is another process by now, is no guest that runs", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const record = await runRecord(rig, "g1");
    const bystander = spawn("sleep", ["600"], {});
    for (
      const qemu of [
        { ...record.qemu, pid: bystander.pid },
        { ...record.qemu, bootId: "00000000-0000-0000-0000-000000000000" },
      ]
    ) {
      await killSupervisor(rig);
      Deno.kill(record.qemu.pid, "SIGKILL");
      await ended(record.qemu.pid);
      const { folder, record: file } = layoutOf(rig.root).runtime("g1");
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(file, JSON.stringify({ ...record, qemu }));
      assert.equal((await rig.ok("vm", "show", "g1")).state, "stopped");
      assert.ok(await isRunning(bystander.pid));
      await rig.ok("vm", "start", "g1");
      Object.assign(record, await runRecord(rig, "g1"));
    }
    bystander.kill("SIGKILL");
    await bystander.status;
  }));

for (const adopted of [false, true]) {
  const name = adopted ? "taken over from a dead supervisor" : "just started";
  Deno.test(`a guest ${name} whose TPM emulator is killed stands still, and never runs without it`, () =>
    withRoot(async (rig) => {
      await rig.ok("vm", "define", "--id", "g1", ...TPM_GUEST);
      await rig.ok("vm", "start", "g1");
      const { swtpm } = await runRecord(rig, "g1");
      if (adopted) await killSupervisor(rig);
      await rig.ok("vm", "list");
      Deno.kill(swtpm.pid, "SIGKILL");
      await ended(swtpm.pid);
      const shown = await showUntil(rig, "g1", ({ problem }) => problem !== null);
      assert.deepEqual([shown.state, shown.live.status], ["paused", "paused"]);
      assert.match(shown.problem, /TPM emulator has ended/);
      assert.match((await rig.fails(5, "vm", "resume", "g1")).message, /TPM emulator of g1 has ended/);
      await rig.fails(5, "vm", "reset", "g1");
      await killSupervisor(rig);
      assert.equal((await showUntil(rig, "g1", ({ problem }) => problem !== null)).state, "paused");
      await rig.fails(5, "vm", "resume", "g1");
      await rig.ok("vm", "stop", "g1");
      assert.equal((await rig.ok("vm", "start", "g1")).problem ?? null, null);
    }));
}

Deno.test("a define that was cut off leaves nothing, a delete that was cut off is finished, and both are on record", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "old");
    await killSupervisor(rig);
    const { intents } = layoutOf(rig.root);
    const entry = (intent: unknown) => JSON.stringify({ version: 0, corr: crypto.randomUUID(), intent });
    await Deno.mkdir(`${rig.root}/vm/linux/new/tpm`, { recursive: true });
    await rig.write("vm/linux/new/disk.qcow2", "half");
    await rig.write(
      "vm/intents/new.json",
      entry({ kind: "define", vm: "new", made: ["vm/linux/new/disk.qcow2", "vm/linux/new"] }),
    );
    await rig.write("vm/intents/old.json", entry({ kind: "delete", vm: "old", type: "linux", folder: true }));
    await rig.write("vm/intents/bad.json", "{");
    await rig.write("vm/intents/x.json.01234567.tmp", "half");
    assert.deepEqual(await rig.ok("vm", "list"), []);
    for (const id of ["new", "old"]) {
      await assert.rejects(Deno.stat(`${rig.root}/vm/linux/${id}`), Deno.errors.NotFound);
    }
    assert.deepEqual([...Deno.readDirSync(intents)], []);
    const settled = await trail(rig, "journal.settled");
    assert.deepEqual(settled.map(({ vm, detail }) => [vm, detail.came_to]), [["new", "undone"], [
      "old",
      "finished",
    ]]);
    assert.equal((await trail(rig, "journal.unreadable")).length, 1);
  }));

Deno.test("a stop that was cut off by the death of the supervisor is gone on with by the next one", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { qemu } = await runRecord(rig, "g1");
    const stopping = rig.run("vm", "stop", "g1", "--grace", "2");
    await showUntil(rig, "g1", ({ state }) => state === "stopping");
    await killSupervisor(rig);
    assert.equal((await stopping).code, 6, "the one who asked does not know what came of it");
    await rig.ok("serve");
    await ended(qemu.pid);
    const [settled] = await trail(rig, "journal.settled");
    assert.equal(settled.detail.came_to, "goes_on");
  }));

Deno.test("a guest that crashes is started again with a pause, as often as its profile says, and then no more", () =>
  withRoot(
    async (rig) => {
      await defineSmall(rig, "g1", { policy_profile: "again" });
      await rig.ok("vm", "start", "g1");
      let { qemu } = await runRecord(rig, "g1");
      for (const last of [false, true]) {
        Deno.kill(qemu.pid, "SIGKILL");
        await ended(qemu.pid);
        let shown = await rig.ok("vm", "show", "g1");
        while (shown.state !== (last ? "crashed" : "running") || shown.pid === qemu.pid) {
          shown = await rig.ok("vm", "show", "g1");
        }
        if (!last) qemu = (await runRecord(rig, "g1")).qemu;
      }
      while ((await trail(rig, "vm.start")).at(-1).phase !== "refused");
      const starts = await trail(rig, "vm.start");
      assert.equal(starts.at(-1).reasons[0].rule, "restart_limit");
      assert.equal(starts.at(-1).actor.kind, "supervisor");
      assert.equal((await rig.ok("vm", "show", "g1")).state, "crashed");
      assert.equal((await rig.ok("vm", "start", "g1")).state, "running", "an operator may");
    },
    restarting(1),
  ));

Deno.test("a restart that is planned is shown, and a kill calls it off", () =>
  withRoot(
    async (rig) => {
      await defineSmall(rig, "g1", { policy_profile: "again" });
      // Earlier restarts make the pause long enough to be looked at.
      const now = Date.now();
      await rig.write(
        "vm/linux/g1/restarts.json",
        JSON.stringify({ version: 0, at: Array.from({ length: 8 }, (_, i) => now - i) }),
      );
      await rig.ok("vm", "start", "g1");
      const { qemu } = await runRecord(rig, "g1");
      Deno.kill(qemu.pid, "SIGKILL");
      let shown = await rig.ok("vm", "show", "g1");
      while (shown.notes.length === 0 || shown.state !== "crashed") shown = await rig.ok("vm", "show", "g1");
      assert.match(shown.notes.join(), /started again at .* \(restart 9 of 20 within an hour\)/);
      assert.deepEqual((await rig.ok("vm", "kill", "g1")).state, "crashed");
      assert.deepEqual((await rig.ok("vm", "show", "g1")).notes, []);
      await rig.fails(5, "vm", "kill", "g1");
    },
    restarting(20),
  ));

Deno.test("what policy names starts with the supervisor, hidden, and one that fails keeps no other from it", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "list");
    await defineSmall(rig, "lin");
    await rig.ok(
      ...["vm", "define", "--type", "windows", "--id", "win", "--profile", "small-windows"],
      ...["--memory", "256", "--vcpu", "1", "--disk", "1M"],
    );
    await killSupervisor(rig);
    await Deno.remove(`${rig.root}/vm/linux/lin/disk.raw`);
    await rig.write(
      "policy/rayos-policy.toml",
      POLICY.replace("[linux]\n", '[linux]\nvm_id = "lin"\n')
        .replace("[windows]\n", '[windows]\nvm_id = "win"\n')
        .replace("version = 0\n", "version = 0\n[defaults]\nautoboot_vms = true\n"),
    );
    await rig.ok("serve");
    await showUntil(rig, "win", ({ state }) => state === "running");
    const list = await rig.ok("vm", "list");
    assert.deepEqual(list.map(({ id, state, presented }: Any) => [id, state, presented]), [
      ["lin", "stopped", false],
      ["win", "running", false],
    ]);
    const starts = await trail(rig, "vm.start");
    assert.deepEqual(
      starts.filter(({ phase }) => ["failed", "finished"].includes(phase)).map((
        { vm, phase },
      ) => [vm, phase]),
      [["lin", "failed"], ["win", "finished"]],
    );
  }));

Deno.test("a guest that can't be talked to and ends by itself is a stopped one", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { qemu } = await runRecord(rig, "g1");
    await killSupervisor(rig);
    await Deno.remove(layoutOf(rig.root).runtime("g1").folder, { recursive: true });
    assert.equal((await rig.ok("vm", "show", "g1")).state, "broken");
    Deno.kill(qemu.pid, "SIGKILL");
    await ended(qemu.pid);
    while ((await rig.ok("vm", "show", "g1")).state !== "stopped");
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running");
  }));

/** Stands between a supervisor and QEMU's socket; `cut` breaks the connection, and the next one goes through again. */
function between(socket: string, real: string): { cut(): void; close(): void } {
  const listener = Deno.listen({ transport: "unix", path: socket });
  let open: Deno.Conn[] = [];
  const cut = () => {
    for (const end of open) {
      try {
        end.close();
      } catch { /* closed by the other side */ }
    }
    open = [];
  };
  (async () => {
    for await (const client of listener) {
      const qemu = await Deno.connect({ transport: "unix", path: real });
      open.push(client, qemu);
      const pass = (from: Deno.Conn, to: Deno.Conn) => from.readable.pipeTo(to.writable).catch(() => {});
      void pass(client, qemu);
      void pass(qemu, client);
    }
  })();
  return {
    cut,
    close() {
      listener.close();
      cut();
    },
  };
}

Deno.test("a guest whose control connection breaks is taken over again, and runs on meanwhile", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { pid } = await rig.ok("vm", "show", "g1");
    await killSupervisor(rig);
    const { qmp } = layoutOf(rig.root).runtime("g1");
    await Deno.rename(qmp, `${qmp}.real`);
    const proxy = between(qmp, `${qmp}.real`);
    try {
      assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
      const taken = (await trail(rig, "vm.recovered")).length;
      proxy.cut();
      await showUntil(rig, "g1", () => true);
      while ((await trail(rig, "vm.recovered")).length < taken + 2);
      const shown = await rig.ok("vm", "show", "g1");
      assert.deepEqual([shown.state, shown.pid, shown.problem], ["running", pid, null]);
      assert.equal((await rig.ok("vm", "pause", "g1")).state, "paused");
    } finally {
      proxy.close();
      await rig.run("vm", "kill", "g1");
    }
  }));

Deno.test("folders that somebody tidied away keep no guest from starting or crashing, and no command from the supervisor", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await Deno.remove(`${rig.root}/vm/linux/g1/logs`, { recursive: true });
    await rig.ok("vm", "start", "g1");
    const { qemu } = await runRecord(rig, "g1");
    await Deno.remove(`${rig.root}/crash`, { recursive: true });
    await Deno.remove(`${rig.root}/vm/linux/g1/logs`, { recursive: true });
    Deno.kill(qemu.pid, "SIGKILL");
    await showUntil(rig, "g1", ({ state }) => state === "crashed");
    const { supervisor } = await rig.ok("status");
    await Deno.remove(`${rig.root}/run`, { recursive: true }).catch(() => {}); // it is made anew meanwhile
    // Whoever comes at this very moment finds no socket, and a root that is held: no second supervisor begins.
    let status = await rig.run("--json", "vm", "start", "g1");
    while (status.code !== 0) status = await rig.run("--json", "vm", "start", "g1");
    assert.equal((await rig.ok("status")).supervisor.pid, supervisor.pid);
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
  }));
