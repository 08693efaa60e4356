/** What a gateway counts: all that came from the guest, whatever it was, and what the wire had room for. */
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { type Ends, ETHERNET_BYTES, ipv4Frame, PROTOCOL } from "./frames.ts";
import { Gateway, LEASE } from "./gateway.ts";
import { Outbox } from "./outbox.ts";

const ENDS: Ends = {
  mac: new Uint8Array([0x52, 0x54, 0, 1, 2, 3]),
  toMac: new Uint8Array([0x52, 0x55, 0x0a, 0, 2, 2]),
  src: LEASE.guest,
  dst: LEASE.router,
};
const BODY = 1400;

/** An echo request to the router, which answers with as many bytes. */
function ping(): Uint8Array {
  const frame = ipv4Frame(ENDS, PROTOCOL.icmp, BODY);
  frame[ETHERNET_BYTES + 20] = 8;
  return frame;
}

function gatewayTo(send: (frame: Uint8Array) => boolean, clock = new ManualClock()): Gateway {
  const outside = {
    dial: () => Promise.reject(new Error("nothing goes out")),
    udp: () => assert.fail("nothing goes out"),
    hostAddresses: () => [],
  };
  return new Gateway({ clock, outside, random: () => 1, resolvers: [], denied: [], send, say() {} });
}

Deno.test("a gateway counts whole frames, received and sent as the guest sees it", () => {
  const clock = new ManualClock();
  const gateway = gatewayTo(() => true, clock);
  const all = { rx_bytes: 0, tx_bytes: 0, rx_packets: 0, tx_packets: 0, tcp: 0, udp: 0, denied: 0 };
  assert.deepEqual(gateway.figures, { up_ms: 0, ...all });
  clock.advance(1_500);
  for (let i = 0; i < 3; i++) gateway.take(ping());
  const bytes = 3 * ping().length;
  const seen = { ...all, rx_bytes: bytes, tx_bytes: bytes, rx_packets: 3, tx_packets: 3 };
  assert.deepEqual(gateway.figures, { up_ms: 1_500, ...seen });
  gateway.take(new Uint8Array(9)); // no frame at all: it came from the guest all the same, and nothing went to it
  assert.deepEqual(gateway.figures, { up_ms: 1_500, ...seen, tx_bytes: bytes + 9, tx_packets: 4 });
});

Deno.test("what the wire has no room for was not received", () => {
  const outbox = new Outbox(() => new Promise(() => {}), () => assert.fail("nothing fails"));
  let sent = 0;
  const gateway = gatewayTo((frame) => {
    const hasRoom = outbox.send(frame);
    if (hasRoom) sent++;
    return hasRoom;
  });
  for (let i = 0; i < 4_000; i++) gateway.take(ping());
  const { rx_packets, rx_bytes, tx_packets } = gateway.figures;
  assert.equal(tx_packets, 4_000);
  assert.ok(sent > 2_000 && sent < 4_000, `${sent} frames fit`);
  assert.deepEqual([rx_packets, rx_bytes], [sent, sent * ping().length]);
});
