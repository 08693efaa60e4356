import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_IDS, actionSpec } from "../../../src/actions/table.ts";
import { GUEST_STATES } from "../../../src/lifecycle/states.ts";
import { guestsModel, testDetail, testEvent, testGuest, testSample, testStatus } from "./testing.ts";
import { Driver, TEST_NOW } from "../../testing.ts";
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import { KEYS } from "./keys.ts";
import { indexOf, selectedOf } from "./rows.ts";

const ids = fc.constantFrom("web", "db", "gate-1", "a", "z.9");
const guests = fc.uniqueArray(
  fc.tuple(ids, fc.constantFrom(...GUEST_STATES), fc.boolean(), fc.constantFrom("linux", "windows", null)),
  { selector: ([id]) => id, maxLength: 5 },
).map((all) => all.map(([id, state, presented, kind]) => testGuest(id, { state, presented, kind })));

const names = [
  ...KEYS.flatMap(({ keys }) => keys),
  "y",
  "n",
  "q",
  "tab",
  "backspace",
  ":",
  "?",
  "J",
  "1",
  "2",
];
const key = fc.constantFrom(...names.filter((name) => name !== "q"))
  .map((name): Message => ({ type: "key", key: { name } }));

const problem = {
  ok: false,
  problem: { code: "denied", message: "no", reasons: [{ rule: "x", why: "y" }] },
} as const;
const result = fc.constantFrom({ ok: true, value: {} } as const, problem);

const message: fc.Arbitrary<Message> = fc.oneof(
  { weight: 6, arbitrary: key },
  guests.map((all): Message => ({ type: "status", status: testStatus(all) })),
  guests.map((all): Message => ({ type: "live", sample: testSample(all) })),
  fc.nat(10).map((s): Message => ({ type: "tick", now: TEST_NOW + s * 1000 })),
  fc.constant<Message>({ type: "connected", now: TEST_NOW }),
  fc.constant<Message>({ type: "lost", now: TEST_NOW, why: "gone" }),
  ids.map((vm): Message => ({ type: "event", event: testEvent(1, "RAYOS_VM:stop", { vm, step: "acpi" }) })),
  fc.record({ id: ids, action: fc.constantFrom(...ACTION_IDS), result })
    .map(({ id, action, result }): Message => ({
      type: "came",
      now: TEST_NOW,
      action,
      params: { id },
      result,
    })),
  fc.record({ id: ids, result }).map(({ id, result }): Message => ({
    type: "answered",
    tag: `guests:argv:${id}`,
    result,
  })),
  ids.map((id): Message => ({
    type: "answered",
    tag: `guests:show:${id}`,
    result: { ok: true, value: testDetail(testGuest(id)) },
  })),
  ids.map((id): Message => ({
    type: "answered",
    tag: `guests:net:${id}`,
    result: {
      ok: true,
      value: { vm: id, network: "off", asked: null, granted: "off", profiles: [], defined: [], on: null },
    },
  })),
);

Deno.test("whatever happens, the cursor is on a guest that is there, and no action comes without its question", () => {
  fc.assert(
    fc.property(guests, fc.array(message, { maxLength: 60 }), fc.boolean(), (first, messages, wide) => {
      const size = { columns: wide ? 120 : 80, rows: 24 };
      const ui = new Driver(guestsModel(first, {}, { size }));
      for (const message of messages) {
        const before = ui.model;
        ui.effects.length = 0;
        ui.send(message);
        check(before, ui);
      }
    }),
    { numRuns: 300 },
  );
});

function check(before: Model, ui: Driver): void {
  const selected = selectedOf(ui.model);
  if (selected !== undefined) assert.ok(ui.model.guests.some(({ id }) => id === selected.id));
  else assert.equal(indexOf(ui.model), undefined);
  for (const effect of ui.effects) {
    if (effect.do !== "perform") continue;
    const { risk } = actionSpec(effect.action);
    if (risk === "none" || risk === "low") continue;
    const top = before.overlays.at(-1);
    assert.equal(top?.kind, "confirm", `${effect.action} without a question`);
    if (risk === "destructive" && top?.kind === "confirm") {
      assert.ok(
        top.typed !== undefined && top.typed.given === top.typed.word,
        `${effect.action} without its word`,
      );
    }
  }
}
