import assert from "node:assert/strict";
import { frame } from "../../testing.ts";
import { arrangementOf, listHeight } from "./arrangement.ts";
import { guestsModel, SIX, SIX_FIGURES, testEvent, testGuest } from "./testing.ts";

Deno.test("details stand beside the list where it is wide, below where it is high enough, and else wait for a key", () => {
  const rows: readonly [number, number, string][] = [
    [60, 16, "alone"],
    [99, 60, "alone"],
    [100, 29, "alone"],
    [100, 30, "below"],
    [159, 60, "below"],
    [160, 16, "beside"],
  ];
  for (const [columns, rows_, expected] of rows) {
    assert.equal(arrangementOf({ columns, rows: rows_ }), expected, `${columns}x${rows_}`);
  }
});

Deno.test("the list and what is below it have room in every size", () => {
  for (let rows = 30; rows < 120; rows++) {
    const height = listHeight({ columns: 120, rows });
    assert.ok(height >= 12 && rows - 4 - height >= 14, `${rows}: ${height}`);
  }
});

Deno.test("the heading of the details stays in its row, however many guests there are and whatever a toast says", () => {
  const size = { columns: 120, rows: 34 };
  const of = (guests: Parameters<typeof guestsModel>[0], more: Parameters<typeof guestsModel>[2] = {}) =>
    frame(guestsModel(guests, { selected: "build" }, { size, ...more }), size).split("\n")
      .findIndex((line) => line.startsWith("build ─"));
  const one = of([testGuest("build")]);
  assert.ok(one > 0);
  assert.equal(of(SIX, { figures: SIX_FIGURES }), one);
  const many = Array.from({ length: 99 }, (_, i) => testGuest(`guest-${i}`));
  assert.equal(of([testGuest("build"), ...many]), one);
  assert.equal(of(SIX, { toasts: [{ id: 1, tone: "bad", text: "no", at: 0 }] }), one);
  assert.equal(of(SIX, { events: [testEvent(1, "RAYOS_VM:start", { vm: "build" })] }), one);
});
