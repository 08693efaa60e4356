import assert from "node:assert/strict";
import { concatBytes } from "../core/bytes.ts";
import { BodyReader } from "./http_body.ts";
import type { BodyLength } from "./http_head.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Feeds `text` in pieces of `step` bytes, what was not taken again in front of the next. */
function read(length: BodyLength, text: string, step: number) {
  const reader = new BodyReader(length), whole = bytes(text), data: Uint8Array[] = [];
  let taken = 0;
  for (let end = step; taken < whole.length && !reader.done && !reader.broken; end += step) {
    const fed = reader.feed(whole.subarray(taken, end));
    data.push(...fed.data);
    taken += fed.taken;
  }
  return {
    text: new TextDecoder().decode(concatBytes(data)),
    taken,
    done: reader.done,
    broken: reader.broken,
  };
}

Deno.test("a body is read as announced and no byte further, however it is cut", () => {
  const cases: readonly (readonly [BodyLength, string, string, number])[] = [
    [{ kind: "none" }, "GET /next", "", 0],
    [{ kind: "bytes", bytes: 5 }, "helloGET /next", "hello", 5],
    [{ kind: "chunked" }, "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\nGET", "hello!", 25],
    [{ kind: "chunked" }, "A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET", "0123456789", 32],
  ];
  for (const [length, text, body, taken] of cases) {
    for (let step = 1; step <= text.length; step++) {
      assert.deepEqual(
        read(length, text, step),
        { text: body, taken, done: true, broken: false },
        `step ${step}`,
      );
    }
  }
});

Deno.test("chunks that are none break the body, and nothing is read behind them", () => {
  const cases = [
    "x\r\n",
    "5\nhello",
    "5\r\nhelloX\r\n",
    "-1\r\n",
    "123456789\r\n",
    `5;${"x".repeat(2000)}`,
    `0\r\n${"a: b\r\n".repeat(2000)}\r\n`,
  ];
  for (const text of cases) assert.equal(read({ kind: "chunked" }, text, 7).broken, true, text.slice(0, 20));
});
