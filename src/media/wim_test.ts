import assert from "node:assert/strict";
import { HOME_23H2, makeWim, PRO_24H2, withFolder } from "../../tests/media/make.ts";
import { Failure } from "../core/problem.ts";
import { memoryAccess, metered } from "./access.ts";
import { readWim } from "./wim.ts";
import { parseWimXml } from "./wim_xml.ts";

/** Writes numbers of 64 bits (or fewer bytes) into a copy of a WIM. */
function changed(wim: Uint8Array, changes: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const copy = wim.slice();
  for (const [at, bytes] of Object.entries(changes)) copy.set(bytes, Number(at));
  return copy;
}

const HUGE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];

Deno.test("a WIM that wimlib made is read, its description alone", () =>
  withFolder(async (folder) => {
    const wim = await Deno.readFile(await makeWim(`${folder}/a.wim`, [HOME_23H2, PRO_24H2]));
    const access = metered(memoryAccess(wim), 64 * 1024);
    const facts = await readWim(access);
    assert.deepEqual(facts.faults, []);
    assert.deepEqual(facts.images.map((one) => [one.index, one.name, one.build]), [
      [1, "Windows 11 Home", 22631],
      [2, "Windows 11 Pro", 26100],
    ]);
    assert.ok(access.asked < 8 * 1024, `${access.asked} bytes`);
  }));

Deno.test("a WIM that lies about a size is refused in words, and nothing of that size is read", async (t) => {
  await withFolder(async (folder) => {
    const wim = await Deno.readFile(await makeWim(`${folder}/a.wim`, [HOME_23H2]));
    const table: readonly [string, Record<number, number[]>, RegExp][] = [
      ["a description of 2^55 bytes", { 72: HUGE }, /claims to be .* long/],
      ["a description of 2 MiB", { 72: [0, 0, 0x20, 0, 0, 0, 0] }, /claims to be 2 MiB long/],
      ["a description beyond the end", { 80: [0, 0, 0, 0, 1, 0, 0, 0] }, /should lie at byte 4294967296/],
      ["a description at 2^63", { 80: [0, 0, 0, 0, 0, 0, 0, 0x80] }, /should lie at byte/],
      ["no description", { 72: [0, 0, 0, 0, 0, 0, 0] }, /has no description/],
      ["a compressed description", { 79: [6] }, /is compressed/],
      ["a description that is something else", { 80: [0, 0, 0, 0, 0, 0, 0, 0] }, /description is damaged/],
      ["a short header", { 8: [8, 0, 0, 0] }, /header claims to be 8 bytes/],
      ["another beginning", { 0: [0x4d, 0x5a] }, /does not begin like a WIM/],
    ];
    for (const [name, changes, why] of table) {
      await t.step(name, async () => {
        const access = metered(memoryAccess(changed(wim, changes)), 64 * 1024);
        await assert.rejects(readWim(access), (error) => error instanceof Failure && why.test(error.message));
      });
    }
    await t.step("numbers that do not fit together are named, and the rest is read", async () => {
      const odd = changed(wim, { 40: [3, 0], 44: [9, 0, 0, 0], 48: HUGE, 88: [1, 0, 0, 0] });
      const { faults, images } = await readWim(memoryAccess(odd));
      assert.equal(images.length, 1);
      assert.equal(faults.length, 4, faults.join("\n"));
    });
    await t.step("any part of one is refused or read, whatever its length", async () => {
      for (let length = 0; length < wim.length; length += 37) {
        await readWim(memoryAccess(wim.subarray(0, length))).catch((error) =>
          assert.ok(error instanceof Failure)
        );
      }
    });
  });
});

Deno.test("parseWimXml() takes display names, and leaves out what is not there or no number", () => {
  const parsed = parseWimXml(
    '\ufeff<WIM><IMAGE INDEX="2"><NAME>a</NAME><DISPLAYNAME>Windows 11 &amp; more</DISPLAYNAME><WINDOWS><ARCH>12</ARCH>' +
      "<VERSION><BUILD>x</BUILD></VERSION></WINDOWS></IMAGE><IMAGE/></WIM>",
  );
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value, [
    { index: 2, name: "Windows 11 & more", architecture: "arm64", languages: [] },
    { index: 2, name: "image 2", languages: [] },
  ]);
});

Deno.test("parseWimXml() refuses what describes nothing", () => {
  for (
    const [text, why] of [["", /root/], ["<A/>", /<A>/], ["<WIM>", /no end/], [
      "<!DOCTYPE x><WIM/>",
      /document type/,
    ]] as const
  ) {
    const parsed = parseWimXml(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.error, why);
  }
});
