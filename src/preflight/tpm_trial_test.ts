import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { probeSwtpm } from "../tpm/probe.ts";
import { tryTpm } from "./tpm_trial.ts";

/** Runs `work` with temporary files in a folder of its own, which must be empty afterwards. */
async function leavingNothing(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp" }), before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", folder);
  try {
    await work(folder);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    await Deno.remove(folder, { recursive: true });
  }
}

async function realSwtpm() {
  const swtpm = await probeSwtpm();
  assert.ok(swtpm);
  return swtpm;
}

Deno.test("tryTpm() makes a real TPM that passes its self test, and leaves nothing", async () => {
  const swtpm = await realSwtpm();
  await leavingNothing(async () => {
    const trial = await tryTpm(swtpm, 60_000, new AbortController().signal);
    assert.deepEqual(trial, { version: swtpm.version, responseCode: 0 });
  });
});

Deno.test("tryTpm() says in the tool's words why no TPM can be made", async () => {
  const swtpm = await realSwtpm();
  await leavingNothing(async () => {
    const broken = { ...swtpm, localcaProgram: "/no/such/tool" };
    await assert.rejects(
      tryTpm(broken, 60_000, new AbortController().signal),
      (error) =>
        error instanceof Failure && error.code === "failed" && /swtpm_setup could not/.test(error.message),
    );
  });
});

Deno.test("tryTpm() says that swtpm ended instead of answering", async () => {
  const swtpm = await realSwtpm();
  await leavingNothing(async () => {
    await assert.rejects(
      tryTpm({ ...swtpm, program: "/bin/false" }, 60_000, new AbortController().signal),
      (error) => error instanceof Failure && /swtpm ended before it had answered/.test(error.message),
    );
  });
});

Deno.test("tryTpm() ends a tool that hangs, and one that is called off", async () => {
  const swtpm = await realSwtpm();
  await leavingNothing(async (folder) => {
    const hanging = `${folder}/hang`;
    await Deno.writeTextFile(hanging, "#!/bin/sh\ntrap '' TERM\nsleep 600\n", { mode: 0o755 });
    const setup = { ...swtpm, setupProgram: hanging };
    await assert.rejects(
      tryTpm(setup, 200, new AbortController().signal),
      (error) => error instanceof Failure && error.code === "outcome_unknown",
    );
    const abort = new AbortController();
    const work = tryTpm(setup, 60_000, abort.signal);
    abort.abort();
    await assert.rejects(work, (error) => error instanceof Failure && error.code === "cancelled");
    await Deno.remove(hanging);
  });
});
