import assert from "node:assert/strict";
import { ManualClock } from "../tests/fakes/manual_clock.ts";
import { Painter } from "./painter.ts";

function painted(): {
  readonly clock: ManualClock;
  readonly painter: Painter;
  readonly frames: () => number;
} {
  const clock = new ManualClock();
  let frames = 0;
  return { clock, painter: new Painter(clock, () => frames++), frames: () => frames };
}

Deno.test("many changes at once are one frame, and at most 4 frames are drawn a second", async () => {
  const { clock, painter, frames } = painted();
  for (let i = 0; i < 200; i++) {
    for (let j = 0; j < 5; j++) painter.request(false);
    await Promise.resolve();
    clock.advance(5);
  }
  assert.ok(frames() >= 4 && frames() <= 5, String(frames())); // the first comes at once
});

Deno.test("a key is shown at once", async () => {
  const { painter, frames } = painted();
  painter.request(false);
  await Promise.resolve();
  painter.request(false);
  assert.equal(frames(), 1);
  painter.request(true);
  await Promise.resolve();
  assert.equal(frames(), 2);
});

Deno.test("nothing is drawn when nothing has changed, nor after the end", async () => {
  const { clock, painter, frames } = painted();
  clock.advance(10_000);
  painter.request(true);
  painter.stop();
  await Promise.resolve();
  painter.request(true);
  await Promise.resolve();
  assert.deepEqual([frames(), clock.armed], [0, 0]);
});
