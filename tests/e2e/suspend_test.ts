/** Suspend to disk and resume by the compiled program, with a guest that counts: what it says proves that nothing is lost. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import {
  countsOn,
  defineCounter,
  diskOf,
  folderOf,
  namesIn,
  neverLostCount,
  qemusOf,
  saidBy,
  stateOf,
} from "./counter_guest.ts";
import { ended, POLICY, type Rig, stopSupervisor, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

const NO_SUSPEND = `
[profiles.no-suspend]
kind = "linux"
max_vcpu = 1
max_memory_mb = 512
cpu_percent = 50
secure_boot = "allowed"
tpm = "allowed"
[profiles.no-suspend.snapshots]
suspend = false
`;

async function pidOf(rig: Rig): Promise<number> {
  return (await rig.ok("vm", "show", "g")).pid;
}

Deno.test("a suspended guest goes on where it stood, in a new QEMU", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    const pid = await pidOf(rig);
    await rig.ok("vm", "present", "g");
    const suspended = await rig.ok("vm", "suspend", "g");
    assert.equal(suspended.state, "suspended");
    assert.match(suspended.notes[0], /are on disk$/);
    await ended(pid);
    assert.deepEqual(await namesIn(stateOf(rig).folder), ["manifest.json", "ram.bin"]);
    const registry = JSON.parse(await Deno.readTextFile(layoutOf(rig.root).registryFile));
    assert.equal(registry.vms.g.state, "suspended");
    const status = await rig.ok("status");
    assert.deepEqual([status.presented, status.sums.running], [null, 0]);

    const started = await rig.ok("vm", "start", "g");
    assert.equal(started.state, "running");
    assert.match(started.notes[0], /^goes on from 20/);
    assert.deepEqual(await namesIn(stateOf(rig).folder), [], "the state is used up");
    await countsOn(rig);
    await neverLostCount(rig, 1);
    assert.notEqual(await pidOf(rig), pid);

    const events = (await rig.run("--json", "events", "-n", "100", "--vm", "g")).stdout;
    const said = events.trim().split("\n").map((line) => JSON.parse(line).event);
    assert.deepEqual(said.filter((event) => event.startsWith("RAYOS_VM:")), [
      "RAYOS_VM:define",
      "RAYOS_VM:start",
      "RAYOS_VM:running",
      "RAYOS_VM:suspend",
      "RAYOS_VM:suspended",
      "RAYOS_VM:start",
      "RAYOS_VM:running",
    ]);
    await rig.ok("vm", "kill", "g");
    assert.equal((await rig.ok("vm", "start", "g")).state, "running");
    await countsOn(rig);
    assert.equal((await saidBy(rig)).boots, 2, "a state is used once");
    await rig.ok("audit", "verify");
  }));

Deno.test("a guest stays suspended over the end of its supervisor, and one that was paused runs after its start", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await rig.ok("vm", "pause", "g");
    await rig.ok("vm", "suspend", "g");
    const { supervisor } = await rig.ok("status");
    Deno.kill(supervisor.pid, "SIGKILL");
    await ended(supervisor.pid);
    const shown = await rig.ok("vm", "show", "g");
    assert.deepEqual([shown.state, shown.problem, shown.pid], ["suspended", null, null]);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await neverLostCount(rig, 1);
  }));

Deno.test("a cold start drops the state, says so, and boots", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await rig.ok("vm", "suspend", "g");
    const started = await rig.ok("vm", "start", "g", "--cold");
    assert.equal(started.notes[0], "its saved state was dropped");
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
    await countsOn(rig);
    assert.equal((await saidBy(rig)).boots, 2);
    const trail = (await rig.run("--json", "audit", "tail", "-n", "200", "--vm", "g")).stdout;
    assert.match(trail, /"vm\.state_dropped"/);
    const events = (await rig.run("--json", "events", "-n", "100", "--vm", "g")).stdout;
    assert.match(events, /RAYOS_VM:dropped/);
  }));

/** Starts are refused with these words, twice, and the state is kept; what `repair` mends goes on. */
async function refused(rig: Rig, words: RegExp, repair: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const error = await rig.fails(5, "vm", "start", "g");
    assert.equal(error.code, "wrong_state");
    assert.match(error.message, words);
    assert.match(error.hint, /vm start g --cold/);
  }
  const shown = await rig.ok("vm", "show", "g");
  assert.equal(shown.state, "suspended");
  assert.match(shown.problem, words);
  await repair();
}

Deno.test("a state that does not fit any more is refused with the reason and kept, and goes on when it fits again", async (t) => {
  await withRoot(async (rig) => {
    const files = () => stateOf(rig);
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await rig.ok("vm", "suspend", "g");
    const manifest = await Deno.readTextFile(files().manifest);
    const edit = async (change: (value: Any) => void) => {
      const value = JSON.parse(manifest);
      change(value);
      await Deno.writeTextFile(files().manifest, JSON.stringify(value));
    };
    const restore = () => Deno.writeTextFile(files().manifest, manifest);
    /** Gives the disk the time that the manifest has, to the nanosecond. */
    const setBack = async () => {
      const { images } = JSON.parse(manifest);
      const then: string = images.find((image: Any) => image.path.endsWith("disk.raw")).modified_ns;
      const at = `@${then.slice(0, -9)}.${then.slice(-9)}`;
      await new Deno.Command("touch", { args: ["-m", "-d", at, diskOf(rig)] }).output();
    };

    await t.step("another QEMU", async () => {
      await edit((value) => value.qemu.version = "6.1.0");
      await refused(rig, /QEMU 6\.1\.0 has saved it, and QEMU \d/, restore);
    });
    await t.step("another machine", async () => {
      await edit((value) =>
        value.args = value.args.map((arg: string) => arg.replace(/^pc-q35-[\d.]+/, "pc-q35-6.1"))
      );
      await refused(rig, /the machine is pc-q35.*it was pc-q35-6\.1/, restore);
    });
    await t.step("a manifest that can't be read", async () => {
      await Deno.writeTextFile(files().manifest, manifest.slice(0, 100));
      await refused(rig, /manifest.*can't be read: it is not JSON/, restore);
    });
    await t.step("a disk that was written to", async () => {
      const { mtime } = await Deno.stat(diskOf(rig));
      assert.ok(mtime);
      await Deno.utime(diskOf(rig), mtime, new Date(mtime.getTime() + 1000));
      await refused(rig, /vm\/linux\/g\/disk\.raw was written to since/, async () => {
        await setBack();
      });
    });
    await t.step("a disk of another size", async () => {
      await Deno.truncate(diskOf(rig), 2 * 1024 * 1024);
      await refused(rig, /disk\.raw has changed since: it has 2097152 bytes, it had 1048576/, async () => {
        await Deno.truncate(diskOf(rig), 1024 * 1024);
        await setBack();
      });
    });
    await t.step("memory with one bit changed", async () => {
      const memory = await Deno.readFile(files().memory);
      const flip = async () => {
        memory[memory.length >> 1] = (memory[memory.length >> 1] ?? 0) ^ 1;
        await Deno.writeFile(files().memory, memory);
      };
      await flip();
      await refused(rig, /memory is damaged: its bytes are not those that were saved/, flip);
    });
    await t.step("memory that was cut off, or is not there", async () => {
      const memory = await Deno.readFile(files().memory);
      await Deno.truncate(files().memory, memory.length - 1);
      await refused(rig, /saved memory has \d+ bytes instead of \d+/, () => Deno.remove(files().memory));
      await refused(rig, /saved memory is not there/, () => Deno.writeFile(files().memory, memory));
    });
    await t.step("memory that QEMU does not take, though it is what the manifest says", async () => {
      const memory = await Deno.readFile(files().memory);
      const cut = memory.slice(0, memory.length >> 1);
      await Deno.writeFile(files().memory, cut);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", cut));
      await edit((value) => value.memory = { bytes: cut.length, sha256: digest.toHex() });
      const error = await rig.fails(1, "vm", "start", "g");
      assert.match(error.message, /QEMU/);
      assert.match(error.hint, /state is kept.*--cold/);
      assert.equal((await rig.ok("vm", "show", "g")).state, "suspended");
      await Deno.writeFile(files().memory, memory);
      await restore();
    });
    await t.step("a record with more memory", async () => {
      await stopSupervisor(rig);
      const registry = await Deno.readTextFile(layoutOf(rig.root).registryFile);
      await Deno.writeTextFile(
        layoutOf(rig.root).registryFile,
        registry.replace('"memory_mb": 64', '"memory_mb": 96'),
      );
      await refused(rig, /the memory is 96M, it was 64M/, async () => {
        await stopSupervisor(rig);
        await Deno.writeTextFile(layoutOf(rig.root).registryFile, registry);
      });
    });
    await t.step("a record with one disk more", async () => {
      await Deno.writeFile(`${rig.root}/vm/linux/g/more.raw`, new Uint8Array(1024 * 1024));
      await stopSupervisor(rig);
      const registry = await Deno.readTextFile(layoutOf(rig.root).registryFile);
      const value = JSON.parse(registry);
      value.vms.g.storage.disks.more = "vm/linux/g/more.raw";
      await Deno.writeTextFile(layoutOf(rig.root).registryFile, JSON.stringify(value));
      await refused(rig, /block node disk1-file is new/, async () => {
        await stopSupervisor(rig);
        await Deno.writeTextFile(layoutOf(rig.root).registryFile, registry);
      });
    });
    await t.step("all is as it was: it goes on", async () => {
      await rig.ok("vm", "start", "g");
      await countsOn(rig);
      await neverLostCount(rig, 1);
    });
  });
});

Deno.test("without room for its memory a guest is not suspended, and runs on", () => {
  const name = "without room for its memory a guest is not suspended, and runs on";
  return withRoot(async (rig) => {
    const folder = `${rig.root}/vm/linux`;
    const mount = async (...args: string[]) =>
      (await new Deno.Command("mount", { args, stdout: "null", stderr: "null" }).output()).success;
    if (!await mount("-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", folder)) {
      // deno-lint-ignore no-console -- the line that the test run counts as skipped
      return console.log(`SKIP ${name}: no file system may be mounted here`);
    }
    try {
      await defineCounter(rig);
      await rig.ok("vm", "start", "g");
      const before = await countsOn(rig);
      const error = await rig.fails(1, "vm", "suspend", "g");
      assert.equal(error.code, "io");
      assert.match(error.message, /may need 128 MiB, and 6\d(\.\d)? MiB are free/);
      assert.equal((await rig.ok("vm", "show", "g")).state, "running");
      assert.ok(await countsOn(rig) > before);
      await neverLostCount(rig, 1);
      assert.deepEqual(await namesIn(stateOf(rig).folder), []);
      await rig.ok("vm", "kill", "g");
      await stopSupervisor(rig);
    } finally {
      await new Deno.Command("umount", { args: ["-l", folder] }).output();
    }
  });
});

Deno.test("what policy denies, and what is not possible, is said and changes nothing", () =>
  withRoot(async (rig) => {
    await defineCounter(rig, { policy_profile: "no-suspend" });
    await rig.fails(5, "vm", "suspend", "g");
    await rig.ok("vm", "start", "g");
    const error = await rig.fails(3, "vm", "suspend", "g");
    assert.equal(error.reasons[0].rule, "suspend_not_allowed");
    await countsOn(rig);
  }, POLICY + NO_SUSPEND));

Deno.test("deleting a suspended guest removes its state, so that none of that id finds it", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await rig.ok("vm", "suspend", "g");
    await rig.ok("vm", "delete", "g", "--yes");
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
    assert.equal((await Deno.stat(diskOf(rig))).isFile, true);
    await rig.ok("vm", "define", `${rig.root}/g.json`);
    assert.equal((await rig.ok("vm", "show", "g")).state, "stopped");
  }));

Deno.test("a guest whose manifest is broken is suspended with a problem; a cold start and a delete still work", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await rig.ok("vm", "suspend", "g");
    await stopSupervisor(rig);
    await Deno.writeTextFile(stateOf(rig).manifest, "{}");
    const shown = await rig.ok("vm", "show", "g");
    assert.equal(shown.state, "suspended");
    assert.match(shown.problem, /manifest of its saved state can't be read/);
    await rig.fails(5, "vm", "start", "g");
    await rig.ok("vm", "start", "g", "--cold");
    await countsOn(rig);
    await rig.ok("vm", "suspend", "g");
    await Deno.writeTextFile(stateOf(rig).manifest, "{}");
    await rig.ok("vm", "delete", "g", "--disks", "--yes");
    assert.deepEqual(await namesIn(folderOf(rig).folder), []);
  }));

Deno.test("a suspend and a stop of the supervisor at once leave a guest that runs or is suspended, and nothing between", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    const { supervisor } = await rig.ok("status");
    await Promise.all([rig.run("vm", "suspend", "g"), rig.run("serve", "--stop")]);
    await ended(supervisor.pid);
    const state = (await namesIn(stateOf(rig).folder)).includes("manifest.json") ? "suspended" : "running";
    assert.equal((await qemusOf(rig)).length, state === "running" ? 1 : 0);
    assert.equal((await rig.ok("vm", "show", "g")).state, state);
    if (state === "suspended") await rig.ok("vm", "start", "g");
    await countsOn(rig);
    assert.equal((await saidBy(rig)).boots, 1);
  }));

Deno.test("a suspend and a kill at once leave a guest that is stopped or suspended, and no QEMU", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await Promise.all([rig.run("vm", "suspend", "g"), rig.run("vm", "kill", "g")]);
    const { state } = await rig.ok("vm", "show", "g");
    assert.ok(["stopped", "suspended"].includes(state), state);
    assert.deepEqual(
      await namesIn(stateOf(rig).folder),
      state === "suspended" ? ["manifest.json", "ram.bin"] : [],
    );
    assert.deepEqual(await qemusOf(rig), []);
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    assert.equal((await saidBy(rig)).boots, state === "suspended" ? 1 : 2);
  }));
