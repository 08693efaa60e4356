/** With the real qemu-img. */
import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { convertToQcow2, formatFault, imageOptions } from "./convert.ts";

async function qemuImg(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("qemu-img", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-convert-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("formatFault() compares what a file is said to be with its signature", () => {
  const qcow2 = new Uint8Array([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
  const vmdk = new TextEncoder().encode("KDMV");
  const vdi = new Uint8Array(72);
  vdi.set([0x7f, 0x10, 0xda, 0xbe], 64);
  assert.equal(formatFault(qcow2, "qcow2"), undefined);
  assert.equal(formatFault(new Uint8Array(72), "raw"), undefined);
  assert.equal(formatFault(new Uint8Array(), "raw"), undefined);
  assert.match(formatFault(qcow2, "raw") ?? "", /signature of qcow2/);
  assert.match(formatFault(new Uint8Array(), "qcow2") ?? "", /no qcow2 image/);
  assert.match(formatFault(vmdk, "qcow2") ?? "", /it is vmdk/);
  assert.match(formatFault(vdi, "raw") ?? "", /signature of vdi/);
});

Deno.test("imageOptions() names every layer, and a comma in a path stays one", () => {
  assert.equal(
    imageOptions([{ path: "/a,b", format: "qcow2" }, { path: "/c", format: "raw" }]),
    "driver=qcow2,file.driver=file,file.filename=/a,,b,backing.driver=raw,backing.file.driver=file,backing.file.filename=/c",
  );
});

Deno.test("convertToQcow2() makes one image of a chain, tells how far it is, and follows no name in a header", () =>
  inFolder(async (folder) => {
    const base = `${folder}/base, one.raw`, top = `${folder}/top.qcow2`, to = `${folder}/whole.qcow2`;
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
    await Deno.writeFile(base, bytes);
    await qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top);
    // The header now names a file that is not there: what is said here counts.
    await qemuImg("rebase", "-u", "-b", "/nowhere", "-F", "raw", top);
    const told: number[] = [];
    await convertToQcow2({ path: top, format: "qcow2" }, [{ path: base, format: "raw" }], to, {
      onPercent: (percent) => told.push(percent),
    });
    assert.equal(told.at(-1), 100);
    const info = JSON.parse(await qemuImg("info", "--output=json", to));
    assert.equal(info["backing-filename"], undefined);
    assert.equal(info["virtual-size"], bytes.length);
    await qemuImg("convert", "-f", "qcow2", "-O", "raw", to, `${folder}/back.raw`);
    assert.deepEqual(await Deno.readFile(`${folder}/back.raw`), bytes);
  }));

Deno.test("convertToQcow2() ends when it is called off, and says what QEMU says when it fails", () =>
  inFolder(async (folder) => {
    const from = `${folder}/a.raw`;
    await Deno.writeFile(from, new Uint8Array(1024 * 1024));
    const image = { path: from, format: "raw" } as const;
    const called = AbortSignal.abort(new Failure({ code: "cancelled", message: "off" }));
    await assert.rejects(convertToQcow2(image, [], `${folder}/b`, { signal: called }));
    await assert.rejects(
      convertToQcow2({ path: from, format: "qcow2" }, [], `${folder}/c`),
      (error) => error instanceof Failure && error.code === "io" && /not in qcow2 format/.test(error.message),
    );
  }));
