import assert from "node:assert/strict";
import fc from "fast-check";
import { GRAVE, OWN_WORK, steps, walk, walked } from "./tui_walk.ts";

Deno.test("whatever is pressed and whatever happens, the UI goes on, and nothing grave comes without its question answered", () => {
  fc.assert(fc.property(steps, (all) => walk(all)), { numRuns: 300 });
});

Deno.test("a read-only UI changes nothing, whatever is pressed and whatever happens", () => {
  fc.assert(fc.property(steps, (all) => walk(all, true)), { numRuns: 150 });
});

Deno.test("the walks come to everything that is grave, by its question", () => {
  const done = new Set<string>();
  for (const all of fc.sample(steps, { numRuns: 600, seed: 1 })) {
    for (const what of walked(all).done) done.add(what);
  }
  assert.deepEqual([...GRAVE, ...OWN_WORK].filter((what) => !done.has(what)), []);
});

Deno.test("every action that ends, removes or widens something is among those that are asked about", () => {
  for (const action of ["vm.stop", "vm.kill", "vm.reset", "vm.delete", "policy.apply"] as const) {
    assert.ok(GRAVE.includes(action), action);
  }
});
