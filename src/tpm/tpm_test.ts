import assert from "node:assert/strict";
import fc from "fast-check";
import { processesMarked } from "../ports/own_processes.ts";
import { Failure } from "../core/problem.ts";
import { testHost } from "../qemu/testing.ts";
import { parsePrintedCapabilities, probeSwtpm } from "./probe.ts";
import { planTpmSetup, prepareTpm } from "./setup.ts";
import { swtpmCommand, swtpmValue } from "./swtpm.ts";

const SWTPM = testHost().swtpm ?? assert.fail("the made-up host has swtpm");

Deno.test("swtpmCommand() ends with QEMU, keeps others out and logs errors only", () => {
  const { args } = swtpmCommand(SWTPM, { stateDir: "/r/tpm", socket: "/r/tpm.sock", log: "/r/swtpm.log" });
  assert.ok(args.includes("--terminate"));
  assert.ok(args.includes("type=unixio,path=/r/tpm.sock,mode=0600"));
  assert.ok(args.includes("dir=/r/tpm,mode=0600"));
  assert.ok(args.includes("file=/r/swtpm.log,level=1"));
  assert.equal(args[args.indexOf("--seccomp") + 1], "action=kill");
  const older = swtpmCommand({ ...SWTPM, features: ["tpm-2.0"] }, {
    stateDir: "/r/tpm",
    socket: "/r/tpm.sock",
  });
  assert.ok(!older.args.includes("--seccomp"));
});

Deno.test("swtpmValue() refuses what would end or extend an option", () => {
  for (const bad of ["/a,mode=0777", "/a\nb", "relative", "", "/a\0"]) {
    assert.throws(() => swtpmValue(bad), (error) => error instanceof Failure && error.code === "usage");
  }
  assert.equal(swtpmValue("/a b=c"), "/a b=c");
});

Deno.test("parsePrintedCapabilities() reads the tools' JSON and survives any text", () => {
  const text = '{ "type": "swtpm", "features": [ "tpm-2.0", 7 ], "version": "0.7.1" }';
  assert.deepEqual(parsePrintedCapabilities(text), { version: "0.7.1", features: ["tpm-2.0"] });
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (any) => void parsePrintedCapabilities(any)));
});

Deno.test("probeSwtpm() finds this host's tools, and none in an empty path", async () => {
  const found = await probeSwtpm();
  assert.ok(found?.program.startsWith("/") && found.setupProgram.startsWith("/"));
  assert.equal(await probeSwtpm("/nowhere"), null);
});

Deno.test("prepareTpm() makes a state once, with an authority of its own, and keeps it when repeated", async () => {
  const swtpm = await probeSwtpm();
  assert.ok(swtpm);
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-tpm-" });
  try {
    const place = {
      stateDir: `${folder}/tpm`,
      authorityDir: `${folder}/ca`,
    };
    const plan = planTpmSetup(swtpm, place);
    await prepareTpm(plan);
    const first = await Deno.readFile(plan.stateFile);
    await prepareTpm(plan);
    assert.deepEqual(await Deno.readFile(plan.stateFile), first);
    assert.deepEqual([...Deno.readDirSync(`${folder}/tpm`)].map(({ name }) => name), ["tpm2-00.permall"]);
    assert.ok((await Deno.stat(`${folder}/ca/signkey.pem`)).isFile);
    assert.equal((await Deno.stat(`${folder}/ca`)).mode! & 0o777, 0o700); // Linux always has a mode
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepareTpm() that is called off leaves no half state, and nothing outside of its folder", async () => {
  const swtpm = await probeSwtpm();
  assert.ok(swtpm);
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-tpm-" });
  try {
    const plan = planTpmSetup(swtpm, { stateDir: `${folder}/tpm`, authorityDir: `${folder}/ca` });
    assert.equal(plan.command.env.TMPDIR, plan.workFolder);
    await Deno.mkdir(`${plan.workFolder}/left`, { recursive: true });
    const watcher = Deno.watchFs(folder); // not a folder that is made only now: what comes in that at once is missed
    const off = new AbortController();
    const making = prepareTpm(plan, off.signal);
    for await (const { paths } of watcher) if (paths.some((path) => path === plan.madeFile)) break;
    off.abort();
    await assert.rejects(making, (error) => error instanceof Failure && error.code === "cancelled");
    assert.deepEqual([...Deno.readDirSync(`${folder}/tpm`)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepareTpm() that is called off ends what its tool has started", async () => {
  const swtpm = await probeSwtpm();
  assert.ok(swtpm);
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-tpm-" });
  try {
    // A tool that starts another one and is killed before that has ended.
    const script = `#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\n: >"${folder}/begun"\nwait\n`;
    await Deno.writeTextFile(`${folder}/setup`, script, { mode: 0o700 });
    const plan = planTpmSetup({ ...swtpm, setupProgram: `${folder}/setup` }, {
      stateDir: `${folder}/tpm`,
      authorityDir: `${folder}/ca`,
    });
    await Deno.mkdir(plan.workFolder, { recursive: true });
    const watcher = Deno.watchFs(folder); // not a folder that is made only now: what comes in that at once is missed
    const off = new AbortController();
    const making = prepareTpm(plan, off.signal);
    for await (const { paths } of watcher) if (paths.some((path) => path.endsWith("/begun"))) break;
    off.abort();
    await assert.rejects(making, (error) => error instanceof Failure && error.code === "cancelled");
    assert.deepEqual(await processesMarked("TMPDIR", plan.workFolder), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("prepareTpm() reports the tool's own words when it fails", async () => {
  const swtpm = await probeSwtpm();
  assert.ok(swtpm);
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-tpm-" });
  try {
    const plan = planTpmSetup({ ...swtpm, localcaProgram: "/bin/false" }, {
      stateDir: `${folder}/tpm`,
      authorityDir: `${folder}/ca`,
    });
    await assert.rejects(
      prepareTpm(plan),
      (error) =>
        error instanceof Failure && error.code === "failed" &&
        /swtpm_setup could not.*exit code 1/.test(error.message),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
