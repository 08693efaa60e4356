import assert from "node:assert/strict";
import { RUN_STATES } from "../qmp/command_types.ts";
import { deriveGuest } from "./derive.ts";
import { PAUSE_REASONS } from "./states.ts";

Deno.test("deriveGuest() takes a guest over by every state that QEMU may be in, and never takes standing still for running", () => {
  const running = ["running", "suspended"];
  const never = { prelaunch: "undo_start", inmigrate: "undo_start", shutdown: "finish_shutdown" } as const;
  for (const runState of [...RUN_STATES, "unknown"] as const) {
    const derived = deriveGuest({ kind: "answers", runState }, () => false);
    if (Object.hasOwn(never, runState)) {
      assert.equal(derived.kind, never[runState as keyof typeof never]);
      continue;
    }
    assert.equal(derived.kind, "adopt", runState);
    assert.ok(derived.kind === "adopt");
    assert.equal(derived.state, running.includes(runState) ? "running" : "paused", runState);
    if (derived.state === "paused") assert.ok(PAUSE_REASONS.includes(derived.reason));
  }
});

Deno.test("deriveGuest() counts a process that can't be talked to, and nothing where there is none", () => {
  const never = () => assert.fail("it need not be known whether it ran");
  assert.deepEqual(deriveGuest({ kind: "silent", why: "x" }, never), { kind: "unreachable", why: "x" });
  assert.deepEqual(deriveGuest({ kind: "none" }, never), { kind: "stopped" });
  assert.equal(deriveGuest({ kind: "answers", runState: "running" }, never).kind, "adopt");
});

Deno.test("deriveGuest() undoes a start only of a guest that never ran: one that was reset while paused stands there too", () => {
  const found = { kind: "answers", runState: "prelaunch" } as const;
  assert.deepEqual(deriveGuest(found, () => false), { kind: "undo_start" });
  assert.deepEqual(deriveGuest(found, () => true), { kind: "adopt", state: "paused", reason: "operator" });
});
