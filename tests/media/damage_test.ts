/** Media with random damage: every one is told of, none ends the reader, keeps it for ever, or makes it read without bounds. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { MAX_PIECE, memoryAccess, type RandomAccess } from "../../src/media/access.ts";
import { inspectAccess, MAX_READ_BYTES } from "../../src/media/inspect.ts";
import { Fields } from "../../src/media/fields.ts";
import { tagFault } from "../../src/media/udf_tag.ts";
import { tag } from "./enlarge.ts";
import {
  HOME_23H2,
  makeIso,
  makeWindowsIso,
  OLD_PRO,
  tool,
  virtioFiles,
  W11_DRIVERS,
  withFolder,
} from "./make.ts";

/** Counts what is asked of a medium. */
function counted(base: RandomAccess) {
  const counts = { asked: 0, longest: 0 };
  const access: RandomAccess = {
    size: base.size,
    read(offset, length) {
      assert.ok(
        Number.isFinite(offset) && offset >= 0 && Number.isFinite(length) && length >= 0,
        `${offset} ${length}`,
      );
      counts.asked += length;
      counts.longest = Math.max(counts.longest, length);
      return base.read(offset, length);
    },
  };
  return { access, counts };
}

async function inspectBounded(base: RandomAccess): Promise<void> {
  const { access, counts } = counted(base);
  const report = await inspectAccess(access, "/media/x.iso", "2026-11-27");
  assert.ok(counts.asked <= MAX_READ_BYTES, `${counts.asked} bytes read`);
  assert.ok(counts.longest <= MAX_PIECE, `${counts.longest} bytes at once`);
  const said = JSON.stringify(report);
  assert.ok(said.length < 200_000, `${said.length} characters said`);
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(said.replaceAll("\\\\", ""), /\\u00[01]|[\x00-\x1f]/);
}

const SECTOR = 2048;

interface Harm {
  /** Picks one of the sectors that hold anything. */
  readonly sector: number;
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Where the sector is a descriptor of UDF: make its checksums right again, so that the damage is believed. */
  readonly retag: boolean;
}

const HARM: fc.Arbitrary<Harm> = fc.record({
  sector: fc.nat(),
  at: fc.oneof(fc.nat({ max: SECTOR - 1 }), fc.nat({ max: 256 })),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom(0, 0xff, 0x7f).chain((byte) =>
      fc.integer({ min: 1, max: 64 }).map((n) => new Uint8Array(n).fill(byte))
    ),
  ),
  retag: fc.boolean(),
});

/** Sectors worth harming: those that hold something other than zeros, the first 700 of them. */
function fullSectors(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length && found.length < 700; at += SECTOR) {
    if (bytes.subarray(at, at + SECTOR).some((byte) => byte !== 0 && byte !== 0xf6)) found.push(at);
  }
  return found;
}

function harmed(bytes: Uint8Array, harms: readonly Harm[], sectors: readonly number[]): Uint8Array {
  const all = bytes.slice();
  for (const harm of harms) {
    const start = sectors[harm.sector % sectors.length] ?? 0;
    const sector = all.subarray(start, start + SECTOR);
    const isDescriptor = sector.length === SECTOR && tagFault(new Fields(sector, "a sector")) === undefined;
    sector.set(
      harm.bytes.subarray(0, Math.max(0, sector.length - harm.at)),
      Math.min(harm.at, sector.length),
    );
    if (isDescriptor && harm.retag) {
      const view = new DataView(sector.buffer, sector.byteOffset);
      view.setUint16(10, Math.min(view.getUint16(10, true), SECTOR - 16), true);
      tag(sector);
    }
  }
  return all;
}

Deno.test("media with random damage are told of: no crash, no end of reading, no more bytes than the bound", async (t) => {
  await withFolder(async (folder) => {
    const media: Record<string, () => Promise<string>> = {
      "windows": () => makeWindowsIso(`${folder}/windows`, [HOME_23H2, OLD_PRO]),
      "virtio-win": () =>
        makeIso(`${folder}/virtio-win`, virtioFiles(W11_DRIVERS), ["-J", "-R", "-V", "virtio-win-0.1.266"]),
      "plain": () => makeIso(`${folder}/plain`, { ".disk/info": "Debian", "a/b/c/d.txt": "d" }, ["-R"]),
      "qcow2": async () => {
        await tool("qemu-img", ["create", "-q", "-f", "qcow2", `${folder}/qcow2`, "64M"]);
        return `${folder}/qcow2`;
      },
    };
    for (const [name, make] of Object.entries(media)) {
      const bytes = await Deno.readFile(await make());
      const sectors = fullSectors(bytes);
      await t.step(name, () =>
        fc.assert(
          fc.asyncProperty(fc.array(HARM, { minLength: 1, maxLength: 12 }), (harms) =>
            inspectBounded(memoryAccess(harmed(bytes, harms, sectors)))),
          { numRuns: name === "windows" ? 250 : 120 },
        ));
      await t.step(`${name}, cut off anywhere`, () =>
        fc.assert(
          fc.asyncProperty(fc.nat({ max: bytes.length }), (length) =>
            inspectBounded(memoryAccess(bytes.subarray(0, length)))),
          { numRuns: 60 },
        ));
    }
  });
});

Deno.test("random bytes behind a true beginning are told of too", () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        "CD001",
        "NSR02",
        "MSWIM\0\0\0",
        "QFI\xfb",
        "KDMV",
        "EFI PART",
        "conectix",
        "<!DOCTYPE html",
      ),
      fc.uint8Array({ minLength: 0, maxLength: 4096 }),
      fc.constantFrom(0, 512, 16 * SECTOR, 16 * SECTOR + 1, 17 * SECTOR + 1),
      async (magic, noise, at) => {
        const bytes = new Uint8Array(300 * SECTOR);
        for (let start = 0; start < bytes.length && noise.length > 0; start += noise.length * 7) {
          bytes.set(noise.subarray(0, bytes.length - start), start);
        }
        bytes.set([...magic].map((char) => char.charCodeAt(0)), at);
        await inspectBounded(memoryAccess(bytes));
      },
    ),
    { numRuns: 200 },
  ));
