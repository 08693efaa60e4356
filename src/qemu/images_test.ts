import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../core/problem.ts";
import { backingChain, MAX_CHAIN } from "./image_chain.ts";
import { copyImage, createDisk, createVariables, exportRaw, imageInfo, parseImageInfo } from "./images.ts";
import { parseQcow2Header } from "./qcow2_header.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-images-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
async function qemuImg(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("qemu-img", { args, stdout: "null", stderr: "piped" })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
const code = (wanted: string) => (error: unknown) => error instanceof Failure && error.code === wanted;
const inside = (folder: string) => async (path: string) => {
  const real = await Deno.realPath(path).catch(() => path);
  if (!real.startsWith(`${folder}/`)) {
    throw new Failure({ code: "path_escape", message: `${path} is outside` });
  }
  return real;
};

Deno.test("createDisk() makes a private qcow2 image of the size asked for", () =>
  inFolder(async (folder) => {
    const path = `${folder}/new/disk.qcow2`;
    await createDisk(path, 64 * 1024 * 1024);
    const info = await imageInfo(path, "qcow2");
    assert.deepEqual([info.format, info.virtualBytes, info.backingFile], [
      "qcow2",
      64 * 1024 * 1024,
      undefined,
    ]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600); // Linux always has a mode
    assert.deepEqual([...Deno.readDirSync(`${folder}/new`)].map((e) => e.name), ["disk.qcow2"]);
  }));

Deno.test("createDisk() leaves a file that holds something as it is, and fills an empty one", () =>
  inFolder(async (folder) => {
    const path = `${folder}/disk.qcow2`;
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(createDisk(path, 1 << 20), code("already_exists"));
    assert.equal(await Deno.readTextFile(path), "precious");
    await Deno.writeTextFile(path, "");
    await createDisk(path, 1 << 20);
    await Deno.symlink(`${folder}/elsewhere`, `${folder}/link`);
    await assert.rejects(createDisk(`${folder}/link`, 1 << 20), code("already_exists"));
    await assert.rejects(createDisk(`${folder}/tiny`, 1000), code("usage"));
  }));

Deno.test("createVariables() and exportRaw() give back the template's bytes", () =>
  inFolder(async (folder) => {
    const bytes = crypto.getRandomValues(new Uint8Array(65536));
    await Deno.writeFile(`${folder}/template.fd`, bytes);
    await createVariables({ path: `${folder}/template.fd`, format: "raw" }, `${folder}/vars.qcow2`);
    await exportRaw(`${folder}/vars.qcow2`, "qcow2", `${folder}/vars.raw`);
    assert.deepEqual(await Deno.readFile(`${folder}/vars.raw`), bytes);
    await assert.rejects(
      createVariables({ path: `${folder}/no.fd`, format: "raw" }, `${folder}/other.qcow2`),
      code("io"),
    );
  }));

Deno.test("copyImage() makes one image of a chain, tells how far it is, and follows no name in a header", () =>
  inFolder(async (folder) => {
    const base = `${folder}/base, one.raw`, top = `${folder}/top.qcow2`, to = `${folder}/whole.qcow2`;
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
    await Deno.writeFile(base, bytes);
    await qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top);
    // The header now names a file that is not there: what is said here counts.
    await qemuImg("rebase", "-u", "-b", "/nowhere", "-F", "raw", top);
    const told: number[] = [];
    await copyImage({
      from: { path: top, format: "qcow2" },
      backing: [{ path: base, format: "raw" }],
      to,
      onPercent: (percent) => told.push(percent),
    });
    assert.equal(told.at(-1), 100);
    const info = await imageInfo(to, "qcow2");
    assert.equal(info.backingFile, undefined);
    assert.equal(info.virtualBytes, bytes.length);
    await qemuImg("convert", "-f", "qcow2", "-O", "raw", to, `${folder}/back.raw`);
    assert.deepEqual(await Deno.readFile(`${folder}/back.raw`), bytes);
  }));

Deno.test("copyImage() ends when it is called off, and says what QEMU says when it fails", () =>
  inFolder(async (folder) => {
    const from = `${folder}/a.raw`;
    await Deno.writeFile(from, new Uint8Array(1024 * 1024));
    const image = { path: from, format: "raw" } as const;
    const called = AbortSignal.abort(new Failure({ code: "cancelled", message: "off" }));
    await assert.rejects(copyImage({ from: image, to: `${folder}/b`, toFormat: "qcow2", signal: called }));
    await assert.rejects(
      copyImage({ from: { path: from, format: "qcow2" }, to: `${folder}/c` }),
      (error) => error instanceof Failure && error.code === "io" && /not in qcow2 format/.test(error.message),
    );
    assert.deepEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name),
      ["a.raw"],
      "nothing half done stays",
    );
  }));

Deno.test("backingChain() lists the images below an overlay, nearest first", () =>
  inFolder(async (folder) => {
    await qemuImg("create", "-f", "raw", `${folder}/base.raw`, "1M");
    await qemuImg("create", "-f", "qcow2", "-b", "base.raw", "-F", "raw", `${folder}/middle.qcow2`);
    await qemuImg(
      "create",
      "-f",
      "qcow2",
      "-b",
      `${folder}/middle.qcow2`,
      "-F",
      "qcow2",
      `${folder}/top.qcow2`,
    );
    assert.deepEqual(await backingChain(`${folder}/top.qcow2`, "qcow2", inside(folder)), [
      { path: `${folder}/middle.qcow2`, format: "qcow2" },
      { path: `${folder}/base.raw`, format: "raw" },
    ]);
    assert.deepEqual(await backingChain(`${folder}/base.raw`, "raw", inside(folder)), []);
  }));

Deno.test("backingChain() refuses what leads out of the folder, hides its data or has no end", () =>
  inFolder(async (folder) => {
    const refused = async (name: string, wanted: string) =>
      await assert.rejects(backingChain(`${folder}/${name}`, "qcow2", inside(folder)), code(wanted), name);
    await qemuImg(
      "create",
      "-f",
      "qcow2",
      "-u",
      "-b",
      "/etc/passwd",
      "-F",
      "raw",
      `${folder}/out.qcow2`,
      "1M",
    );
    await refused("out.qcow2", "path_escape");
    await qemuImg(
      "create",
      "-f",
      "qcow2",
      "-u",
      "-b",
      "../../etc/passwd",
      "-F",
      "raw",
      `${folder}/up.qcow2`,
      "1M",
    );
    await refused("up.qcow2", "path_escape");
    await qemuImg(
      "create",
      "-f",
      "qcow2",
      "-o",
      `data_file=${folder}/data.raw`,
      `${folder}/data.qcow2`,
      "1M",
    );
    await refused("data.qcow2", "path_escape");
    await qemuImg(
      "create",
      "-f",
      "qcow2",
      "-u",
      "-b",
      "loop.qcow2",
      "-F",
      "qcow2",
      `${folder}/loop.qcow2`,
      "1M",
    );
    await refused("loop.qcow2", "path_escape");
    await qemuImg("create", "-f", "qcow2", "-u", "-b", "x.vmdk", "-F", "vmdk", `${folder}/vmdk.qcow2`, "1M");
    await refused("vmdk.qcow2", "path_escape");
    await Deno.writeTextFile(`${folder}/page.qcow2`, "<!DOCTYPE html>".padEnd(4096));
    await refused("page.qcow2", "io");
    assert.ok(MAX_CHAIN > 8);
  }));

Deno.test("parseQcow2Header() survives any bytes, also behind a right magic number", () => {
  const magic = [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3];
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, right) => {
    const start = right ? Uint8Array.of(...magic, ...bytes) : bytes;
    const header = parseQcow2Header(start);
    if (header.ok) assert.ok((header.value.backingFile ?? "").length <= 1023);
  }));
});

Deno.test("parseImageInfo() survives any JSON and text", () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void parseImageInfo(text)));
  assert.equal(parseImageInfo("[]").ok, false);
});
