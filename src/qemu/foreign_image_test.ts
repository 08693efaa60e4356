/** How images of elsewhere are named and told apart. */
import assert from "node:assert/strict";
import { formatFault, imageOptions } from "./foreign_image.ts";

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
