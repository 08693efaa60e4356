/** Images of disks, made by qemu-img. */
import assert from "node:assert/strict";

/** Runs it, which must succeed, and gives what it says. */
export async function qemuImg(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("qemu-img", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A qcow2 image with some content. */
export async function makeImage(path: string, size: string, fill: number): Promise<void> {
  await Deno.writeFile(`${path}.raw`, new Uint8Array(2 * 1024 * 1024).fill(fill));
  await qemuImg("convert", "-f", "raw", "-O", "qcow2", `${path}.raw`, path);
  await qemuImg("resize", "-q", "-f", "qcow2", path, size);
  await Deno.remove(`${path}.raw`);
}
