import assert from "node:assert/strict";
import fc from "fast-check";
import { dynamicNeeds, moduleNeeds } from "./elf.ts";

/** An ELF file with one loaded segment over the whole file, a dynamic section and an interpreter. */
function program(libraries: readonly string[], interpreter: string): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(`${text}\0`), at);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const header = (n: number, type: number, offset: number, address: number, size: number) => {
    const at = 64 + n * 56;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(address), true);
    view.setBigUint64(at + 32, BigInt(size), true);
  };
  header(0, 1, 0, 0x10000, 4096);
  header(1, 2, 1024, 0x10400, (libraries.length + 1) * 16);
  header(2, 3, 512, 0x10200, 64);
  put(512, interpreter);
  let name = 2049;
  libraries.forEach((library, n) => {
    view.setBigUint64(1024 + n * 16, 1n, true);
    view.setBigUint64(1032 + n * 16, BigInt(name - 2048), true);
    put(name, library);
    name += library.length + 1;
  });
  view.setBigUint64(1024 + libraries.length * 16, 5n, true);
  view.setBigUint64(1032 + libraries.length * 16, 0x10800n, true);
  return bytes;
}

/** A relocatable ELF file with a `.modinfo` section. */
function kernelModule(info: string): Uint8Array {
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(40, 512n, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 2, true);
  view.setUint16(62, 1, true);
  const section = (n: number, name: number, offset: number, size: number) => {
    view.setUint32(512 + n * 64, name, true);
    view.setBigUint64(512 + n * 64 + 24, BigInt(offset), true);
    view.setBigUint64(512 + n * 64 + 32, BigInt(size), true);
  };
  const infoBytes = new TextEncoder().encode(info);
  bytes.set(infoBytes, 64);
  bytes.set(new TextEncoder().encode("\0.modinfo\0.strtab\0"), 300);
  section(0, 1, 64, infoBytes.length);
  section(1, 10, 300, 20);
  return bytes;
}

Deno.test("dynamicNeeds() reads the libraries and the dynamic linker of a program", () => {
  assert.deepEqual(dynamicNeeds(program(["libfoo.so.1", "libc.so.6"], "/lib64/ld.so.2")), {
    libraries: ["libfoo.so.1", "libc.so.6"],
    interpreter: "/lib64/ld.so.2",
  });
});

Deno.test("moduleNeeds() reads depends= of the module's information", () => {
  assert.deepEqual(moduleNeeds(kernelModule("license=GPL\0depends=a,b\0name=c\0")), ["a", "b"]);
  assert.deepEqual(moduleNeeds(kernelModule("depends=\0")), []);
  assert.equal(moduleNeeds(program([], "/x")), undefined);
});

Deno.test("dynamicNeeds() and moduleNeeds() never throw, whatever is cut off or changed", () => {
  const good = [program(["libfoo.so.1"], "/lib64/ld.so.2"), kernelModule("depends=a\0")];
  fc.assert(fc.property(
    fc.constantFrom(...good),
    fc.nat(4096),
    fc.array(fc.tuple(fc.nat(1200), fc.nat(255))),
    (bytes, length, changes) => {
      const changed = bytes.slice(0, length);
      for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
      dynamicNeeds(changed);
      moduleNeeds(changed);
    },
  ));
});
