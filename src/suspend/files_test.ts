import assert from "node:assert/strict";
import { savedStateIn } from "../../registry/layout.ts";
import { LOST_DATA, LOST_NAMES, PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";
import {
  clearLeftovers,
  findState,
  forgetState,
  readManifest,
  removeState,
  writeStandstill,
} from "./files.ts";

async function withFiles(use: (files: ReturnType<typeof savedStateIn>) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-state-" });
  try {
    await use(savedStateIn(folder));
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

Deno.test("findState() tells manifest and standstill; a note that can't be read is one to run on", () =>
  withFiles(async (files) => {
    assert.deepEqual(await findState(files), { manifest: false, standstill: undefined });
    for (const then of ["run", "stay"] as const) {
      await writeStandstill(files, then);
      assert.deepEqual(await findState(files), { manifest: false, standstill: then });
    }
    for (const text of ["", "{}", '{"version":0,"then":"dance"}']) {
      await Deno.writeTextFile(files.standstill, text);
      assert.equal((await findState(files)).standstill, "run", text);
    }
    await Deno.writeTextFile(files.manifest, "not even JSON");
    assert.equal((await findState(files)).manifest, true);
  }));

Deno.test("clearLeftovers() keeps a state that is whole and nothing else", () =>
  withFiles(async (files) => {
    const all = ["manifest.json", "manifest.json.12345678.tmp", "ram.bin", "ram.bin.part", "standstill.json"];
    const put = () => Promise.all(all.map((name) => Deno.writeTextFile(`${files.folder}/${name}`, "x")));
    const names = async () =>
      (await Array.fromAsync(Deno.readDir(files.folder))).map(({ name }) => name).sort();
    await put();
    await clearLeftovers(files);
    assert.deepEqual(await names(), ["manifest.json", "ram.bin"]);
    await put();
    forgetState(files);
    await clearLeftovers(files);
    assert.deepEqual(await names(), []);
    await removeState(files);
    await assert.rejects(Deno.stat(files.folder), Deno.errors.NotFound);
    await clearLeftovers(files); // nothing there is fine
    forgetState(files);
  }));

Deno.test("readManifest() tells none from one that can't be used", () =>
  withFiles(async (files) => {
    assert.equal(await readManifest(files, "g"), undefined);
    await Deno.mkdir(files.manifest);
    const read = await readManifest(files, "g");
    assert.ok(read && !read.ok);
  }));

Deno.test("forgetState() has forgotten on disk when it returns, whatever the disk does with what is not flushed", () => {
  const files = savedStateIn("/s");
  for (const data of LOST_DATA) {
    for (const name of LOST_NAMES) {
      const disk = new PowerCutFiles(new Map([[files.manifest, new Uint8Array([1])]]));
      forgetState(files, disk);
      const after = disk.afterPowerCut(data, name);
      assert.equal(after.idAt(files.manifest), undefined, `${data} ${name}`);
    }
  }
});
