import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../../src/core/problem.ts";
import { run } from "../../src/ports/processes.ts";
import { crc32, FIRST_USABLE, guidBytes, type Partition, partitionTable, SECTOR_BYTES } from "./gpt.ts";

const DISK = "7b1c2f0e-52a5-4d1b-9c64-1f5f0a3d6e01";
const SECTORS = 65536;

function partition(n: number, first: number, last: number): Partition {
  return {
    type: n === 0 ? "esp" : "linuxRoot",
    id: DISK.replace(/1$/, String(n + 2)),
    name: `part${n}`,
    first,
    last,
  };
}

Deno.test("crc32() gives the check value of its catalogue entry", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

Deno.test("guidBytes() turns the first three fields round", () => {
  assert.equal(guidBytes("00112233-4455-6677-8899-aabbccddeeff").toHex(), "33221100554477668899aabbccddeeff");
  assert.throws(() => guidBytes("00112233-4455"), Failure);
  assert.throws(() => guidBytes("zz112233-4455-6677-8899-aabbccddeeff"), Failure);
});

Deno.test("partitionTable() refuses partitions that lie in the tables or beyond the disk", () => {
  for (
    const [first, last] of [[FIRST_USABLE - 1, 100], [100, 99], [100, SECTORS - FIRST_USABLE + 1]] as const
  ) {
    assert.throws(() => partitionTable(SECTORS, DISK, [partition(0, first, last)]), /does not lie in/);
  }
});

/** Writes the tables into a file, with a byte of both lists of partitions changed when `spoiled`, and has partx of util-linux read them. */
async function readByPartx(parts: readonly Partition[], spoiled?: number): Promise<string> {
  const image = await Deno.makeTempFile();
  try {
    const { head, tail } = partitionTable(SECTORS, DISK, parts);
    {
      using file = await Deno.open(image, { write: true });
      await file.truncate(SECTORS * SECTOR_BYTES);
      if (spoiled !== undefined) {
        for (const list of [head.subarray(2 * SECTOR_BYTES), tail]) list.set([0xff], spoiled);
      }
      await file.write(head);
      await file.seek(SECTORS * SECTOR_BYTES - tail.length, Deno.SeekMode.Start);
      await file.write(tail);
    }
    const { stdout } = await run("partx", {
      args: ["--raw", "--noheadings", "--output", "START,END,NAME,UUID", image],
    });
    return stdout;
  } finally {
    await Deno.remove(image);
  }
}

Deno.test("partx reads back every table of two partitions", () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: FIRST_USABLE, max: SECTORS - FIRST_USABLE }), {
        minLength: 4,
        maxLength: 4,
      }),
      async (places) => {
        const [a = 0, b = 0, c = 0, d = 0] = places.toSorted((x, y) => x - y);
        const parts = [partition(0, a, b), partition(1, c, d)];
        const wanted = parts.map(({ first, last, name, id }) => `${first} ${last} ${name} ${id}\n`).join("");
        assert.equal(await readByPartx(parts), wanted);
      },
    ),
    { numRuns: 10 },
  ));

Deno.test("partx refuses a table of which a byte is another one: the checksums are over all of it", async () => {
  const parts = [partition(0, 2048, 4095)];
  assert.match(await readByPartx(parts), /^2048 4095 /);
  assert.equal(await readByPartx(parts, 32), "");
});
