import assert from "node:assert/strict";
import fc from "fast-check";
import { FAULTS, type PlanInput, planRound, throwAways } from "./plan.ts";

const input = (seed: number, round: number, more: Partial<PlanInput> = {}): PlanInput => ({
  seed,
  round,
  guests: ["a", "b", "c"],
  able: FAULTS,
  ...more,
});

Deno.test("a seed gives its plan again, another one gives another plan", () => {
  fc.assert(fc.property(fc.integer(), fc.nat(1000), (seed, round) => {
    assert.deepEqual(planRound(input(seed, round)), planRound(input(seed, round)));
  }));
  assert.notDeepEqual(planRound(input(1, 0)), planRound(input(2, 0)));
  assert.notDeepEqual(planRound(input(1, 0)), planRound(input(1, 1)));
});

Deno.test("a round has 5 to 20 actions and 1 to 3 faults, and only faults that the host can bring about", () => {
  fc.assert(fc.property(fc.integer(), fc.subarray([...FAULTS], { minLength: 1 }), (seed, able) => {
    const { asks, faults } = planRound(input(seed, 0, { able }));
    assert.ok(asks.length >= 5 && asks.length <= 20 && faults.length >= 1 && faults.length <= 3);
    for (const { fault } of faults) assert.ok(able.includes(fault.kind));
  }));
});

Deno.test("only throw-away guests are ever defined and deleted, and who waits for a guest without an agent dies", () => {
  for (let round = 0; round < 500; round++) {
    for (const { action, params, clientDiesAfterMs } of planRound(input(7, round)).asks) {
      if (action === "vm.delete") assert.ok(throwAways(round).includes(String(params.id)));
      if (params.wait === "ready") assert.notEqual(clientDiesAfterMs, undefined);
    }
  }
});

Deno.test("in many rounds every fault and every action of the plan comes", () => {
  const rounds = Array.from({ length: 200 }, (_, round) => planRound(input(3, round)));
  const kinds = new Set(rounds.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
  assert.deepEqual([...kinds].sort(), [...FAULTS].sort());
  const actions = new Set(rounds.flatMap(({ asks }) => asks.map(({ action }) => action)));
  for (const action of ["vm.start", "vm.kill", "vm.define", "job.cancel", "policy.apply"] as const) {
    assert.ok(actions.has(action), action);
  }
});
