import assert from "node:assert/strict";
import { cpioArchive, type CpioEntry, withParents } from "./cpio.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

Deno.test("cpioArchive() writes the header fields of newc in order", () => {
  const archive = text(
    cpioArchive([{ kind: "file", path: "a", data: new Uint8Array([65]), executable: true }]),
  );
  const header = [
    "070701",
    "00000001",
    "000081ed",
    "00000000",
    "00000000",
    "00000001",
    "00000000",
    "00000001",
  ];
  const device = ["00000000", "00000000", "00000000", "00000000", "00000002", "00000000"];
  assert.equal(archive.slice(0, 110), [...header, ...device].join(""));
  assert.equal(archive.slice(110, 116), "a\0A\0\0\0"); // 110 + 2 is divisible by four already
});

Deno.test("cpioArchive() pads every name and content to four bytes and ends with the trailer", () => {
  for (let size = 0; size < 9; size++) {
    const archive = cpioArchive([{ kind: "file", path: "n".repeat(size + 1), data: new Uint8Array(size) }]);
    assert.equal(archive.length % 4, 0);
    const trailer = text(archive).indexOf("TRAILER!!!\0");
    assert.equal((trailer - 110) % 4, 0, `size ${size}`);
    assert.equal(text(archive).slice(trailer - 110, trailer - 104), "070701");
  }
});

Deno.test("cpioArchive() keeps kinds apart by mode and gives devices their numbers", () => {
  const entries: CpioEntry[] = [
    { kind: "folder", path: "d" },
    { kind: "link", path: "l", target: "d" },
    { kind: "device", path: "c", major: 5, minor: 1 },
  ];
  const modes = [...text(cpioArchive(entries)).matchAll(/070701[0-9a-f]{8}([0-9a-f]{8})/g)].map((m) => m[1]);
  assert.deepEqual(modes, ["000041ed", "0000a1ff", "00002180", "00000000"]);
  assert.match(text(cpioArchive(entries)), /0000000500000001/);
});

Deno.test("withParents() adds each folder once, before what it holds, and drops repeated entries", () => {
  const file = (path: string): CpioEntry => ({ kind: "file", path, data: new Uint8Array(0) });
  const paths = withParents([file("a/b/c"), file("a/d"), { kind: "folder", path: "a" }, file("a/d")]);
  assert.deepEqual(paths.map((e) => e.path), ["a", "a/b", "a/b/c", "a/d"]);
});
