import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../core/problem.ts";
import { ALLOWED_BLOCK_DRIVERS, ALLOWED_DEVICES } from "./allowed_devices.ts";
import { CPU_MODELS, resolveMachine } from "./machine.ts";
import { findQemu, parseCapabilities, probeQemu, qmpAnswers, qmpScript } from "./probe.ts";

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

Deno.test("qmpScript() shakes hands first and quits last", () => {
  const lines = qmpScript({ a: { execute: "query-version" } }).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines, [{ execute: "qmp_capabilities" }, { execute: "query-version", id: "a" }, {
    execute: "quit",
  }]);
});

Deno.test("qmpAnswers() and parseCapabilities() survive any output", () => {
  assert.deepEqual([...qmpAnswers('{"QMP":{}}\nnoise\n{"return":7,"id":"a"}\n{"error":{},"id":"b"}\n')], [[
    "a",
    7,
  ]]);
  const answers = fc.dictionary(
    fc.constantFrom("version", "machines", "devices", "schema", "cpuModels"),
    fc.jsonValue(),
  );
  fc.assert(fc.property(answers, (value) => void parseCapabilities("/q", new Map(Object.entries(value)))));
  fc.assert(fc.property(fc.string(), (text) => void qmpAnswers(text)));
});
