import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { aborted, stallAfter } from "./migration.ts";

Deno.test("stallAfter() tells that nothing has gone on for the whole time, not before and not after its end", async () => {
  const clock = new ManualClock();
  const stall = stallAfter(clock, "saving", 1000);
  let told: unknown;
  stall.stalled.catch((error: unknown) => told = error);
  for (let i = 0; i < 5; i++) {
    clock.advance(999);
    stall.touch();
  }
  await Promise.resolve();
  assert.equal(told, undefined);
  clock.advance(1000);
  await assert.rejects(stall.stalled, /saving has not come on for 1 s/);

  const ended = stallAfter(clock, "loading", 1000);
  ended.end();
  ended.touch(); // what was under way may still come on
  assert.equal(clock.armed, 0);
});

Deno.test("aborted() rejects with the signal's reason, also of one that is aborted already", async () => {
  const abort = new AbortController();
  const { happens } = aborted(abort.signal);
  abort.abort(new Error("called off"));
  await assert.rejects(happens, /called off/);
  await assert.rejects(aborted(abort.signal).happens, /called off/);
});
