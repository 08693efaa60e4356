import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../core/problem.ts";
import { ALLOWED_BLOCK_DRIVERS, ALLOWED_DEVICES } from "./allowed_devices.ts";
import { CPU_MODELS, resolveMachine } from "./machine.ts";
import { findQemu, parseCapabilities, probeQemu, QmpAnswers, qmpScript } from "./probe.ts";

Deno.test("probeQemu() finds in this host's QEMU everything that plans are made of", async () => {
  const found = await probeQemu(await findQemu());
  assert.ok(found.version.major >= 7);
  for (const device of ALLOWED_DEVICES) assert.ok(found.devices.includes(device), `${device} is not there`);
  for (const driver of ALLOWED_BLOCK_DRIVERS) assert.ok(found.blockDrivers.includes(driver), driver);
  for (const option of ["sandbox", "action"]) assert.ok(found.options.includes(option), option);
  assert.ok(found.tpmModels.includes("tpm-crb") && found.tpmTypes.includes("emulator"));
  assert.ok(found.netdevTypes.includes("stream"));
  assert.ok(["smm", "vmport", "i8042"].every((p) => found.machineProperties.includes(p)));
  assert.match(resolveMachineName(found.machines), /^pc-q35-\d+\.\d+$/);
  const cpu = found.cpuModels.find((model) => model.name === CPU_MODELS.tcg[0]);
  assert.ok(cpu?.migrationSafe && cpu.missing.length === 0, "TCG has to provide the model whole");
});

function resolveMachineName(machines: Parameters<typeof resolveMachine>[0]): string {
  const machine = resolveMachine(machines, "q35");
  return machine.ok ? machine.value.name : machine.error.message;
}

Deno.test("probeQemu() says of a program that is no QEMU what it did instead", async () => {
  await assert.rejects(
    probeQemu("/bin/false"),
    (error) => error instanceof Failure && error.code === "missing" && /exit code 1/.test(error.message),
  );
  await assert.rejects(
    findQemu("/nowhere:/etc"),
    (error) => error instanceof Failure && error.code === "missing",
  );
});

Deno.test("qmpScript() shakes hands first", () => {
  const lines = qmpScript({ a: { execute: "query-version" } }).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines, [{ execute: "qmp_capabilities" }, { execute: "query-version", id: "a" }]);
});

Deno.test("QmpAnswers is complete when each question has its answer, whatever the pieces that they come in", () => {
  const questions = { a: { execute: "query-version" }, b: { execute: "query-nothing" } };
  const text = '{"QMP":{}}\nnoise\n{"return":7,"id":"a"}\n{"error":{},"id":"b"}\n';
  fc.assert(fc.property(fc.array(fc.nat(text.length - 1), { maxLength: 6 }), (cuts) => {
    const said = new QmpAnswers(questions);
    const places = [0, ...cuts.toSorted((x, y) => x - y), text.length - 1];
    places.slice(1).forEach((to, i) => said.take(text.slice(places[i], to)));
    assert.equal(said.complete, false, "the last line has no end yet");
    said.take("\n");
    assert.equal(said.complete, true);
    assert.deepEqual([...said.answers], [["a", 7]]);
  }));
});

Deno.test("a QEMU that ends before it has answered all can do nothing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const half = `#!/bin/sh\nread x; read x\nprintf '{"return":{"qemu":{"major":7}},"id":"version"}\\n'\n`;
    await Deno.writeTextFile(`${folder}/half`, half, { mode: 0o700 });
    await assert.rejects(
      probeQemu(`${folder}/half`),
      (error) => error instanceof Failure && error.code === "missing",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a QEMU that is asked no more is ended, though it would wait for ever", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/mute`, "#!/bin/sh\nexec sleep 300\n", { mode: 0o700 });
    const calledOff = new AbortController();
    const asked = probeQemu(`${folder}/mute`, calledOff.signal);
    calledOff.abort();
    await assert.rejects(asked, (error) => error instanceof Failure && error.code === "cancelled");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("QmpAnswers and parseCapabilities() survive any output", () => {
  const answers = fc.dictionary(
    fc.constantFrom("version", "machines", "devices", "schema", "cpuModels"),
    fc.jsonValue(),
  );
  fc.assert(fc.property(answers, (value) => void parseCapabilities("/q", new Map(Object.entries(value)))));
  fc.assert(fc.property(fc.string(), (text) => new QmpAnswers({ a: { execute: "x" } }).take(text)));
});
