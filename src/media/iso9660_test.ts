import assert from "node:assert/strict";
import { makeIso, withFolder } from "../../tests/media/make.ts";
import { memoryAccess, type RandomAccess } from "./access.ts";
import { inspectAccess } from "./inspect.ts";
import { hasRockRidge, isoTree, readIsoDescriptors } from "./iso9660.ts";
import { find, isHostileName, type Tree } from "./tree.ts";

const LONG = "a-name-that-is-longer-than-Joliet-allows-".repeat(4) + "end.txt";
const FILES = { "Some Folder/Deep/ünïcode.txt": "text", [LONG]: "long", "README.md": "readme" };

async function contents(tree: Tree, path: string): Promise<string | undefined> {
  const file = await (await find(tree, path))?.open();
  return file && new TextDecoder().decode(await file.read(0, file.size));
}

async function iso(
  how: readonly string[],
  use: (access: RandomAccess, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const bytes = await Deno.readFile(await makeIso(`${folder}/i.iso`, FILES, how));
    await use(memoryAccess(bytes), bytes);
  });
}

Deno.test("files are found by the names of Joliet, in any case", () =>
  iso(["-J", "-V", "A LABEL"], async (access) => {
    const { joliet, primary } = await readIsoDescriptors(access);
    assert.ok(joliet);
    assert.equal(primary.label, "A LABEL");
    assert.equal(primary.volumeBytes, access.size);
    const tree = isoTree(access, joliet, false);
    assert.equal(await contents(tree, "some folder/DEEP/ünïcode.txt"), "text");
    assert.equal(await contents(tree, "readme.md"), "readme");
    assert.equal(await contents(tree, "some folder/none"), undefined);
    assert.equal(await contents(tree, "readme.md/below"), undefined);
  }));

Deno.test("names of Rock Ridge are used, those too long for one record included", () =>
  iso(["-R"], async (access) => {
    const { primary, joliet } = await readIsoDescriptors(access);
    assert.equal(joliet, undefined);
    assert.ok(await hasRockRidge(access, primary));
    const tree = isoTree(access, primary, true);
    assert.equal(await contents(tree, LONG), "long");
    assert.equal(await contents(tree, "Some Folder/Deep/ünïcode.txt"), "text");
    assert.equal(await contents(isoTree(access, primary, false), "README.MD"), "readme");
  }));

Deno.test("a file in several parts, as those over 4 GiB are, is one file", () =>
  withFolder(async (folder) => {
    const files = { "AAA.TXT": "first ".padEnd(2048, "-"), "BBB.TXT": "second" };
    const bytes = await Deno.readFile(await makeIso(`${folder}/i.iso`, files, []));
    const { primary } = await readIsoDescriptors(memoryAccess(bytes));
    let record = primary.root.extents[0]?.offset ?? 0;
    for (let n = 0; n < 2; n++) record += bytes[record] ?? 1;
    bytes[record + 25] = 0x80;
    const tree = isoTree(memoryAccess(bytes), primary, false);
    assert.equal(await contents(tree, "bbb.txt"), files["AAA.TXT"] + files["BBB.TXT"]);
    assert.equal(await find(tree, "aaa.txt"), undefined);
  }));

Deno.test("a directory that claims to be endless, or leads back to the root, does not keep the reader", () =>
  iso([], async (_access, bytes) => {
    const { primary } = await readIsoDescriptors(memoryAccess(bytes));
    const root = primary.root.extents[0]?.offset ?? 0;
    const view = new DataView(bytes.buffer);
    // The first record that is a directory after `.` and `..`.
    let record = root;
    for (let n = 0; n < 2 || (bytes[record + 25] ?? 0) !== 2; n++) record += bytes[record] ?? 1;
    view.setUint32(record + 2, root / 2048, true);
    const loop = await inspectAccess(memoryAccess(bytes), "x", "2026-11-27");
    assert.deepEqual([loop.problems, loop.warnings.map((one) => one.code)], [[], ["directory_loop"]]);
    view.setUint32(record + 10, 0xffffffff, true);
    const endless = await inspectAccess(memoryAccess(bytes), "x", "2026-11-27");
    assert.ok(endless.kind === "iso" && endless.problems.length > 0);
  }));

Deno.test("a list of volume descriptors without an end, or without a primary one, is refused in words", () =>
  iso([], async (_access, bytes) => {
    const endless = bytes.slice();
    for (let sector = 17; sector < 120; sector++) {
      endless.set(bytes.subarray(16 * 2048, 17 * 2048), sector * 2048);
    }
    assert.ok((await readIsoDescriptors(memoryAccess(endless))).primary);
    const none = bytes.slice();
    none[16 * 2048] = 3;
    await assert.rejects(readIsoDescriptors(memoryAccess(none)), /no primary volume descriptor/);
    const broken = bytes.slice();
    broken[17 * 2048 + 1] = 0;
    await assert.rejects(readIsoDescriptors(memoryAccess(broken)), /volume descriptor 1 is not one/);
  }));

Deno.test("isHostileName() knows what is no plain name", () => {
  for (const name of ["", ".", "..", "a/b", "a\\b", "a\0", "a\nb", "../x"]) {
    assert.ok(isHostileName(name), JSON.stringify(name));
  }
  for (const name of ["a", "...", "a..b", "ünï", ".hidden"]) assert.ok(!isHostileName(name), name);
});
