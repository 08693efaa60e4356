import assert from "node:assert/strict";
import fc from "fast-check";
import { GUEST_EVENTS, GUEST_STATES, type GuestState, hasProcess, transition } from "./states.ts";

Deno.test("transition() answers every pair of state and event with a state or a reason", () => {
  let legal = 0;
  for (const state of GUEST_STATES) {
    for (const event of GUEST_EVENTS) {
      const next = transition(state, event);
      if (next.ok) legal++;
      else assert.match(next.error.why, new RegExp(`'${event}'.*${state}`));
    }
  }
  assert.equal(legal, 49);
});

Deno.test("a guest whose process ended never keeps a state that has one", () => {
  for (const state of GUEST_STATES.filter(hasProcess)) {
    const next = transition(state, "died");
    assert.ok(next.ok && !hasProcess(next.value), state);
  }
});

Deno.test("a guest whose state is saved is suspended, whatever ended its QEMU; only a start or a drop ends that", () => {
  for (const state of ["suspending", "stopping"] as const) {
    const next = transition(state, "suspended");
    assert.ok(next.ok && next.value === "suspended", state);
  }
  const left = GUEST_EVENTS.filter((event) => transition("suspended", event).ok);
  assert.deepEqual(left, ["start", "dropped", "found_broken"]);
  const failed = transition("resuming", "start_failed");
  assert.ok(failed.ok && failed.value === "suspended", "a resume that fails keeps the state");
});

Deno.test("only `start` leads from a state without a process to one with a process", () => {
  for (const state of GUEST_STATES.filter((s) => !hasProcess(s))) {
    for (const event of GUEST_EVENTS) {
      const next = transition(state, event);
      if (next.ok && hasProcess(next.value)) assert.equal(event, "start");
    }
  }
});

Deno.test("any order of events leaves a guest in a known state from which it can be brought to rest", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(...GUEST_EVENTS)), (events) => {
    let state: GuestState = "stopped";
    for (const event of events) {
      const next = transition(state, event);
      if (next.ok) state = next.value;
    }
    assert.ok(GUEST_STATES.includes(state));
    if (hasProcess(state)) assert.ok(transition(state, "died").ok);
  }));
});
