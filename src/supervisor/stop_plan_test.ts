import assert from "node:assert/strict";
import fc from "fast-check";
import { stopPlan } from "./stop_plan.ts";

Deno.test("stopPlan() asks the agent first, then ACPI, then QEMU, then the kernel", () => {
  const steps = stopPlan({ graceMs: 60_000, agentAnswers: true, paused: false }).map((s) => s.step);
  assert.deepEqual(steps, ["agent", "acpi", "quit", "kill"]);
});

Deno.test("stopPlan() does not ask a guest that can't answer", () => {
  assert.deepEqual(stopPlan({ graceMs: 60_000, agentAnswers: true, paused: true }).map((s) => s.step), [
    "quit",
    "kill",
  ]);
  assert.deepEqual(stopPlan({ graceMs: 0, agentAnswers: true, paused: false }).map((s) => s.step), [
    "quit",
    "kill",
  ]);
  assert.deepEqual(stopPlan({ graceMs: 9, agentAnswers: false, paused: false }).map((s) => s.step), [
    "acpi",
    "quit",
    "kill",
  ]);
});

Deno.test("stopPlan() gives the guest its whole grace and always ends with a kill", () => {
  fc.assert(
    fc.property(fc.nat(3_600_000), fc.boolean(), (graceMs, agentAnswers) => {
      const plan = stopPlan({ graceMs, agentAnswers, paused: false });
      assert.equal(plan.at(-1)?.step, "kill");
      const asked = plan.filter((s) => s.step === "agent" || s.step === "acpi");
      assert.equal(asked.reduce((sum, s) => sum + s.waitMs, 0), graceMs);
    }),
  );
});
