import assert from "node:assert/strict";
import fc from "fast-check";
import {
  installMove,
  newRun,
  osText,
  parseRun,
  phaseOf,
  type RunState,
  runText,
  seen,
  type Sight,
} from "./run_state.ts";
import { nextStep, STEPS, stepsOf } from "./steps.ts";

const RUN: RunState = newRun({
  run: "11111111-2222-4333-8444-555555555555",
  vm: "web",
  type: "linux",
  begun_at: "2026-11-27T00:00:00.000Z",
  answers: "version = 0\n",
  folder: "/home/op",
  password: null,
  baseline: "clean",
});
const after = (...sights: Sight[]) => sights.reduce(seen, RUN);
const STARTED = { kind: "started" } as const;

Deno.test("what a guest runs is told with its version, and that once", () => {
  const told = [
    ["Debian GNU/Linux 12 (bookworm)", "12", "Debian GNU/Linux 12 (bookworm)"],
    ["Windows 11 Pro", "26100", "Windows 11 Pro 26100"],
    ["Alpine Linux v3.20", "3.20.1", "Alpine Linux v3.20 3.20.1"],
    ["unknown", "", "unknown"],
  ] as const;
  for (const [name, version, text] of told) assert.equal(osText({ name, version }), text);
});

Deno.test("the steps of a run follow each other to the last, and a run without a baseline ends before it", () => {
  for (const baseline of [true, false]) {
    const walked = [];
    for (let step = STEPS.at(0); step; step = nextStep(step, { baseline })) walked.push(step);
    assert.deepEqual(walked, stepsOf({ baseline }));
    assert.equal(walked.at(-1), baseline ? "baseline" : "verify");
  }
});

Deno.test("a run comes back from its file as it was, and another guest's is refused", () => {
  const run = after(STARTED, { kind: "reset" }, { kind: "os", name: "Debian", version: "12" });
  assert.deepEqual(parseRun(runText(run), "web"), { ok: true, value: run });
  assert.deepEqual(parseRun(runText(run), "other"), { ok: false, error: "it belongs to web" });
  for (const text of ["", "{}", "[]", "null", runText(run).slice(0, 40), '{"version":1}']) {
    assert.equal(parseRun(text, "web").ok, false, text);
  }
});

Deno.test("a restart of the installation forgets that the agent answered, and a new start forgets everything", () => {
  const run = after(STARTED, { kind: "booted" }, { kind: "agent" }, { kind: "reset" }, { kind: "reset" });
  assert.deepEqual(run.install, {
    starts: 1,
    booted: true,
    resets: 2,
    agent: false,
    done: false,
  });
  assert.deepEqual(seen(run, STARTED).install, {
    starts: 2,
    booted: false,
    resets: 0,
    agent: false,
    done: false,
  });
});

Deno.test("a guest that ended unseen is installed anew; one that runs is watched, and one that is done is left", () => {
  assert.equal(installMove(RUN, false), "start");
  assert.equal(installMove(after(STARTED), true), "watch");
  assert.equal(installMove(after(STARTED), false), "start_anew");
  for (const runs of [true, false]) {
    assert.equal(installMove(after(STARTED, { kind: "shut_down" }), runs), "over");
  }
});

Deno.test("phaseOf() tells the furthest that was seen", () => {
  assert.equal(phaseOf(RUN, false), "not started");
  assert.equal(phaseOf(after(STARTED), false), "firmware");
  assert.equal(phaseOf(after(STARTED, { kind: "booted" }), false), "setup");
  assert.equal(phaseOf(after(STARTED, { kind: "booted" }), true), "writes to its disk");
  assert.equal(phaseOf(after(STARTED, { kind: "reset" }), true), "after restart 1");
  assert.equal(phaseOf(after(STARTED, { kind: "reset" }, { kind: "agent" }), true), "agent answers");
  assert.equal(phaseOf(after(STARTED, { kind: "agent" }, { kind: "shut_down" }), true), "shut down");
  const os = { kind: "os", name: "Windows 11 Pro", version: "22631" } as const;
  assert.equal(phaseOf(after(STARTED, { kind: "agent" }, os), true), "agent answers: Windows 11 Pro 22631");
});

Deno.test("whatever is seen, in any order, a run can be written and read again; a guest's words are harmless in it", () => {
  const sight: fc.Arbitrary<Sight> = fc.oneof(
    fc.constantFrom<Sight>(STARTED, { kind: "booted" }, { kind: "reset" }, { kind: "agent" }, {
      kind: "shut_down",
    }),
    fc.record({
      kind: fc.constant("os" as const),
      name: fc.string({ unit: "binary", maxLength: 400 }),
      version: fc.string({ unit: "binary", maxLength: 400 }),
    }),
  );
  fc.assert(fc.property(fc.array(sight, { maxLength: 20 }), (sights) => {
    const run = after(...sights);
    assert.deepEqual(parseRun(runText(run), "web"), { ok: true, value: run });
    // deno-lint-ignore no-control-regex -- those are what must not be there
    assert.doesNotMatch(run.os?.name ?? "", /[\x00-\x1f\x7f-\x9f]/);
  }));
});
