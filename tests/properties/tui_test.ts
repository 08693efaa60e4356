import assert from "node:assert/strict";
import fc from "fast-check";
import { GRAVE, OWN_WORK, steps, walk, walked } from "./tui_walk.ts";

const MOST_SEEDS = 30;

Deno.test("whatever is pressed and whatever happens, the UI goes on, and nothing grave comes without its question answered", () => {
  fc.assert(fc.property(steps, (all) => walk(all)), { numRuns: 300 });
});

Deno.test("a read-only UI changes nothing, whatever is pressed and whatever happens", () => {
  fc.assert(fc.property(steps, (all) => walk(all, true)), { numRuns: 150 });
});

Deno.test("the walks come to everything that is grave, by its question", () => {
  const left = new Set<string>([...GRAVE, ...OWN_WORK]);
  // As many walks as it takes: which ones come to what changes with every key that does something else.
  for (let seed = 1; seed <= MOST_SEEDS && left.size > 0; seed++) {
    for (const all of fc.sample(steps, { numRuns: 300, seed })) {
      for (const what of walked(all).done) left.delete(what);
    }
  }
  assert.deepEqual([...left], []);
});

Deno.test("every action that ends, removes or widens something is among those that are asked about", () => {
  for (const action of ["vm.stop", "vm.kill", "vm.reset", "vm.delete", "policy.apply"] as const) {
    assert.ok(GRAVE.includes(action), action);
  }
});
