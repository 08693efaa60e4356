import assert from "node:assert/strict";
import { restartPlan } from "./restart.ts";

Deno.test("restartPlan() doubles the pause with each restart of the last hour, up to five minutes", () => {
  const now = 10_000_000;
  const pauses = Array.from(
    { length: 12 },
    (_, n) => restartPlan(Array.from({ length: n }, (_, i) => now - i * 1000), now).pauseMs,
  );
  assert.deepEqual(pauses.slice(0, 9), [1, 2, 4, 8, 16, 32, 64, 128, 256].map((s) => s * 1000));
  assert.deepEqual(pauses.slice(9), [300_000, 300_000, 300_000]);
});

Deno.test("restartPlan() forgets what is older than an hour, and counts what a clock that was set back leaves in the future as now", () => {
  const now = 10_000_000, hour = 3_600_000;
  assert.deepEqual(restartPlan([now - hour - 1, now - hour, now - hour + 1, now + 99 * hour], now).recent, [
    now - hour + 1,
    now,
  ]);
});
