import assert from "node:assert/strict";
import { findByKey, findNewest, keepImage, keyOf, remember, removeLeftovers } from "./cache.ts";

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function candidate(dir: string, content: string): Promise<string> {
  const folder = await Deno.makeTempDir({ dir, prefix: "building-" });
  await Deno.writeTextFile(`${folder}/disk.img`, content);
  return folder;
}

Deno.test("keyOf() depends on every part and on where parts begin", async () => {
  const key = await keyOf(["recipe", "a_1.deb", "b_1.deb"]);
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(key, await keyOf(["recipe", "a_1.deb", "b_1.deb"]));
  assert.notEqual(key, await keyOf(["recipe", "a_1.deb", "b_2.deb"]));
  assert.notEqual(key, await keyOf(["recipe", "a_1.debb_1.deb"]));
});

Deno.test("an image that is kept is found by its key and by what was remembered for it", () =>
  inTempDir(async (dir) => {
    const key = "a".repeat(32);
    assert.equal(await findByKey(dir, key), undefined);
    const kept = await keepImage(dir, await candidate(dir, "one"), { key, recipe: "r" });
    await remember(dir, "b".repeat(32), key);
    assert.deepEqual(await findByKey(dir, key), kept);
    assert.deepEqual(await findByKey(dir, "b".repeat(32)), kept);
    assert.deepEqual(await findNewest(dir, "r"), kept);
    assert.equal(await findNewest(dir, "another"), undefined);
  }));

Deno.test("keepImage() answers with the image of the build that was faster", () =>
  inTempDir(async (dir) => {
    const madeOf = { key: "a".repeat(32), recipe: "r" };
    const first = await keepImage(dir, await candidate(dir, "one"), madeOf);
    const second = await keepImage(dir, await candidate(dir, "two"), madeOf);
    assert.deepEqual(second, first);
    assert.equal(await Deno.readTextFile(second.image), "one");
  }));

Deno.test("findByKey() takes no image without its description, nor a damaged one", () =>
  inTempDir(async (dir) => {
    const key = "a".repeat(32);
    await Deno.mkdir(`${dir}/guest-${key}`);
    await Deno.writeTextFile(`${dir}/guest-${key}/disk.img`, "x");
    assert.equal(await findByKey(dir, key), undefined);
    await Deno.writeTextFile(`${dir}/guest-${key}/made_of.json`, "{");
    assert.equal(await findByKey(dir, key), undefined);
  }));

Deno.test("removeLeftovers() takes away what a build left a day ago, and nothing newer", () =>
  inTempDir(async (dir) => {
    await candidate(dir, "x");
    await removeLeftovers(dir);
    assert.equal([...Deno.readDirSync(dir)].length, 1);
    await removeLeftovers(dir, Date.now() + 2 * 86_400_000);
    assert.equal([...Deno.readDirSync(dir)].length, 0);
  }));
