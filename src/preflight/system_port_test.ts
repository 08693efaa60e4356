import assert from "node:assert/strict";
import { storeEvidence } from "../efi/evidence.ts";
import { chooseFirmware } from "../qemu/firmware.ts";
import { Failure } from "../core/problem.ts";
import { systemPort } from "./system_port.ts";

const { signal } = new AbortController();

async function qemuImg(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("qemu-img", { args, stdout: "null", stderr: "piped" })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("variables() reads the same from the firmware's template and from a guest's qcow2 of it", () =>
  withFolder(async (folder) => {
    const choice = chooseFirmware(await systemPort.probes.firmware(), {
      ...{ machine: "pc-q35-7.2", secureBoot: true, enrolledKeys: true, smm: true },
      architecture: "x86_64",
    });
    assert.ok(choice.ok);
    const template = choice.value.varsTemplate;
    const path = `${folder}/vars.qcow2`;
    await qemuImg("convert", "-f", template.format, "-O", "qcow2", template.path, path);
    const [first, second] = await Promise.all([
      systemPort.probes.variables(template, signal),
      systemPort.probes.variables({ path, format: "qcow2" }, signal),
    ]);
    assert.ok((storeEvidence(first)?.secureBoot.db.length ?? 0) > 0);
    assert.deepEqual(storeEvidence(second), storeEvidence(first));
  }));

Deno.test("variables() refuses what a guest may have made of its file", () =>
  withFolder(async (folder) => {
    const refuses = (name: string, code: string) =>
      assert.rejects(
        systemPort.probes.variables({ path: `${folder}/${name}`, format: "qcow2" }, signal),
        (error) => error instanceof Failure && error.code === code,
        name,
      );
    await Deno.writeTextFile(`${folder}/secret`, "x".repeat(4096));
    await qemuImg("create", "-q", "-f", "qcow2", "-b", `${folder}/secret`, "-F", "raw", `${folder}/backed`);
    await refuses("backed", "path_escape");
    await qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${folder}/data`, `${folder}/apart`, "1M");
    await refuses("apart", "path_escape");
    await qemuImg("create", "-q", "-f", "qcow2", `${folder}/huge`, "1T");
    await refuses("huge", "io");
    await refuses("secret", "io");
    await refuses("none", "not_found");
  }));

Deno.test("the port of this host asks what is there, and says of what is not that it is not", async () => {
  assert.ok((await systemPort.read("/proc/meminfo"))?.includes("MemTotal"));
  assert.equal(await systemPort.read("/proc/no/such"), undefined);
  assert.equal(await systemPort.read("/no/such"), undefined);
  assert.equal((await systemPort.stat("/etc"))?.kind, "dir");
  assert.equal(await systemPort.stat("/no/such"), undefined);
  assert.deepEqual(await systemPort.list("/no/such"), []);
  assert.equal(await systemPort.mayUse("/dev/null", signal), true);
  assert.equal(await systemPort.mayUse("/no/such", signal), false);
  assert.ok((await systemPort.find("cat"))?.inPath);
  assert.equal(await systemPort.find("no-such-program"), undefined);
  assert.equal((await systemPort.run("no-such-program", [], 1_000, signal)).kind, "missing");
});

Deno.test("sha256() is that of sha256sum, tells how far it is, and can be called off", () =>
  withFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.writeFile(path, new Uint8Array(2_500_000).fill(7));
    const told: number[] = [];
    const own = await systemPort.probes.sha256(path, (bytes) => told.push(bytes), signal);
    const { stdout } = await new Deno.Command("sha256sum", { args: [path] }).output();
    assert.equal(own, new TextDecoder().decode(stdout).split(" ")[0]);
    assert.equal(told.at(-1), 2_500_000);
    const called = AbortSignal.abort();
    await assert.rejects(systemPort.probes.sha256(path, () => {}, called), Failure);
  }));
