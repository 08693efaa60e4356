import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { crashReport, watchForCrash, writeReport } from "./own_crash.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";

const FACTS = { version: "1.2.3", pid: 42, invocation: undefined };
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-crash-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a report names the supervisor, the error with its stack, and what caused it", () => {
  const error = new TypeError("outer", { cause: new Error("inner", { cause: "a word" }) });
  const report = crashReport(error, "rejection", { ...FACTS, invocation: "abc" }, 1_000, 61_000);
  assert.equal(report.supervisor, "1.2.3");
  assert.equal(report.pid, 42);
  assert.equal(report.at, "1970-01-01T00:01:01.000Z");
  assert.equal(report.ran_ms, 60_000);
  assert.equal(report.invocation, "abc");
  assert.equal(report.kind, "rejection");
  const chain = report.error as { name: string; message: string; stack?: string[] }[];
  assert.deepEqual(chain.map(({ name, message }) => [name, message]), [
    ["TypeError", "outer"],
    ["Error", "inner"],
    ["string", "a word"],
  ]);
  assert.match(chain[0]?.stack?.[1] ?? "", /own_crash_test\.ts/);
});

Deno.test("a report is bounded and harmless, whatever was thrown", () =>
  withFolder(async (folder) => {
    const endless = new Error("e");
    endless.cause = endless;
    const values = [
      new Error(`\u001b[2J\u202eevil\u2028${"x".repeat(1e6)}`),
      endless,
      "y".repeat(1e6),
      undefined,
      null,
      { toString: () => "object" },
      Symbol("s"),
    ];
    for (const [at, value] of values.entries()) {
      const path = writeReport(
        { crashFolder: folder, pid: at },
        0,
        crashReport(value, "exception", FACTS, 0, 0),
      );
      const text = await Deno.readTextFile(path ?? assert.fail());
      assert.ok(text.length < 100_000, `${text.length} bytes`);
      assert.doesNotMatch(text, UNSAFE);
      assert.equal(JSON.parse(text).kind, "exception");
    }
  }));

Deno.test("so many reports are kept, the oldest go; those of a guest with the name supervisor are not touched", () =>
  withFolder(async (folder) => {
    const ofGuest = "supervisor-2020-01-01T000000000Z.json";
    await Deno.writeTextFile(`${folder}/${ofGuest}`, "{}");
    for (let n = 0; n < 25; n++) writeReport({ crashFolder: folder, pid: 1 }, n * 60_000, { n });
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.equal(names.length, 21);
    assert.ok(names.includes(ofGuest));
    assert.equal(names[0], "supervisor-1970-01-01T000500000Z-1.json");
  }));

Deno.test("where no report can be written the crash is told all the same", () => {
  assert.equal(writeReport({ crashFolder: "/nowhere/crash", pid: 1 }, 0, {}), undefined);
});

Deno.test("the first error that nobody caught is written down and told; those after it change nothing", () =>
  withFolder(async (crashFolder) => {
    const told: string[] = [];
    const watch = watchForCrash({ ...FACTS, crashFolder, clock: new ManualClock() }, ({ message }) => {
      told.push(message);
    });
    try {
      watch.throwIfCrashed();
      for (const error of [new Error("first"), new Error("second")]) {
        dispatchEvent(new ErrorEvent("error", { error, cancelable: true }));
      }
      assert.deepEqual(told, ["Error: first"]);
      const { problem } = failure(() => watch.throwIfCrashed());
      assert.equal(problem.code, "internal");
      assert.match(problem.message, /Error: first/);
      const report = JSON.parse(await Deno.readTextFile(problem.path ?? ""));
      assert.equal(report.error[0].message, "first");
      watch.ended(problem);
      assert.equal([...Deno.readDirSync(crashFolder)].length, 1);
    } finally {
      watch.close();
    }
  }));

Deno.test("an error that the supervisor ends with is written down; a refusal with words of its own is not", () =>
  withFolder((crashFolder) => {
    const watch = watchForCrash({ ...FACTS, crashFolder, clock: new ManualClock() }, () => assert.fail());
    try {
      watch.ended(new Failure({ code: "busy", message: "held by another" }));
      assert.equal([...Deno.readDirSync(crashFolder)].length, 0);
      watch.ended(new TypeError("a defect"));
      assert.equal([...Deno.readDirSync(crashFolder)].length, 1);
    } finally {
      watch.close();
    }
  }));

function failure(throwing: () => void): Failure {
  try {
    throwing();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return assert.fail("nothing was thrown");
}
