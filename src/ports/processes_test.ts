import assert from "node:assert/strict";
import fc from "fast-check";
import { findProgram } from "./folders.ts";
import { PLAIN_ENV, run } from "./processes.ts";
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
