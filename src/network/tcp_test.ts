import assert from "node:assert/strict";
import fc from "fast-check";
import { opened, reduce, type TcpEffect, type TcpState } from "./tcp.ts";
import type { Outgoing, Segment } from "./tcp_segment.ts";
import { type Play, play, randomOf } from "./tcp_world.ts";

const NOW = { now: 0, room: 65_536 };

function bytes(length: number, seed: number): Uint8Array {
  const random = randomOf(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

function segment(more: Partial<Segment>): Segment {
  return {
    srcPort: 40_000,
    dstPort: 443,
    seq: 1000,
    ack: 0,
    isAck: true,
    syn: false,
    fin: false,
    rst: false,
    window: 0xffff,
    data: new Uint8Array(0),
    ...more,
  };
}

const SYN = segment({ seq: 999, syn: true, isAck: false, mss: 1460, shift: 7 });

/** What is sent, as text: flags, numbers from the first on, window, length. */
function sent(effects: readonly TcpEffect[]): string[] {
  return effects.map((effect) => effect.kind === "send" ? textOf(effect.segment) : effect.kind);
}

function textOf({ seq, ack, syn, fin, rst, data }: Outgoing): string {
  const flags = `${syn ? "S" : ""}${fin ? "F" : ""}${rst ? "R" : ""}${ack === undefined ? "" : "A"}`;
  const length = data.reduce((sum, part) => sum + part.length, 0);
  return `${flags} ${seq} ${ack ?? "-"} ${length}`;
}

/** A connection that both sides know of. */
function open(): TcpState {
  const answered = reduce(opened(SYN, 5000), { kind: "reached" }, NOW);
  assert.deepEqual(sent(answered.effects), ["SA 5000 1000 0"]);
  return reduce(answered.state, { kind: "segment", segment: segment({ ack: 5001 }) }, NOW).state;
}

Deno.test("reduce() answers a guest only when outside is reached, and refuses it when it is not", () => {
  const state = opened(SYN, 5000);
  assert.deepEqual(reduce(state, { kind: "segment", segment: SYN }, NOW).effects, [], "asked again");
  assert.deepEqual(sent(reduce(state, { kind: "broken" }, NOW).effects), ["RA 5000 1000 0", "close"]);
  assert.equal(open().phase, "open");
});

Deno.test("reduce() takes the bytes that come with the end of the handshake", () => {
  const { state } = reduce(opened(SYN, 5000), { kind: "reached" }, NOW);
  const first = segment({ ack: 5001, data: bytes(10, 1) });
  const step = reduce(state, { kind: "segment", segment: first }, NOW);
  assert.deepEqual(sent(step.effects), ["write"]);
  assert.deepEqual(sent(reduce(step.state, { kind: "flush" }, NOW).effects), ["A 5001 1010 0"]);
});

Deno.test("reduce() sends as much as the guest's window lets, in packets of its size", () => {
  const before = reduce(open(), {
    kind: "segment",
    segment: segment({ ack: 5001, window: 3000 >> 7 }), // 2944
  }, NOW).state;
  const { state, effects } = reduce(before, { kind: "data", data: bytes(10_000, 2) }, NOW);
  assert.deepEqual(
    sent(effects),
    ["A 5001 1000 1460", "A 6461 1000 1460"],
    "the rest is not worth a packet yet",
  );
  const more = reduce(state, { kind: "segment", segment: segment({ ack: 7921, window: 100 }) }, NOW);
  assert.equal(more.effects.length, 5);
  assert.equal(more.state.held, 10_000 - 2920);
});

Deno.test("reduce() closes each half by itself", () => {
  const half = reduce(open(), { kind: "segment", segment: segment({ ack: 5001, fin: true }) }, NOW);
  assert.deepEqual(sent(half.effects), ["finish"]);
  const data = reduce(half.state, { kind: "data", data: bytes(5, 3) }, NOW);
  assert.deepEqual(sent(data.effects), ["A 5001 1001 5"]);
  const end = reduce(data.state, { kind: "ended" }, NOW);
  assert.deepEqual(sent(end.effects), ["FA 5006 1001 0"]);
  const last = reduce(end.state, { kind: "segment", segment: segment({ seq: 1001, ack: 5007 }) }, NOW);
  assert.deepEqual(sent(last.effects), ["close"]);
  assert.equal(last.state.phase, "gone");
});

Deno.test("reduce() tells the guest that outside broke, and ends when the guest breaks it off", () => {
  assert.deepEqual(sent(reduce(open(), { kind: "broken" }, NOW).effects), ["RA 5001 1000 0", "close"]);
  const rst = segment({ rst: true, isAck: false });
  assert.deepEqual(sent(reduce(open(), { kind: "segment", segment: rst }, NOW).effects), ["close"]);
  const stray = segment({ rst: true, isAck: false, seq: 1 });
  assert.deepEqual(sent(reduce(open(), { kind: "segment", segment: stray }, NOW).effects), []);
});

Deno.test("reduce() gives a guest up that never answers, and not before many tries", () => {
  let { state } = reduce(open(), { kind: "data", data: bytes(100, 4) }, NOW);
  let tries = 0;
  let now = 0;
  while (state.phase !== "gone") {
    assert.ok(state.timer && tries++ < 20);
    now = state.timer.at;
    ({ state } = reduce(state, { kind: "time" }, { ...NOW, now }));
  }
  assert.deepEqual([tries, now > 60_000, now < 180_000], [11, true, true]);
});

Deno.test("reduce() never holds more than it was given room for, and tells no window that it can't keep", () => {
  let state = open();
  const room = { now: 0, room: 16_384 };
  let edge = 0;
  for (let i = 0; i < 100; i++) {
    const step = reduce(state, {
      kind: "segment",
      segment: segment({ seq: state.wanted, ack: 5001, data: bytes(1460, i) }),
    }, room);
    const flushed = reduce(step.state, { kind: "flush" }, room);
    state = flushed.state;
    const last = flushed.effects.find((effect) => effect.kind === "send");
    assert.ok(last);
    const told = (last.segment.ack ?? 0) + (last.segment.window << state.ourShift);
    assert.ok(told >= edge - 15, "a window never shrinks by more than its rounding");
    edge = Math.max(edge, told);
  }
  assert.ok(state.unwritten <= 65_536, `${state.unwritten} bytes`); // of the SYN's window, which was larger
  const { effects } = reduce({ ...state, unwritten: 60_000 }, { kind: "written", bytes: 60_000 }, room);
  assert.deepEqual(sent(effects), [`A 5001 ${state.wanted} 0`], "the guest is told that there is room");
});

const arbitraryPlay: fc.Arbitrary<Play> = fc.record({
  wire: fc.record({
    loss: fc.constantFrom(0, 0, 0.05, 0.15),
    twice: fc.constantFrom(0, 0.2),
    delayMs: fc.constantFrom(0, 1, 20),
  }),
  seed: fc.nat(),
  up: fc.tuple(fc.nat(30_000), fc.nat()).map(([length, seed]) => bytes(length, seed)),
  down: fc.tuple(fc.nat(60_000), fc.nat()).map(([length, seed]) => bytes(length, seed)),
  guestWindow: fc.constantFrom(4, 1000, 8192, 65_535, 200_000),
  stalls: fc.boolean(),
  mss: fc.constantFrom(64, 536, 1460, 9000),
  room: fc.constantFrom(16_384, 65_536, 262_144),
  piece: fc.constantFrom(1000, 20_000, 65_536),
});

Deno.test("a connection carries every byte once and in order, whatever the wire loses, repeats, mixes up or holds back", () => {
  fc.assert(
    fc.property(arbitraryPlay, (p) => {
      const tiny = p.guestWindow < 100;
      const most = tiny ? 400 : 50 * p.mss; // each packet costs the test as much as any other
      const asked = { ...p, down: p.down.subarray(0, most), up: p.up.subarray(0, most) };
      const outcome = play(asked);
      assert.ok(!outcome.reset, "reset");
      assert.deepEqual(outcome.up, asked.up);
      assert.deepEqual(outcome.down, asked.down);
      assert.deepEqual([outcome.upEnded, outcome.downEnded], [true, true]);
      assert.ok(outcome.mostHeld <= asked.room, `${outcome.mostHeld} held`);
      assert.ok(outcome.mostUnwritten <= Math.max(asked.room, 0xffff), `${outcome.mostUnwritten} unwritten`);
    }),
    { numRuns: 150 },
  );
});

Deno.test("reduce() survives any order of anything", () => {
  const data = fc.nat(2000).map((length) => new Uint8Array(length));
  const near = fc.integer({ min: -3000, max: 3000 });
  const input = fc.oneof(
    fc.record({
      kind: fc.constant("segment" as const),
      segment: fc.record({
        seq: near.map((by) => (1000 + by) >>> 0),
        ack: near.map((by) => (5001 + by) >>> 0),
        isAck: fc.boolean(),
        syn: fc.boolean(),
        fin: fc.boolean(),
        rst: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
        window: fc.nat(0xffff),
        data,
      }).map(segment),
    }),
    fc.constantFrom(
      { kind: "reached" as const },
      { kind: "ended" as const },
      { kind: "flush" as const },
      { kind: "time" as const },
    ),
    fc.record({ kind: fc.constant("data" as const), data }),
    fc.record({ kind: fc.constant("written" as const), bytes: fc.nat(3000) }),
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
      let state = opened(SYN, 5000);
      let now = 0;
      for (const one of inputs) {
        now += 200;
        const step = reduce(state, one, { now, room: 65_536 });
        state = step.state;
        const held = state.pieces.reduce((sum, { length }) => sum + length, 0);
        assert.equal(held, state.held);
        assert.ok(((state.highest - state.una) | 0) <= state.held + 1, "nothing is sent that is not held");
        if (state.phase === "gone") assert.deepEqual([state.held, state.timer], [0, undefined]);
      }
    }),
    { numRuns: 500 },
  );
});
