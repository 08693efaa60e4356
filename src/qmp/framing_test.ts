import assert from "node:assert/strict";
import fc from "fast-check";
import { describeFramingProblem, encodeMessage, Framer, type FramingItem } from "./framing.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Feeds `data` cut at the given places. */
function feedCut(data: Uint8Array, cuts: readonly number[], maxBytes?: number): FramingItem[] {
  const framer = new Framer(maxBytes);
  const places = [0, ...cuts.map((c) => c % (data.length + 1)).sort((a, b) => a - b), data.length];
  return places.slice(1).flatMap((to, i) => framer.feed(data.subarray(places[i] ?? 0, to)));
}

Deno.test("Framer yields one message a line, with LF or CR LF, and ignores blank lines", () => {
  const items = new Framer().feed(bytes('{"a":1}\r\n\n  \r\n{"b":"é"}\n'));
  assert.deepEqual(items, [
    { kind: "message", message: { a: 1 } },
    { kind: "message", message: { b: "é" } },
  ]);
});

Deno.test("Framer holds back a message until its line ends", () => {
  const framer = new Framer();
  assert.deepEqual(framer.feed(bytes('{"a":')), []);
  assert.equal(framer.unfinished, 5);
  assert.deepEqual(framer.feed(bytes("1}\n")), [{ kind: "message", message: { a: 1 } }]);
  assert.equal(framer.unfinished, 0);
});

Deno.test("Framer reports what is not JSON, not UTF-8 or not an object, and goes on with the next line", () => {
  const data = new Uint8Array([...bytes("nonsense\n[1]\nnull\n"), 0x22, 0xc3, 0x22, 0x0a, ...bytes("{}\n")]);
  const kinds = new Framer().feed(data).map((i) => i.kind === "problem" ? i.problem.kind : i.kind);
  assert.deepEqual(kinds, ["not_json", "not_object", "not_object", "not_json", "message"]);
});

Deno.test("Framer reports a message over the cap once, skips it and reads the next one", () => {
  const framer = new Framer(16);
  const items = [
    ...framer.feed(bytes("x".repeat(17))),
    ...framer.feed(bytes("y".repeat(1000))),
    ...framer.feed(bytes('z\n{"a":1}\n')),
  ];
  assert.deepEqual(items, [
    { kind: "problem", problem: { kind: "too_large", limit: 16, sample: "x".repeat(16) } },
    { kind: "message", message: { a: 1 } },
  ]);
});

Deno.test("Framer accepts a message of exactly the cap", () => {
  assert.deepEqual(new Framer(7).feed(bytes('{"a":1}\n')), [{ kind: "message", message: { a: 1 } }]);
  assert.equal(new Framer(6).feed(bytes('{"a":1}\n'))[0]?.kind, "problem");
});

Deno.test("Framer starts anew at 0xFF and says how much it dropped", () => {
  const data = new Uint8Array([...bytes('{"old":'), 0xff, ...bytes('{"a":1}\n')]);
  assert.deepEqual(new Framer().feed(data), [
    { kind: "resync", discarded: 7 },
    { kind: "message", message: { a: 1 } },
  ]);
});

Deno.test("Framer ends the skipping of a message that is too large at 0xFF", () => {
  const framer = new Framer(8);
  framer.feed(bytes("x".repeat(20)));
  assert.deepEqual(framer.feed(new Uint8Array([0xff, ...bytes("{}\n")])), [
    { kind: "resync", discarded: 0 },
    { kind: "message", message: {} },
  ]);
});

Deno.test("Framer reads a megabyte in single bytes without copying it again for each", () => {
  const framer = new Framer();
  const data = encodeMessage({ text: "x".repeat(1024 * 1024) });
  let items = 0;
  for (let at = 0; at < data.length; at++) items += framer.feed(data.subarray(at, at + 1)).length;
  assert.equal(items, 1);
});

Deno.test("Framer parses deep nesting without overflowing the stack", () => {
  const items = new Framer().feed(bytes(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n`));
  assert.equal(items.length, 1);
});

Deno.test("a sample of hostile bytes carries no escape sequence", () => {
  const [item] = new Framer().feed(bytes("\x1b]0;title\x07\x1b[31mred\n"));
  assert.ok(item?.kind === "problem");
  assert.equal(item.problem.sample, "red");
  assert.match(describeFramingProblem(item.problem), /^\d+ bytes that are not JSON: "red"$/);
});

const wire = fc.array(
  fc.oneof(
    fc.jsonValue().map((v) => JSON.stringify(v) + "\n").map(bytes),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new Uint8Array([0xff])),
    fc.constant(bytes("\n")),
  ),
).map((parts) => new Uint8Array(parts.flatMap((p) => [...p])));

Deno.test("the items do not depend on how the stream is split", () => {
  fc.assert(
    fc.property(
      wire,
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.integer({ min: 1, max: 64 }),
      (data, cuts, cap) => {
        assert.deepEqual(feedCut(data, cuts, cap), feedCut(data, [], cap));
        assert.deepEqual(feedCut(data, cuts), feedCut(data, []));
      },
    ),
  );
});

Deno.test("any bytes at all are survived, and nothing longer than the cap is held", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
    const framer = new Framer(32);
    framer.feed(data);
    assert.ok(framer.unfinished <= 32);
  }));
});

Deno.test("what encodeMessage() writes, Framer reads back", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (message) => {
    const [item] = new Framer().feed(encodeMessage(JSON.parse(JSON.stringify(message))));
    assert.ok(item?.kind === "message");
    assert.equal(JSON.stringify(item.message), JSON.stringify(message));
  }));
});
