// deno-lint-ignore-file no-console -- a test that can't run here says why
/** File systems without room: what is refused, what goes on, and that all is well again with room. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { defineSmall, ended, stopSupervisor, withRoot } from "./rig.ts";
import { mountedBy, smallFs } from "./small_fs.ts";
import { withWriter } from "./writer_rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

Deno.test("a start is refused while a file system is full, before anything is touched, and warned of while it is low", (t) =>
  withWriter(t, 0, async (rig, small) => {
    const { runFolder, guest } = layoutOf(rig.root);
    const { folder } = guest("linux", "w");
    const error = await rig.fails(5, "vm", "start", "w");
    assert.deepEqual([error.code, error.path], ["no_space", folder]);
    assert.match(error.message, new RegExp(`^w can't be started: ${folder} is full \\(0 of 64 MiB free\\)$`));
    assert.equal((await rig.ok("vm", "show", "w")).state, "stopped");
    assert.deepEqual([...Deno.readDirSync(`${runFolder}/g`)], []);
    await small.inside(`head -c 59M /dev/zero > "$1/filler"`);
    const started = await rig.ok("vm", "start", "w");
    assert.ok(started.notes.some((note: string) => /^\S+ runs out of space: \d of 64 MiB free$/.test(note)));
  }));

Deno.test("a new disk that may outgrow its file system is made, with a warning", () =>
  withRoot(async (rig) => {
    const flags = ["--type", "linux", "--id", "g1", "--memory", "256"];
    const defined = await rig.ok("vm", "define", ...flags, "--disk", "900T");
    assert.match(defined.notes[0], /^the disk may grow to 900 TiB, and \S+ has \S+ \S+ free: /);
    await rig.ok("vm", "delete", "g1", "--disks", "--yes");
    assert.equal((await rig.ok("vm", "define", ...flags, "--disk", "1M")).notes, undefined);
  }));

/** Mounts a tmpfs over a data root and puts the root's content into it. */
const OVER_ROOT =
  'kept=$(mktemp -d) && cp -a "$1/." "$kept" && mount -t tmpfs -o size=64m,mode=0700 tmpfs "$1" && ' +
  'cp -a "$kept/." "$1" && rm -r "$kept"';

Deno.test("on a root that is full nothing starts, guests go on, a crash is noticed; with room again all is well by itself", async (t) => {
  await withRoot(async (rig) => {
    for (const id of ["a", "b"]) await defineSmall(rig, id);
    await stopSupervisor(rig);
    const small = await mountedBy(rig, rig.root, OVER_ROOT);
    if (typeof small === "string") {
      return console.log(`SKIP ${t.name}: no small file system can be mounted here (${small})`);
    }
    try {
      await rig.ok("vm", "start", "a");
      const { supervisor } = await rig.ok("status");
      assert.notEqual((await small.inside(`cat /dev/zero > "$1/filler"`)).code, 0, "it is full");
      // What is left of the last pages takes a few records more.
      for (let n = 0; n < 40 && (await rig.run("vm", "present", "a")).code === 0; n++) {
        await rig.run("vm", "hide");
      }
      const code = async (...args: string[]) => (await rig.fails(1, ...args)).code;
      assert.equal(await code("vm", "kill", "a"), "audit_unavailable");
      assert.equal((await rig.fails(5, "vm", "start", "b")).code, "no_space");
      const { pid } = await rig.ok("vm", "show", "a");
      assert.equal((await rig.ok("vm", "show", "a")).live.status, "running");
      Deno.kill(pid, "SIGKILL");
      await ended(pid);
      while ((await rig.ok("vm", "show", "a")).state !== "crashed") {
        await new Promise((r) => setTimeout(r, 20));
      }

      // A new supervisor finds its way too.
      Deno.kill(supervisor.pid, "SIGKILL");
      await ended(supervisor.pid);
      assert.deepEqual((await rig.ok("vm", "list")).map(({ id, state }: Any) => [id, state]), [
        ["a", "stopped"],
        ["b", "stopped"],
      ]);
      assert.equal((await rig.fails(5, "vm", "start", "a")).code, "no_space");
      await small.inside(`rm "$1/filler"`);
      await rig.ok("vm", "start", "a");
      await rig.ok("vm", "start", "b");
      await rig.ok("vm", "stop", "a", "--grace", "0");
      await rig.ok("registry", "validate");
      await rig.ok("audit", "verify");
    } finally {
      await small.inside(`rm -f "$1/filler"`);
      for (const id of ["a", "b"]) await rig.run("vm", "kill", id);
      await stopSupervisor(rig);
      await small.end();
    }
  });
});

Deno.test("a start that runs out of inodes on the way is undone; guests that run can be stopped meanwhile", async (t) => {
  await withRoot(async (rig) => {
    for (const id of ["a", "b"]) await defineSmall(rig, id);
    await stopSupervisor(rig);
    const { runFolder, runtime } = layoutOf(rig.root);
    const small = await smallFs(rig, runFolder, "size=4m,nr_inodes=40");
    if (typeof small === "string") {
      return console.log(`SKIP ${t.name}: no small file system can be mounted here (${small})`);
    }
    const fillUpTo = (left: number) =>
      small.inside(
        `mkdir -p "$1/filler"; n=0; while touch "$1/filler/$n"; do n=$((n+1)); done; ` +
          `while [ $n -gt 0 ] && [ "$(stat -f -c %d "$1")" -lt ${left} ]; do n=$((n-1)); rm "$1/filler/$n"; done`,
      );
    try {
      await rig.ok("vm", "start", "a");
      const codes: string[] = [];
      // Low, not full: the start is let through, and wants more files than that at one place after the other.
      for (let left = 1; left < 20 && codes.at(-1) !== "started"; left++) {
        await fillUpTo(left);
        const ran = await rig.run("--json", "vm", "start", "b");
        const b = await rig.ok("vm", "show", "b");
        if (ran.code === 0) {
          codes.push("started");
          await rig.ok("vm", "kill", "b");
          continue;
        }
        const { error } = ran.json();
        codes.push(error.code); // `failed` with QEMU's words, or `no_space` for a file of our own
        assert.match(error.message, /No space left on device/);
        assert.deepEqual([b.state, b.pid], ["stopped", null]);
        assert.notEqual(
          (await small.inside(`test -e "$1/g/b"`)).code,
          0,
          `${runtime("b").folder} is gone again`,
        );
      }
      assert.ok(codes.length > 3 && codes.at(-1) === "started", String(codes));
      await fillUpTo(0);
      assert.match((await rig.fails(5, "vm", "start", "b")).message, /is full \(0 of 40 inodes free\)$/);
      assert.match((await rig.run("status")).stdout, /^storage +FULL: 0 inodes free on /m);
      assert.equal((await rig.ok("vm", "stop", "a", "--grace", "0")).state, "stopped");
      await small.inside(`rm -r "$1/filler"`);
      await rig.ok("vm", "start", "b");
    } finally {
      await small.inside(`rm -rf "$1/filler"`);
      for (const id of ["a", "b"]) await rig.run("vm", "kill", id);
      await stopSupervisor(rig);
      await small.end();
    }
  });
});
