import fc from "fast-check";
import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { type Extent, memoryAccess, metered, overExtents, readExactly } from "./access.ts";

const EXTENT: fc.Arbitrary<Extent> = fc.record({
  offset: fc.nat({ max: 90 }),
  length: fc.nat({ max: 30 }),
  blank: fc.boolean(),
});

Deno.test("overExtents() gives what a reader of the whole file would cut out, wherever it is asked", () =>
  fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 120, maxLength: 120 }),
      fc.array(EXTENT, { maxLength: 6 }),
      fc.nat({ max: 200 }),
      fc.nat({ max: 200 }),
      async (bytes, extents, offset, length) => {
        const whole = extents.flatMap((one) =>
          one.blank ? Array(one.length).fill(0) : [...bytes.subarray(one.offset, one.offset + one.length)]
        );
        const file = overExtents(memoryAccess(bytes), extents, whole.length);
        assert.deepEqual([...await file.read(offset, length)], whole.slice(offset, offset + length));
      },
    ),
  ));

Deno.test("overExtents() ends where the medium ends, and puts nothing from further on in its place", async () => {
  const base = memoryAccess(new Uint8Array([1, 2, 3]));
  const file = overExtents(base, [{ offset: 2, length: 4 }, { offset: 0, length: 2 }], 6);
  assert.deepEqual([...await file.read(0, 6)], [3]);
});

Deno.test("readExactly() refuses what is too long, or not there, by name", async () => {
  const access = memoryAccess(new Uint8Array(10));
  assert.equal((await readExactly(access, 4, 6, "it")).length, 6);
  for (
    const [offset, length] of [[5, 6], [11, 0], [-1, 2], [0, 2 ** 40], [Number.MAX_VALUE, 1], [
      NaN,
      1,
    ]] as const
  ) {
    await assert.rejects(readExactly(access, offset, length, "the thing"), /the thing/);
  }
});

Deno.test("metered() counts, and ends at its limit and when it is called off", async () => {
  const stop = new AbortController();
  const access = metered(memoryAccess(new Uint8Array(100)), 50, stop.signal);
  await access.read(90, 40);
  assert.equal(access.asked, 10);
  await assert.rejects(access.read(0, 41), /more than 50 B would have to be read/);
  stop.abort();
  await assert.rejects(access.read(0, 1), (error) => error instanceof Failure && error.code === "cancelled");
});
