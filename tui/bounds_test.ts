/** What grows with time, with guests or with what happens has its bounds. */
import assert from "node:assert/strict";
import type { GuestFigures } from "../src/actions/live_views.ts";
import { frameRows } from "./frame.ts";
import type { Message } from "./messages.ts";
import type { Model } from "./model.ts";
import { ALL_SCREENS } from "./screens/all.ts";
import {
  guestsModel,
  testEvent,
  testFigures,
  testGuest,
  testSample,
  testStatus,
} from "./screens/guests/testing.ts";
import { Driver, TEST_NOW } from "./testing.ts";

const GUESTS = Array.from({ length: 5 }, (_, i) => testGuest(`guest-${i}`));

/** What comes in one second, and then an action that has failed and a question that is left. */
function second(at: number): Message[] {
  const changed = GUESTS.map((guest, i) => ({ ...guest, ready: (at + i) % 2 === 0 }));
  return [
    { type: "tick", now: TEST_NOW + at * 1_000 },
    ...changed.map(({ id }): Message => ({
      type: "event",
      event: testEvent(at % 60, "RAYOS_VM:pause", { vm: id }),
    })),
    { type: "live", sample: testSample(changed) },
    { type: "status", status: testStatus(changed) },
    {
      type: "came",
      now: TEST_NOW + at * 1_000,
      action: "vm.start",
      params: { id: "guest-1" },
      result: { ok: false, problem: { code: "denied", message: "no" } },
    },
    { type: "key", key: { name: "x" } },
    { type: "key", key: { name: "?" } },
  ];
}

function sizeOf(model: Model): number {
  return JSON.stringify(model, (_, value) => value instanceof Map ? [...value] : value).length;
}

Deno.test("a model that has seen two hours is no larger than one that has seen one", () => {
  const ui = new Driver(guestsModel(GUESTS));
  const hour = (from: number) => {
    for (let at = from; at < from + 3_600; at++) ui.send(...second(at));
    ui.effects.length = 0;
    return sizeOf(ui.model);
  };
  const one = hour(0), two = hour(3_600);
  assert.ok(two <= one * 1.01, `${one} and then ${two} characters`);
});

/** Counts how often somebody looks for the figures of a guest. */
class Counted extends Map<string, GuestFigures> {
  looks = 0;

  override get(id: string): GuestFigures | undefined {
    this.looks++;
    return super.get(id);
  }
}

Deno.test("only rows that are seen are laid out, however many guests there are", () => {
  const looks = (count: number) => {
    const guests = Array.from({ length: count }, (_, i) => testGuest(`guest-${i}`));
    const figures = new Counted(guests.map(({ id }) => [id, testFigures(id)]));
    const model = { ...guestsModel(guests), figures, size: { columns: 200, rows: 40 } };
    frameRows(model, ALL_SCREENS); // puts them in order, once
    figures.looks = 0;
    frameRows(model, ALL_SCREENS);
    return figures.looks;
  };
  const few = looks(40);
  assert.ok(few > 30);
  assert.equal(looks(5_000), few);
});
