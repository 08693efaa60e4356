import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { runGroup } from "./run_group.ts";

Deno.test("runGroup() gives exit code and both streams", async () => {
  const result = await runGroup("sh", { args: ["-c", "echo out; echo err >&2; exit 3"], limitMs: 60_000 });
  assert.deepEqual(result, { kind: "ended", code: 3, signal: null, stdout: "out\n", stderr: "err\n" });
});

Deno.test("runGroup() says that a program is not there", async () => {
  assert.deepEqual(await runGroup("no-such-program", { limitMs: 1_000 }), { kind: "missing" });
});

Deno.test("runGroup() kills the whole group when the time is over, also what ignores SIGTERM", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const pids = `${folder}/pids`;
    const script = `trap '' TERM; sleep 600 & echo $$ $! > ${pids}; echo begun; wait`;
    const result = await runGroup("sh", { args: ["-c", script], limitMs: 500 });
    assert.deepEqual(result, { kind: "timed_out", stdout: "begun\n", stderr: "" });
    for (const pid of (await Deno.readTextFile(pids)).trim().split(" ")) await isGone(pid);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runGroup() that is called off kills the group and throws", async () => {
  const abort = new AbortController();
  const work = runGroup("sleep", { args: ["600"], limitMs: 60_000, signal: abort.signal });
  abort.abort();
  await assert.rejects(work, (error) => error instanceof Failure && error.code === "cancelled");
  await assert.rejects(
    runGroup("sleep", { args: ["600"], limitMs: 60_000, signal: abort.signal }),
    (error) => error instanceof Failure && error.code === "cancelled",
  );
});

Deno.test("runGroup() does not wait for what holds the streams of a program that has ended", async () => {
  const result = await runGroup("sh", { args: ["-c", "sleep 5 & echo done"], limitMs: 60_000 });
  assert.ok(result.kind === "ended" && result.stdout === "done\n");
});

Deno.test("runGroup() drops what is more than a mebibyte, and lets the program write on", async () => {
  const result = await runGroup("head", { args: ["-c", "3000000", "/dev/zero"], limitMs: 60_000 });
  assert.ok(result.kind === "ended" && result.code === 0 && result.stdout.length === 1024 * 1024);
});

/** A killed process is gone, or a zombie that nobody has waited for yet. */
async function isGone(pid: string): Promise<void> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  assert.ok(stat === "" || /\) [ZX] /.test(stat), stat);
}
