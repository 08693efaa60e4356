import assert from "node:assert/strict";
import { tag } from "../../tests/media/enlarge.ts";
import { makeWindowsIso, PRO_24H2, withFolder } from "../../tests/media/make.ts";
import { memoryAccess } from "./access.ts";
import { Fields } from "./fields.ts";
import { inspectAccess } from "./inspect.ts";
import { find } from "./tree.ts";
import { cs0, readUdf, udfTree } from "./udf.ts";
import { parseExtents, readExtents, type UdfPartition } from "./udf_file.ts";
import { crc, TAG } from "./udf_tag.ts";

const PARTITION: UdfPartition = {
  access: memoryAccess(new Uint8Array(8192)),
  start: 2048,
  length: 4096,
  blockBytes: 2048,
};

/** Allocation descriptors: type in the upper bits of the length. */
function descriptors(
  kind: "short" | "long",
  list: readonly (readonly [type: number, length: number, block: number])[],
) {
  const step = kind === "short" ? 8 : 16;
  const bytes = new Uint8Array(list.length * step), view = new DataView(bytes.buffer);
  list.forEach(([type, length, block], n) => {
    view.setUint32(n * step, type * 2 ** 30 + length, true);
    view.setUint32(n * step + 4, block, true);
  });
  return bytes;
}

for (const kind of ["short", "long"] as const) {
  Deno.test(`parseExtents() reads ${kind} descriptors: recorded, allocated and unrecorded, neither, continued`, () => {
    const bytes = descriptors(kind, [[0, 3000, 5], [1, 2048, 9], [2, 4096, 0], [3, 2048, 7], [0, 1, 1]]);
    assert.deepEqual(parseExtents(PARTITION, bytes, kind), {
      found: [
        { offset: 2048 + 5 * 2048, length: 3000 },
        { offset: 2048 + 9 * 2048, length: 2048, blank: true },
        { offset: 2048, length: 4096, blank: true },
      ],
      next: { offset: 2048 + 7 * 2048, length: 2048 },
    });
  });

  Deno.test(`parseExtents() ends at a ${kind} descriptor of length 0`, () => {
    assert.deepEqual(parseExtents(PARTITION, descriptors(kind, [[0, 0, 5], [0, 9, 9]]), kind).found, []);
  });
}

Deno.test("readExtents() follows a list that goes on in another block, and gives up on one that goes round", async () => {
  const bytes = new Uint8Array(8192), view = new DataView(bytes.buffer);
  view.setUint16(2048, TAG.allocationExtent, true);
  const partition = { ...PARTITION, access: memoryAccess(bytes) };
  const first = descriptors("short", [[0, 2048, 1], [3, 2048, 0]]);
  const more = descriptors("short", [[0, 100, 2]]);
  bytes.set(more, 2048 + 24);
  view.setUint32(2048 + 20, more.length, true);
  assert.deepEqual(await readExtents(partition, first, "short", "it"), [
    { offset: 4096, length: 2048 },
    { offset: 6144, length: 100 },
  ]);
  bytes.set(first, 2048 + 24);
  view.setUint32(2048 + 20, first.length, true);
  await assert.rejects(readExtents(partition, first, "short", "it"), /more parts than are followed/);
});

Deno.test("crc() and cs0() are those of the standards", () => {
  // ECMA-167 3/7.2.6 gives this example.
  assert.equal(crc(new Uint8Array([0x70, 0x6a, 0x77])), 0x3299);
  const text = (...bytes: number[]) => cs0(new Fields(new Uint8Array(bytes), "a name"), 0, bytes.length);
  assert.equal(text(8, 0x61, 0xe9), "aé");
  assert.equal(text(16, 0x20, 0xac, 0, 0x61), "€a");
  assert.equal(text(3, 1), "");
  assert.equal(text(), "");
});

Deno.test("UDF is read with its main descriptors damaged, and its anchor: there is a reserve of both", () =>
  withFolder(async (folder) => {
    const bytes = await Deno.readFile(await makeWindowsIso(`${folder}/w`, [PRO_24H2]));
    const view = new DataView(bytes.buffer);
    const main = view.getUint32(256 * 2048 + 20, true) * 2048;
    for (const at of [main, main + 2048, main + 4096, main + 6144]) {
      bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 0xff;
    }
    const tree = udfTree(await readUdf(memoryAccess(bytes)));
    assert.ok(await find(tree, "SOURCES/Install.wim"));
    bytes.fill(0, 256 * 2048, 257 * 2048);
    assert.ok(
      await find(udfTree(await readUdf(memoryAccess(bytes))), "sources/install.wim"),
      "by the anchor at the end",
    );
  }));

Deno.test("damage to UDF is told of, and what ISO 9660 has is still looked at", () =>
  withFolder(async (folder) => {
    const bytes = await Deno.readFile(await makeWindowsIso(`${folder}/w`, [PRO_24H2]));
    for (let at = 0; at + 2048 <= bytes.length; at += 2048) {
      if (new DataView(bytes.buffer, at).getUint16(0, true) === TAG.anchor && at > 32 * 2048) {
        bytes[at + 16] = 0xee;
      }
    }
    const report = await inspectAccess(memoryAccess(bytes), "w", "2026-11-27");
    assert.equal(report.kind, "iso");
    assert.match(
      report.problems[0]?.message ?? "",
      /UDF: UDF's anchor at byte 524288 is damaged: its CRC is wrong/,
    );
    assert.equal(report.kind === "iso" && report.disc.file_systems[0], "iso9660");
  }));

Deno.test("a directory of UDF that contains itself is walked through once", () =>
  withFolder(async (folder) => {
    const bytes = await Deno.readFile(await makeWindowsIso(`${folder}/w`, [PRO_24H2]));
    const volume = await readUdf(memoryAccess(bytes));
    const tree = udfTree(volume);
    const root = volume.partition.start + volume.rootBlock * 2048;
    const sources = await find(tree, "sources");
    assert.ok(sources);
    // The entry of `sources` becomes a copy of the root's: the same contents, in another place.
    const copy = bytes.slice(root, root + 2048);
    const to = volume.partition.start + sources.place * 2048;
    new DataView(copy.buffer).setUint32(12, sources.place, true);
    tag(copy);
    bytes.set(copy, to);
    const report = await inspectAccess(memoryAccess(bytes), "w", "2026-11-27");
    assert.deepEqual(report.warnings.map((one) => one.code), ["directory_loop"]);
  }));
