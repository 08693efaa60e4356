import assert from "node:assert/strict";
import { RUN_STATES, type RunState } from "../qmp/command_types.ts";
import { type Found, type Verdict, verdictOf } from "./verdict.ts";

/** QEMU that has run since it was stopped for saving or started for loading, or may have. */
const ALIVE: readonly RunState[] = [
  "running",
  "debug",
  "internal-error",
  "io-error",
  "shutdown",
  "suspended",
  "watchdog",
  "guest-panicked",
  "colo",
  "unknown",
];
const STILL: readonly RunState[] = [
  "prelaunch",
  "inmigrate",
  "paused",
  "postmigrate",
  "finish-migrate",
  "restore-vm",
  "save-vm",
];
const STANDSTILLS = [undefined, "run", "stay"] as const;

Deno.test("verdictOf() knows every run state of QEMU's, once", () => {
  assert.deepEqual([...ALIVE, ...STILL].sort(), [...RUN_STATES, "unknown"].sort());
});

Deno.test("verdictOf() in every combination of manifest, standstill and QEMU", () => {
  const expected = ({ manifest, standstill, qemu }: Found): Verdict => {
    if (qemu === undefined) return manifest ? "suspended" : "stopped";
    const still = STILL.includes(qemu);
    if (manifest) return still ? "end_qemu" : "drop_state";
    if (qemu === "inmigrate") return "end_empty";
    return still && standstill === "run" ? "let_run" : "as_it_is";
  };
  let combinations = 0;
  for (const manifest of [true, false]) {
    for (const standstill of STANDSTILLS) {
      for (const qemu of [undefined, ...ALIVE, ...STILL]) {
        const found = { manifest, standstill, qemu };
        assert.equal(verdictOf(found), expected(found), JSON.stringify(found));
        combinations++;
      }
    }
  }
  assert.equal(combinations, 2 * 3 * 18);
});

Deno.test("a guest never runs beside a state that could be used again", () => {
  for (const standstill of STANDSTILLS) {
    for (const qemu of [...ALIVE, ...STILL]) {
      const verdict = verdictOf({ manifest: true, standstill, qemu });
      assert.ok(verdict === "end_qemu" || verdict === "drop_state", `${qemu}: ${verdict}`);
    }
  }
});

Deno.test("a guest that the operator has paused is never let run", () => {
  for (const standstill of [undefined, "stay"] as const) {
    for (const qemu of [...ALIVE, ...STILL]) {
      assert.notEqual(verdictOf({ manifest: false, standstill, qemu }), "let_run");
    }
  }
});
