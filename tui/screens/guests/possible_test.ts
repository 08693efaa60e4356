import assert from "node:assert/strict";
import { ACTION_IDS, actionSpec } from "../../../src/actions/table.ts";
import { GUEST_STATES } from "../../../src/lifecycle/states.ts";
import { guestsModel, SIX, testGuest } from "./testing.ts";
import { basisOf, whyNot, whyNotOn, worthAsking } from "./possible.ts";

Deno.test("whyNotOn() agrees with the action table about every action in every state, and says why", () => {
  for (const action of ACTION_IDS) {
    const { states } = actionSpec(action);
    if (!states) continue;
    for (const state of GUEST_STATES) {
      const guest = testGuest("web", { state, pause_reason: null });
      const why = whyNotOn(guestsModel([guest]), action, guest);
      if (states.includes(state)) assert.equal(why, undefined, `${action} when ${state}`);
      else assert.match(why ?? "", new RegExp(`^it is ${state}; possible when `), `${action} when ${state}`);
    }
  }
});

Deno.test("whyNot() says first what holds for every action: read-only, no supervisor, no guest", () => {
  const model = guestsModel(SIX, { selected: "build" });
  assert.equal(whyNot(model, "vm.stop"), undefined);
  assert.equal(
    whyNot({ ...model, prefs: { ...model.prefs, readOnly: true } }, "vm.stop"),
    "the UI is read-only",
  );
  assert.equal(whyNot({ ...model, prefs: { ...model.prefs, readOnly: true } }, "vm.argv"), undefined);
  const lost = { kind: "lost", since: 0, why: "gone" } as const;
  assert.equal(whyNot({ ...model, connection: lost }, "vm.stop"), "no supervisor answers");
  assert.equal(whyNot(guestsModel([]), "vm.stop"), "there is no guest");
});

Deno.test("whyNot() of marked guests wants one of them to be able, and one alone where only one can be meant", () => {
  assert.equal(whyNot(guestsModel(SIX, { marks: ["build", "web"] }), "vm.stop"), undefined);
  assert.equal(
    whyNot(guestsModel(SIX, { marks: ["mail", "web"] }), "vm.stop"),
    "not possible on any of the 2 marked guests",
  );
  assert.match(
    whyNot(guestsModel(SIX, { marks: ["build", "db"] }), "vm.present") ?? "",
    /^one guest at most/,
  );
});

Deno.test("what policy was found to refuse is said as long as nothing has changed that it hangs on", () => {
  const guest = testGuest("web");
  const model = guestsModel([guest]);
  const explained = {
    vm: "web",
    basis: basisOf(model, guest),
    refusals: { "vm.start": "kind_disabled: no linux" },
  };
  const asked = guestsModel([guest], { explained });
  assert.equal(whyNotOn(asked, "vm.start", guest), "kind_disabled: no linux");
  assert.equal(whyNotOn(asked, "baseline.create", guest), undefined);
  const status = asked.status && { ...asked.status, presented: "db" };
  assert.equal(whyNotOn({ ...asked, status }, "vm.start", guest), undefined);
});

Deno.test("only actions that the state allows are worth a question to policy", () => {
  assert.deepEqual(worthAsking(testGuest("web")), ["vm.start", "vm.delete", "baseline.create"]);
  assert.deepEqual(worthAsking(testGuest("web", { state: "running" })), [
    "vm.present",
    "vm.suspend",
    "vm.reset",
  ]);
  assert.deepEqual(worthAsking(testGuest("web", { state: "broken" })), []);
});
