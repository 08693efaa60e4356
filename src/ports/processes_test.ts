import assert from "node:assert/strict";
import fc from "fast-check";
import { findProgram } from "./folders.ts";
import { endProcess, identityOf, isAlive, isLive, parseProcStat, PLAIN_ENV, run } from "./processes.ts";
import { searchPath } from "./search_path.ts";

Deno.test("searchPath() keeps the operator's folders in their order and drops what depends on the working folder", () => {
  assert.equal(searchPath("/opt/qemu/bin:.:/usr/bin::bin:~/bin"), "/opt/qemu/bin:/usr/bin");
});

Deno.test("searchPath() falls back to the standard folders when none is left", () => {
  for (const nothing of [undefined, "", ":", ".", "bin:"]) {
    assert.match(searchPath(nothing), /^\/usr\/local\/sbin:.*:\/usr\/bin:/);
  }
});

Deno.test("searchPath() gives absolute folders only, at least one, and the same when asked again", () => {
  fc.assert(fc.property(fc.option(fc.string(), { nil: undefined }), (given) => {
    const path = searchPath(given);
    assert.ok(path.split(":").every((folder) => folder.startsWith("/")));
    assert.equal(searchPath(path), path);
  }));
});

Deno.test("programs are looked for in the PATH that this one was started with", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/only-here`, "#!/bin/sh\necho found\n", { mode: 0o700 });
    const program = new URL("./processes.ts", import.meta.url).href;
    const code = `const { run } = await import(${JSON.stringify(program)});` +
      `await Deno.stdout.write(new TextEncoder().encode((await run("only-here")).stdout));`;
    const { stdout } = await run(Deno.execPath(), {
      args: ["eval", "--no-lock", code],
      env: { ...Deno.env.toObject(), PATH: `${folder}:${PLAIN_ENV["PATH"]}` },
    });
    assert.equal(stdout, "found\n");
    assert.equal(await findProgram("only-here", PLAIN_ENV["PATH"] ?? ""), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a process whose first thread has ended lives for as long as another one does", () => {
  const stat = (state: string, threads: number) =>
    parseProcStat(`7 (qemu (x) y) ${state} 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 ${threads} 0 4242 0 0`);
  assert.deepEqual(stat("S", 3), { state: "S", threads: 3, startTicks: 4242 });
  const lives = (state: string, threads: number) => {
    const known = stat(state, threads);
    return known !== undefined && isLive(known);
  };
  assert.deepEqual([lives("R", 1), lives("Z", 1), lives("Z", 2), lives("X", 2)], [true, false, true, false]);
  assert.equal(parseProcStat("7 (x) S 1 2"), undefined);
});

Deno.test("a zombie is no live process, and ending it is done", async () => {
  // The shell becomes a program that does not know of the child, so nobody asks for its end.
  const child = new Deno.Command("sh", {
    args: ["-c", "sleep 0.2 & echo $!; exec sleep 600"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  try {
    const reader = child.stdout.getReader();
    const pid = Number(new TextDecoder().decode((await reader.read()).value));
    reader.releaseLock();
    const identity = await identityOf(pid);
    assert.ok(identity);
    assert.ok(await isAlive(identity));
    const state = async () => (await run("cat", { args: [`/proc/${pid}/stat`] })).stdout.split(") ")[1]?.[0];
    const deadline = performance.now() + 30_000;
    while (await state() !== "Z") assert.ok(performance.now() < deadline, "it has not ended");
    assert.equal(await isAlive(identity), false);
    assert.equal(await identityOf(pid), undefined);
    await endProcess(identity);
  } finally {
    child.kill("SIGKILL");
    await child.stdout.cancel();
    await child.status;
  }
});

Deno.test("a process of another start time or another boot is not the same one, whatever its pid", async () => {
  const own = await identityOf(Deno.pid);
  assert.ok(own && await isAlive(own));
  assert.equal(await isAlive({ ...own, startTicks: own.startTicks + 1 }), false);
  assert.equal(await isAlive({ ...own, bootId: "another" }), false);
});
