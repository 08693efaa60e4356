import assert from "node:assert/strict";
import type { LoggedEvent } from "../audit/log.ts";
import type { GuestState } from "../lifecycle/states.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { noticesTo, statusText } from "./service_notices.ts";

function rig(watchdogMs?: number) {
  const told: string[] = [];
  const guests: { state: GuestState }[] = [];
  const state = { guests: { values: () => guests }, safeMode: null as string | null };
  let listener: ((event: LoggedEvent) => void) | undefined;
  const clock = new ManualClock();
  const notices = noticesTo(
    {
      watchdogMs,
      tell: (...words) => void told.push(words.join(" ")),
      close: () => Promise.resolve(void told.push("closed")),
    },
    state,
    {
      listen(on) {
        listener = on;
        return () => listener = undefined;
      },
    },
    clock,
  );
  const happens = () =>
    listener?.({ time: "", level: "info", component: "x", event: "RAYOS_VM:running", fields: {} });
  return { told, guests, state, clock, notices, happens, isHeard: () => listener !== undefined };
}

Deno.test("the status counts guests by state, those that do something first, and says why there is safe mode", () => {
  const guests = (...states: GuestState[]) => ({ values: () => states.map((state) => ({ state })) });
  assert.equal(statusText({ guests: guests(), safeMode: null }), "no guests");
  assert.equal(
    statusText({ guests: guests("stopped", "paused", "running", "stopped", "running"), safeMode: null }),
    "guests: 2 running, 1 paused, 2 stopped",
  );
  assert.equal(
    statusText({ guests: guests("crashed"), safeMode: "bad file" }),
    "safe mode (bad file); guests: 1 crashed",
  );
});

Deno.test("ready is said once with the status, and a burst of events is told once, when it changed something", () => {
  const { told, guests, clock, notices, happens } = rig();
  guests.push({ state: "stopped" });
  happens();
  clock.advance(1_000);
  notices.ready();
  for (let n = 0; n < 50; n++) happens();
  clock.advance(1_000);
  guests[0] = { state: "running" };
  for (let n = 0; n < 50; n++) happens();
  clock.advance(1_000);
  assert.deepEqual(told, [
    "STATUS=starting; guests: 1 stopped",
    "READY=1 STATUS=guests: 1 stopped",
    "STATUS=guests: 1 running",
  ]);
});

Deno.test("a reload is said from its beginning to its end, also one that fails; two at once are one", async () => {
  const { told, state, notices } = rig();
  await notices.whileReloading(() => Promise.resolve());
  assert.deepEqual(told, [], "a service that is not ready does not reload");
  notices.ready();
  const first = Promise.withResolvers<void>();
  const both = [
    notices.whileReloading(() => first.promise),
    notices.whileReloading(() => Promise.reject(new Error("no"))).catch(() => {}),
  ];
  await both[1];
  state.safeMode = "bad file";
  first.resolve();
  await both[0];
  assert.deepEqual(told.slice(1), ["RELOADING=1", "READY=1 STATUS=safe mode (bad file); no guests"]);
});

Deno.test("the watchdog hears of the event loop twice in each of its periods, until the end and also during it", async () => {
  const { told, clock, notices } = rig(1_000);
  notices.ready();
  for (let n = 0; n < 6; n++) clock.advance(500);
  notices.stopping();
  clock.advance(500);
  await notices.close();
  clock.advance(10_000);
  assert.equal(told.filter((word) => word === "WATCHDOG=1").length, 8);
  assert.equal(told.at(-1), "closed");
});

Deno.test("after the end has begun no status and no readiness is told any more", async () => {
  const { told, guests, clock, notices, happens, isHeard } = rig();
  notices.ready();
  const work = Promise.withResolvers<void>();
  const reloading = notices.whileReloading(() => work.promise);
  notices.stopping();
  guests.push({ state: "running" });
  happens();
  clock.advance(1_000);
  work.resolve();
  await reloading;
  await notices.close();
  assert.ok(!isHeard());
  assert.deepEqual(told, [
    "READY=1 STATUS=no guests",
    "RELOADING=1",
    "STOPPING=1 STATUS=ending; guests go on",
    "closed",
  ]);
});

Deno.test("without a service manager the work of a reload is done all the same", async () => {
  let done = false;
  const listen = () => assert.fail("nobody listens");
  const none = noticesTo(undefined, { guests: new Map(), safeMode: null }, { listen }, new ManualClock());
  none.ready();
  await none.whileReloading(() => Promise.resolve(void (done = true)));
  none.stopping();
  await none.close();
  assert.ok(done);
});
