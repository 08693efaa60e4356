/** Actions that are under way: their turns, calling them off, and QEMUs that hang. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { defineSmall, ended, type Rig, showUntil, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

async function qemuPid(rig: Rig, id: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime(id).record)).qemu.pid;
}

Deno.test("a stop that waits for the guest is shown as a job, and the guest runs on when it is called off", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    assert.deepEqual(await rig.ok("jobs"), []);
    const stopping = rig.run("--json", "vm", "stop", "g1", "--grace", "600");
    await showUntil(rig, "g1", ({ state }) => state === "stopping");
    const [job] = await rig.ok("jobs");
    assert.deepEqual([job.action, job.vm, job.state, job.actor], ["vm.stop", "g1", "running", "local"]);
    // A second stop is refused, a start too; a pause waits its turn.
    assert.equal((await rig.fails(5, "vm", "stop", "g1")).code, "busy");
    assert.equal((await rig.fails(5, "vm", "start", "g1")).code, "busy");
    const pausing = rig.run("--json", "vm", "pause", "g1");
    while ((await rig.ok("jobs")).length < 2);
    await rig.ok("jobs", "cancel", job.job);
    const stopped = await stopping;
    assert.deepEqual([stopped.code, stopped.json().error.code], [1, "cancelled"]);
    assert.equal((await pausing).json().state, "paused");
    await rig.fails(4, "jobs", "cancel", job.job);
    await rig.fails(2, "jobs", "cancel", "nothing");
    await rig.ok("audit", "verify");
  }));

Deno.test("an action that waits for its turn is called off without ever having begun", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const stopping = rig.run("--json", "vm", "stop", "g1", "--grace", "600");
    await showUntil(rig, "g1", ({ state }) => state === "stopping");
    const resetting = rig.run("--json", "vm", "reset", "g1");
    let jobs = await rig.ok("jobs");
    while (jobs.length < 2) jobs = await rig.ok("jobs");
    const waiting = jobs.find(({ action }: Any) => action === "vm.reset");
    assert.equal(waiting.state, "waiting");
    await rig.ok("jobs", "cancel", waiting.job);
    assert.equal((await resetting).json().error.code, "cancelled");
    // A kill waits for nobody, and the stop has what it wanted.
    assert.equal((await rig.ok("vm", "kill", "g1")).state, "stopped");
    assert.equal((await stopping).json().state, "stopped");
  }));

Deno.test("a QEMU that hangs keeps nobody waiting: it is shown, stopped by a kill, and taken over when it wakes up", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    let pid = await qemuPid(rig, "g1");
    Deno.kill(pid, "SIGSTOP");
    const stopped = await rig.ok("vm", "stop", "g1", "--grace", "0");
    assert.match(stopped.notes[0], /^ended by: kill/);
    await rig.ok("vm", "start", "g1");
    pid = await qemuPid(rig, "g1");
    const { supervisor } = await rig.ok("status");
    Deno.kill(supervisor.pid, "SIGKILL");
    await ended(supervisor.pid);
    Deno.kill(pid, "SIGSTOP");
    const hung = await rig.ok("vm", "show", "g1");
    assert.deepEqual([hung.state, hung.pid], ["broken", pid]);
    assert.match(hung.problem, /did not greet/);
    const woken = showUntil(rig, "g1", ({ state }) => state === "running");
    Deno.kill(pid, "SIGCONT");
    assert.equal((await woken).pid, pid);
    await rig.ok("vm", "stop", "g1", "--grace", "0");
  }));
