import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ip, NOT_PUBLIC, parseIp } from "../core/ipv4.ts";
import type { Datagram, Outside, TcpPeer } from "../ports/internet.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { dhcpReply } from "./dhcp.ts";
import { isAnswerTo, isQuestion } from "./dns.ts";
import {
  BadStream,
  checksum,
  Deframer,
  type Ends,
  ETHERNET_BYTES,
  ipv4Frame,
  type Packet,
  PROTOCOL,
  pseudoSum,
  put32,
  readFrame,
  readUdp,
  u16,
  u32,
  udpFrame,
} from "./frames.ts";
import { Gateway, LEASE } from "./gateway.ts";
import { type Outgoing, readTcp, type Segment, tcpFrame } from "./tcp_segment.ts";
import { MAX_FLOWS } from "./tcp_flows.ts";
import { MAX_PAIRS } from "./udp_flows.ts";
import type { GatewayWord } from "./words.ts";

const GUEST_MAC = new Uint8Array([0x52, 0x54, 0, 1, 2, 3]);
const MAC = new Uint8Array([0x52, 0x55, 0x0a, 0, 2, 2]);
const ip = (text: string): Ip => parseIp(text) ?? assert.fail(text);
const GOOD = ip("203.0.113.10");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (said: string) => new TextEncoder().encode(said);

/** A world outside that is made up: what is done there, and the means to answer. */
class World implements Outside {
  readonly dialed: string[] = [];
  readonly sent: string[] = [];
  readonly written: string[] = [];
  readonly sockets: { queue: Datagram[]; wake: () => void; open: boolean }[] = [];
  answer: (data: Uint8Array, address: string, port: number) => Datagram | undefined = () => undefined;
  host: readonly string[] = ["203.0.113.2"];

  dial(address: string, port: number): Promise<TcpPeer> {
    this.dialed.push(`${address}:${port}`);
    const said = Promise.withResolvers<null>();
    return Promise.resolve({
      read: () => said.promise,
      write: (data) => {
        this.written.push(text(data));
        return Promise.resolve();
      },
      finish: () => Promise.resolve(),
      close: () => said.resolve(null),
    });
  }

  udp() {
    const state = { queue: [] as Datagram[], wake: () => {}, open: true };
    this.sockets.push(state);
    return {
      send: (data: Uint8Array, address: string, port: number) => {
        this.sent.push(`${address}:${port} ${text(data)}`);
        const answer = this.answer(data, address, port);
        if (answer) {
          state.queue.push(answer);
          state.wake();
        }
        return Promise.resolve();
      },
      async receive() {
        while (state.open) {
          const next = state.queue.shift();
          if (next) return next;
          await new Promise<void>((resolve) => state.wake = resolve);
        }
        return undefined;
      },
      close() {
        state.open = false;
        state.wake();
      },
    };
  }

  hostAddresses = () => this.host;
}

function setUp(resolvers: readonly Ip[] = [ip("192.0.2.53")]) {
  const world = new World();
  const frames: Uint8Array[] = [];
  const words: GatewayWord[] = [];
  const clock = new ManualClock();
  const gateway = new Gateway({
    clock,
    outside: world,
    random: () => 4711,
    resolvers,
    denied: NOT_PUBLIC,
    send: (frame) => frames.push(frame) > 0,
    say: (word) => words.push(word),
  });
  return { world, frames, words, clock, gateway };
}

const ends = (dst: Ip, src: Ip = LEASE.guest): Ends => ({ mac: GUEST_MAC, toMac: MAC, src, dst });
const syn = (dst: Ip, dstPort: number, srcPort = 40_000) =>
  tcpFrame(ends(dst), srcPort, dstPort, { seq: 100, syn: true, window: 65_535, mss: 1460, data: [] });
const udp = (dst: Ip, port: number, data: string, srcPort = 40_000) =>
  udpFrame(ends(dst), srcPort, port, bytes(data)) ?? assert.fail();
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function ipv4In(frame: Uint8Array | undefined): Extract<Packet, { kind: "ipv4" }> {
  const packet = frame && readFrame(frame);
  assert.equal(packet?.kind, "ipv4");
  return packet as Extract<Packet, { kind: "ipv4" }>;
}

Deno.test("a gateway opens TCP to the internet, and hands over what the guest says", async () => {
  const { gateway, world, frames } = setUp();
  gateway.take(syn(GOOD, 443));
  await settle();
  assert.deepEqual(world.dialed, ["203.0.113.10:443"]);
  const answer = readTcp(ipv4In(frames[0]).body);
  assert.deepEqual([answer?.syn, answer?.isAck, answer?.ack, answer?.mss], [true, true, 101, 1460]);
  const said: Outgoing = { seq: 101, ack: 4712, window: 65_535, data: [bytes("hello")] };
  gateway.take(tcpFrame(ends(GOOD), 40_000, 443, said));
  gateway.flush();
  await settle();
  assert.deepEqual(world.written, ["hello"]);
  assert.equal(readTcp(ipv4In(frames.at(-1)).body)?.ack, 106);
  gateway.close();
});

Deno.test("a gateway refuses the host and what is not public, and says so, but not more than a reader would read", async () => {
  const { gateway, world, frames, words, clock } = setUp();
  for (
    const to of [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.0.1",
      "169.254.169.254",
      "203.0.113.2",
      "10.0.2.2",
      "10.0.2.3",
    ]
  ) {
    frames.length = 0;
    gateway.take(syn(ip(to), 80));
    assert.equal(readTcp(ipv4In(frames[0]).body)?.rst, true, to);
    gateway.take(udp(ip(to), 80, "x"));
    assert.equal(ipv4In(frames[1]).protocol, PROTOCOL.icmp, to);
  }
  world.host = ["203.0.113.2", "203.0.113.77"];
  clock.advance(300);
  gateway.take(syn(ip("203.0.113.77"), 22));
  await settle();
  assert.deepEqual([world.dialed, world.sent], [[], []]);
  assert.deepEqual(words[0], { ev: "denied", proto: "tcp", dst: "127.0.0.1:80", unsaid: 0 });
  for (let i = 0; i < 1000; i++) gateway.take(syn(ip("10.0.0.1"), 1, i + 1));
  assert.ok(words.length <= 20, `${words.length} words`);
  clock.advance(5000);
  gateway.take(syn(ip("10.0.0.1"), 1));
  const last = words.at(-1);
  assert.ok(last?.ev === "denied" && last.unsaid > 900);
  assert.ok(gateway.figures.denied > 1000);
  gateway.close();
});

Deno.test("a gateway brings datagrams only from whom the guest has written to", async () => {
  const { gateway, world, frames } = setUp();
  let from = { address: "203.0.113.99", port: 7 };
  world.answer = (data) => ({ data, ...from });
  gateway.take(udp(GOOD, 7, "one"));
  await settle();
  assert.deepEqual([world.sent, frames.length], [["203.0.113.10:7 one"], 0]);
  from = { address: "203.0.113.10", port: 7 };
  gateway.take(udp(GOOD, 7, "two"));
  await settle();
  const packet = ipv4In(frames[0]);
  const got = readUdp(packet.body);
  assert.deepEqual([packet.src, got?.srcPort, got?.dstPort, text(got?.data ?? new Uint8Array())], [
    GOOD,
    7,
    40_000,
    "two",
  ]);
  assert.equal(
    checksum(packet.body, 0, packet.body.length, pseudoSum(packet, PROTOCOL.udp, packet.body.length)),
    0,
  );
  gateway.close();
});

const QUESTION = new Uint8Array([
  9,
  9,
  1,
  0,
  0,
  1,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  0x61,
  4,
  0x74,
  0x65,
  0x73,
  0x74,
  0,
  0,
  1,
  0,
  1,
]);

Deno.test("a gateway relays questions under ids of its own, and takes no answer to another question", async () => {
  assert.ok(isQuestion(QUESTION));
  const { gateway, world, frames } = setUp();
  const answers: Uint8Array[] = [];
  world.answer = (data) => {
    assert.equal(u16(data, 0), 4711 & 0xffff);
    const answer = data.slice();
    answer[2] = 0x81;
    const forged = answer.slice();
    forged[0] = 1;
    assert.equal(isAnswerTo(forged, data), false);
    answers.push(answer);
    return { data: answer, address: "192.0.2.53", port: 53 };
  };
  gateway.take(udpFrame(ends(LEASE.dns), 5000, 53, QUESTION) ?? assert.fail());
  await settle();
  const got = readUdp(ipv4In(frames[0]).body);
  assert.deepEqual([got?.srcPort, got?.dstPort, u16(got?.data ?? new Uint8Array(2), 0)], [53, 5000, 0x0909]);
  gateway.take(udpFrame(ends(LEASE.dns), 5000, 53, QUESTION.subarray(0, 15)) ?? assert.fail());
  await settle();
  assert.equal(answers.length, 1, "what is no question is not relayed");
  gateway.close();
});

Deno.test("without a resolver that answers the guest is told that there is none", async () => {
  const { gateway, frames } = setUp([]);
  gateway.take(udpFrame(ends(LEASE.dns), 5000, 53, QUESTION) ?? assert.fail());
  await settle();
  assert.equal((readUdp(ipv4In(frames[0]).body)?.data[3] ?? 0) & 15, 2);
  gateway.take(syn(LEASE.dns, 53));
  assert.equal(readTcp(ipv4In(frames[1]).body)?.rst, true);
});

Deno.test("a guest gets its address by DHCP: always the same one, and no other", () => {
  const message = (type: number, wanted?: Ip) => {
    const bytes = new Uint8Array(260);
    bytes.set([1, 1, 6, 0, 1, 2, 3, 4]);
    bytes.set(GUEST_MAC, 28);
    put32(bytes, 236, 0x63825363);
    bytes.set([53, 1, type], 240);
    if (wanted !== undefined) {
      bytes.set([50, 4], 243);
      put32(bytes, 245, wanted);
      bytes[249] = 255;
    } else bytes[243] = 255;
    return bytes;
  };
  const typeOf = (reply: Uint8Array | undefined) => reply && [reply[242], u32(reply, 16)];
  assert.deepEqual(typeOf(dhcpReply(message(1), LEASE)), [2, LEASE.guest]);
  assert.deepEqual(typeOf(dhcpReply(message(3, LEASE.guest), LEASE)), [5, LEASE.guest]);
  assert.deepEqual(typeOf(dhcpReply(message(3, LEASE.guest + 1), LEASE)), [6, 0]);
  assert.equal(dhcpReply(message(7), LEASE), undefined);
  const { gateway, frames } = setUp();
  gateway.take(udpFrame(ends(0xffffffff, 0), 68, 67, message(1)) ?? assert.fail());
  assert.deepEqual(frames[0]?.subarray(0, 6), new Uint8Array(6).fill(255));
});

Deno.test("a gateway answers for router and resolver, and to nobody's ping but theirs", () => {
  const { gateway, frames } = setUp();
  const arp = new Uint8Array(42);
  arp.set(GUEST_MAC, 6);
  arp.set([8, 6, 0, 1, 8, 0, 6, 4, 0, 1], 12);
  put32(arp, 28, LEASE.guest);
  for (const [target, answers] of [[LEASE.router, 1], [LEASE.dns, 2], [LEASE.guest, 2], [GOOD, 2]] as const) {
    put32(arp, 38, target);
    gateway.take(arp);
    assert.equal(frames.length, answers);
  }
  const ping = (dst: Ip) => {
    const frame = ipv4Frame(ends(dst), PROTOCOL.icmp, 16);
    frame[ETHERNET_BYTES + 20] = 8;
    return frame;
  };
  gateway.take(ping(GOOD));
  assert.equal(frames.length, 2);
  gateway.take(ping(LEASE.router));
  assert.equal(ipv4In(frames[2]).body[0], 0);
});

Deno.test("connections and pairs are bounded, whatever a guest opens", async () => {
  const { gateway, frames, clock } = setUp();
  for (let i = 0; i < MAX_FLOWS + 50; i++) gateway.take(syn(GOOD, 443, 1000 + i));
  await settle();
  assert.equal(gateway.figures.tcp, MAX_FLOWS);
  assert.equal(frames.filter((frame) => readTcp(ipv4In(frame).body)?.rst).length, 50);
  clock.advance(61_000);
  gateway.take(syn(GOOD, 443, 60_000));
  assert.equal(gateway.figures.tcp, MAX_FLOWS, "one that was silent has made room");
  for (let i = 0; i < MAX_PAIRS + 50; i++) gateway.take(udp(GOOD, 7, "x", 1000 + i));
  assert.equal(gateway.figures.udp, MAX_PAIRS);
  gateway.close();
  await settle();
  assert.deepEqual([gateway.figures.tcp, gateway.figures.udp], [0, 0]);
});

Deno.test("no frame, however made, breaks the gateway", async () => {
  const { gateway } = setUp();
  const good = [
    syn(GOOD, 443),
    udp(GOOD, 7, "hello"),
    udpFrame(ends(LEASE.dns), 5000, 53, QUESTION) ?? assert.fail(),
    tcpFrame(ends(GOOD), 40_000, 443, { seq: 101, ack: 4712, window: 100, data: [bytes("data")] }),
  ];
  const damaged = fc.tuple(
    fc.constantFrom(...good),
    fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
    fc.nat(90),
  )
    .map(([frame, changes, length]) => {
      const copy = frame.slice(0, length < 20 ? frame.length : length);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 120 })), (frame) => {
      gateway.take(frame);
      gateway.flush();
    }),
    { numRuns: 3000 },
  );
  await settle();
  gateway.close();
});

Deno.test("Deframer gives the same frames however the stream is cut, and ends one that makes no sense", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }),
    (frames, cuts) => {
      const stream = new Uint8Array(frames.reduce((sum, { length }) => sum + 4 + length, 0));
      let at = 0;
      for (const frame of frames) {
        put32(stream, at, frame.length);
        stream.set(frame, at + 4);
        at += 4 + frame.length;
      }
      const deframer = new Deframer();
      const found: Uint8Array[] = [];
      for (let from = 0, i = 0; from < stream.length; i++) {
        const to = from + (cuts[i] ?? stream.length);
        for (const frame of deframer.take(stream.subarray(from, to))) found.push(frame.slice());
        from = to;
      }
      assert.deepEqual(found, frames);
    },
  ));
  assert.throws(() => [...new Deframer().take(new Uint8Array([0xff, 0, 0, 0]))], BadStream);
});

Deno.test("segments are read as they were made", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(0xffff), (data, window) => {
    const out: Outgoing = {
      seq: 0xfffffff0,
      ack: 7,
      fin: true,
      window,
      data: [data.subarray(0, 10), data.subarray(10)],
    };
    const packet = ipv4In(tcpFrame(ends(GOOD), 1, 2, out));
    const length = packet.body.length;
    assert.equal(checksum(packet.body, 0, length, pseudoSum(packet, PROTOCOL.tcp, length)), 0);
    const { data: read, ...rest }: Segment = readTcp(packet.body) ?? assert.fail();
    assert.deepEqual([...read], [...data]);
    assert.deepEqual(rest, {
      srcPort: 1,
      dstPort: 2,
      seq: 0xfffffff0,
      ack: 7,
      isAck: true,
      syn: false,
      fin: true,
      rst: false,
      window,
    });
  }));
});
