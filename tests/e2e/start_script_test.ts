// deno-lint-ignore-file no-console -- a test that can't run here says why
/** The start script for hosts without systemd, run by plain shells with the compiled program. */
import assert from "node:assert/strict";
import { BINARY, defineSmall, isRunning, type Rig, stopSupervisor, withRoot } from "./rig.ts";

const SCRIPT = new URL("../../packaging/rayvisor.init", import.meta.url).pathname;
const SHELLS = ["sh", "dash", "bash --posix", "busybox sh"];

interface ScriptRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function script(
  rig: Rig,
  shell: string,
  verb: string,
  env: Record<string, string> = {},
): Promise<ScriptRun> {
  const [program = "sh", ...args] = shell.split(" ");
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, SCRIPT, ...(verb === "" ? [] : [verb])],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      RAYVISOR_DEFAULTS: "",
      RAYVISOR: BINARY,
      RAYOS_ROOT: rig.root,
      ...env,
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The shells that are installed here; each once, under whatever name. */
function shells(): string[] {
  const seen = new Set<string>();
  return SHELLS.filter((shell) => {
    const [program = "", ...args] = shell.split(" ");
    try {
      const script = "readlink -f /proc/$$/exe";
      const { success, stdout } = new Deno.Command(program, { args: [...args, "-c", script] }).outputSync();
      const file = new TextDecoder().decode(stdout);
      return success && !seen.has(file) && seen.add(file) !== undefined;
    } catch {
      return false; // it is not installed
    }
  });
}

Deno.test("start, status, reload, restart and stop do what a start script's do, and guests outlive them", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await stopSupervisor(rig);
    for (const shell of shells()) {
      const run = async (verb: string) => (await script(rig, shell, verb)).code;
      assert.equal(await run("status"), 3, `${shell}: it does not run yet`);
      assert.equal(await run("try-restart"), 0);
      assert.equal(await run("status"), 3, "what does not run is not restarted");
      assert.equal(await run("reload"), 1);
      assert.equal(await run("start"), 0);
      const first = (await rig.ok("status")).supervisor.pid;
      assert.equal(await run("start"), 0, "it runs already");
      assert.equal(await run("status"), 0);
      const { pid } = await rig.ok("vm", "start", "g1").then(() => rig.ok("vm", "show", "g1"));
      assert.equal(await run("reload"), 0);
      assert.equal((await rig.ok("status")).supervisor.pid, first);
      assert.equal(await run("restart"), 0);
      const status = await rig.ok("status");
      assert.notEqual(status.supervisor.pid, first);
      assert.equal(status.guests[0].pid, pid, "the new one has the guest");
      assert.equal(await run("stop"), 0);
      assert.equal(await run("status"), 3);
      assert.equal(await run("stop"), 0, "it does not run any more");
      assert.ok(await isRunning(pid), "guests go on");
      assert.equal((await rig.ok("vm", "kill", "g1")).state, "stopped");
      await stopSupervisor(rig);
    }
  }));

Deno.test("what is missing has an exit code of its own: program, data root, user, verb", () =>
  withRoot(async (rig) => {
    const code = async (verb: string, env: Record<string, string> = {}) =>
      (await script(rig, "sh", verb, env)).code;
    assert.equal(await code("start", { RAYVISOR: "/nowhere/rayvisor" }), 5);
    assert.equal(await code("status", { RAYVISOR: "/nowhere/rayvisor" }), 4);
    assert.equal(await code("start", { RAYVISOR_USER: "no-such-user" }), 1);
    const started = await script(rig, "sh", "start");
    assert.equal(started.code, 6);
    assert.match(started.stderr, /--root \S+ init/);
    assert.equal(await code("status"), 4);
    for (const verb of ["", "dance"]) assert.equal(await code(verb), 2);
  }, null));

Deno.test("with a user named, root starts the supervisor as that user, with that user's rights", async (t) => {
  if (Deno.uid() !== 0) return console.log(`SKIP ${t.name}: only root can become another user`);
  await withRoot(async (rig) => {
    const uid = 65534; // nobody
    await Deno.chown(rig.root, uid, uid);
    const program = `${rig.root}/rayvisor`;
    await Deno.copyFile(BINARY, program);
    await Deno.chmod(program, 0o755);
    const env = { RAYVISOR: program, RAYVISOR_USER: "nobody" };
    const become = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
    rig.how.wrap = [...become, "sh", "-c", 'shift; exec "$0" "$@"', program];
    await rig.ok("init");
    assert.equal((await script(rig, "sh", "start", env)).code, 0);
    const { supervisor } = await rig.ok("status");
    assert.equal((await Deno.stat(`/proc/${supervisor.pid}`)).uid, uid);
    const environment = await Deno.readTextFile(`/proc/${supervisor.pid}/environ`);
    assert.doesNotMatch(environment, /RAYVISOR_DEFAULTS/, "nothing of the caller's environment is left");
    assert.equal((await script(rig, "sh", "status", env)).code, 0);
    assert.equal((await script(rig, "sh", "stop", env)).code, 0);
    assert.equal((await script(rig, "sh", "status", env)).code, 3);
  }, null);
});
