// deno-lint-ignore-file no-console -- a test that can't run here says why
/** README's "Use it" by a user without any privilege, on a data root of that user's own. */
import assert from "node:assert/strict";
import { buildGuest } from "../guest/build.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { BINARY, isRunning, type Rig, stopSupervisor, withRoot } from "./rig.ts";

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;
/** The user that owns nothing. */
const NOBODY = 65534;

/** Why nobody can be impersonated here; undefined when it works. */
async function cantBeNobody(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "only root can become another user";
  try {
    const ran = await new Deno.Command("setpriv", { args: asNobody("true") }).output();
    return ran.success ? undefined : new TextDecoder().decode(ran.stderr);
  } catch (error) {
    return String(error);
  }
}

function asNobody(...command: string[]): string[] {
  return [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--no-new-privs", "--", ...command];
}

/** Makes the root nobody's, and has every command run as nobody, from a copy of the program that nobody can read. */
async function giveToNobody(rig: Rig): Promise<void> {
  await Deno.chown(rig.root, NOBODY, NOBODY);
  const program = `${rig.root}/rayvisor`;
  await Deno.copyFile(BINARY, program);
  await Deno.chmod(program, 0o755);
  rig.how.wrap = ["setpriv", ...asNobody("sh", "-c", 'shift; exec "$0" "$@"', program)];
  rig.how.env = { HOME: rig.root };
  // As after su(1): the search path of root, with folders that only root may look into.
  const ofRoot = `${rig.root}/of-root`;
  await Deno.mkdir(ofRoot, { mode: 0o700 });
  rig.how.path = `${ofRoot}:${Deno.env.get("PATH")}`;
}

Deno.test("an ordinary user makes a data root, runs a real guest with TPM to readiness, and is held to policy", async (t) => {
  const why = await cantBeNobody();
  if (why !== undefined) return console.log(`SKIP ${t.name}: ${why}`);
  const { image } = await buildGuest({ cacheDir: CACHE });
  await withRoot(async (rig) => {
    await giveToNobody(rig);
    await rig.ok("init");
    const disk = "vm/linux/disk.raw";
    await Deno.copyFile(image, `${rig.root}/${disk}`);
    await Deno.chown(`${rig.root}/${disk}`, NOBODY, NOBODY);
    await Deno.chmod(`${rig.root}/${disk}`, 0o600);
    const memory = String(GUEST_MEMORY_MIB);
    const first = [
      "--type",
      "linux",
      "--id",
      "web",
      "--vcpu",
      "1",
      "--memory",
      memory,
      "--disk",
      disk,
      "--tpm",
    ];
    await rig.ok("vm", "define", ...first);
    assert.equal((await rig.ok("vm", "start", "web", "--wait", "ready")).state, "running");
    const shown = await rig.ok("vm", "show", "web");
    for (const pid of [(await rig.ok("status")).supervisor.pid, shown.pid]) {
      assert.equal((await Deno.stat(`/proc/${pid}`)).uid, NOBODY);
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      assert.match(status, /^CapEff:\s0+$/m, "no capability");
    }
    assert.match((await rig.fails(3, "net", "set", "web", "restricted")).message, /denied by policy/);
    const explained = await rig.run("--json", "policy", "explain", "web", "net.set", "profile=restricted");
    assert.deepEqual([explained.code, explained.json().decision.effect], [3, "deny"]);
    await stopSupervisor(rig);
    assert.ok(await isRunning(shown.pid), "guests go on");
    assert.equal((await rig.ok("vm", "show", "web")).pid, shown.pid, "and are found again");
    assert.equal((await rig.ok("vm", "stop", "web")).state, "stopped");
    await rig.ok("audit", "verify");
    for (const name of ["logs/rayos.log", "vm/registry.json", "run/lock"]) {
      const { uid, mode } = await Deno.stat(`${rig.root}/${name}`);
      assert.deepEqual([uid, (mode ?? 0) & 0o777], [NOBODY, 0o600], name);
    }
    // A disk of its own making too.
    await rig.ok("vm", "define", "--type", "linux", "--id", "db", "--memory", "64", "--disk", "16G", "--tpm");
    await rig.ok("vm", "delete", "db", "--disks", "--yes");
  }, null);
});

Deno.test("a data root of somebody else is refused with what to do, by its name or because it can't be looked into", async (t) => {
  const why = await cantBeNobody();
  if (why !== undefined) return console.log(`SKIP ${t.name}: ${why}`);
  await withRoot(async (rig) => {
    await giveToNobody(rig);
    await rig.ok("init");
    const asNobodyElse = rig.how.wrap ?? [];
    rig.how.wrap = [];
    const error = await rig.fails(1, "serve", "--foreground");
    assert.match(error.message, new RegExp(`belongs to user ${NOBODY}; this is user 0`));
    assert.match(error.hint, /run as that user/);
    // The other way round: the root is root's, and nobody asks.
    await Deno.chown(rig.root, 0, 0);
    const elsewhere = await Deno.makeTempDir({ prefix: "rv-" });
    try {
      await Deno.copyFile(BINARY, `${elsewhere}/rayvisor`);
      await Deno.chmod(`${elsewhere}/rayvisor`, 0o755);
      await Deno.chmod(elsewhere, 0o755);
      rig.how.wrap = [...asNobodyElse.slice(0, -1), `${elsewhere}/rayvisor`];
      for (const command of [["status"], ["vm", "list"], ["serve"], ["audit", "verify"]]) {
        const denied = await rig.fails(1, ...command);
        assert.equal(denied.code, "failed", command.join(" "));
        assert.match(denied.message, /can't be looked into/);
        assert.match(denied.hint, /the user that it belongs to/);
      }
    } finally {
      await Deno.remove(elsewhere, { recursive: true });
      await Deno.chown(rig.root, NOBODY, NOBODY);
      rig.how.wrap = asNobodyElse;
    }
  }, null);
});

Deno.test("an import tells state that only root may read from state that is not there, and refuses both", async (t) => {
  const why = await cantBeNobody();
  if (why !== undefined) return console.log(`SKIP ${t.name}: ${why}`);
  await withRoot(async (rig) => {
    await giveToNobody(rig);
    await rig.ok("init");
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    try {
      await Deno.chmod(outside, 0o755);
      await Deno.writeFile(`${outside}/disk.raw`, new Uint8Array(1024 * 1024));
      const conf = `${outside}/g.conf`;
      const lines = [
        "disk_img=disk.raw",
        "disk_format=raw",
        "boot=legacy",
        "tpm=on",
        "ram=64M",
        "cpu_cores=1",
      ];
      await Deno.writeTextFile(conf, `${lines.join("\n")}\n`);
      const state = `${outside}/tpm2-00.permall`;
      assert.match((await rig.fails(4, "vm", "import", conf)).message, /TPM is not there/);
      await Deno.writeFile(state, new Uint8Array(64), { mode: 0o600 });
      assert.match((await rig.fails(1, "vm", "import", conf)).message, /TPM may not be read by this user/);
      const { notes } = await rig.ok("vm", "import", conf, "--new-tpm");
      assert.deepEqual(notes, [
        `${state} may not be read by this user: the guest begins with a new and empty TPM`,
      ]);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }, null);
});
