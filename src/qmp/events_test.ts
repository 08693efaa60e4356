import assert from "node:assert/strict";
import { parseEvent } from "./events.ts";

const timestamp = { seconds: 1_700_000_000, microseconds: 123_456 };

Deno.test("parseEvent() reads a known event with its data and QEMU's time in milliseconds", () => {
  assert.deepEqual(
    parseEvent({ timestamp, event: "SHUTDOWN", data: { guest: true, reason: "guest-shutdown" } }),
    { name: "SHUTDOWN", data: { guest: true, reason: "guest-shutdown" }, at: 1_700_000_000_123.456 },
  );
});

Deno.test("parseEvent() keeps an event it has no type for", () => {
  assert.deepEqual(parseEvent({ timestamp, event: "SPICE_CONNECTED", data: { x: 1 } }), {
    name: "other",
    wireName: "SPICE_CONNECTED",
    data: { x: 1 },
    at: 1_700_000_000_123.456,
  });
});

Deno.test("parseEvent() keeps a known event whose data does not fit and says where", () => {
  const event = parseEvent({ timestamp, event: "VSERPORT_CHANGE", data: { id: "agent", open: "yes" } });
  assert.ok(event?.name === "other");
  assert.equal(event.wireName, "VSERPORT_CHANGE");
  assert.match(event.misfit ?? "", /^open: /);
});

Deno.test("parseEvent() reads a reason that a newer QEMU may add as unknown", () => {
  const event = parseEvent({ event: "RESET", data: { guest: false, reason: "new-reason" } });
  assert.deepEqual(event, { name: "RESET", data: { guest: false, reason: "unknown" } });
});

Deno.test("parseEvent() leaves out a time that QEMU could not read", () => {
  assert.deepEqual(parseEvent({ event: "STOP", timestamp: { seconds: -1, microseconds: -1 } }), {
    name: "STOP",
    data: {},
  });
});

Deno.test("parseEvent() takes no name from Object's prototype for an event", () => {
  assert.equal(parseEvent({ event: "constructor" })?.name, "other");
  assert.equal(parseEvent({ event: "__proto__" })?.name, "other");
});

Deno.test("parseEvent() finds no event in a message without one", () => {
  assert.equal(parseEvent({ return: {} }), undefined);
  assert.equal(parseEvent({ event: 1 }), undefined);
});
