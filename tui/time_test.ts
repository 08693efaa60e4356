import assert from "node:assert/strict";
import { calendarDay, clockTime, localTime, zoneOf } from "./time.ts";

const NOON = Date.parse("2026-01-31T12:00:00Z");

/** Runs `use` with the clock of another place. */
function inZone(zone: string, use: () => void): void {
  const before = Deno.env.get("TZ");
  Deno.env.set("TZ", zone);
  try {
    use();
  } finally {
    if (before === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", before);
  }
}

Deno.test("times are of this place, with its zone, and the day where it is another", () => {
  inZone("Asia/Tokyo", () => {
    assert.deepEqual([clockTime(NOON), calendarDay(NOON), zoneOf(NOON)], ["21:00:00", "2026-01-31", "GMT+9"]);
    assert.equal(localTime(NOON, NOON + 1000), "21:00:00 GMT+9");
    assert.equal(localTime(NOON, NOON + 24 * 3_600_000), "2026-01-31 21:00:00 GMT+9");
  });
});

Deno.test("what is no time shows as such", () => {
  assert.deepEqual([clockTime(NaN), calendarDay(NaN), zoneOf(NaN), localTime(NaN, NOON)], [
    "?",
    "?",
    "",
    "?",
  ]);
});
