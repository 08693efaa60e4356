import assert from "node:assert/strict";
import { misfits, type Present } from "./check.ts";
import { type Manifest, manifestText, parseManifest } from "./manifest.ts";

const SAVED: Manifest = {
  version: 0,
  vm: "g",
  saved_at: "2026-01-02T03:04:05.000Z",
  rayvisor: "0.1.0",
  qemu: { version: "7.2.22", package: "Debian" },
  machine: "pc-q35-7.2",
  accelerator: "tcg",
  cpu: "Westmere-v1",
  uuid: "u",
  vcpu: 1,
  memory_mib: 64,
  args: ["-machine", "pc-q35-7.2", "-m", "64M"],
  images: [{ path: "vm/linux/g/a.raw", bytes: 10, modified_ns: "123" }],
  memory: { bytes: 1000, sha256: "a".repeat(64) },
};
const FITS: Present = {
  qemuVersion: "7.2.22",
  args: SAVED.args,
  images: new Map([["vm/linux/g/a.raw", { bytes: 10, modifiedNs: "123" }]]),
  memory: { bytes: 1000, modifiedNs: "9" },
};
const withImage = (stamp: { bytes: number; modifiedNs: string } | undefined): Present => ({
  ...FITS,
  images: new Map([["vm/linux/g/a.raw", stamp]]),
});

const CASES: readonly (readonly [string, Present, readonly RegExp[]])[] = [
  ["all that fits", FITS, []],
  ["another QEMU", { ...FITS, qemuVersion: "7.2.23" }, [
    /^QEMU 7\.2\.22 has saved it, and QEMU 7\.2\.23 is here$/,
  ]],
  ["another machine", { ...FITS, args: ["-machine", "pc-q35-7.2", "-m", "65M"] }, [
    /^the machine is another one: the memory is 65M/,
  ]],
  ["a disk that is gone", withImage(undefined), [/^vm\/linux\/g\/a\.raw is not there any more$/]],
  ["a disk of another size", withImage({ bytes: 11, modifiedNs: "123" }), [/has 11 bytes, it had 10$/]],
  ["a disk of another time", withImage({ bytes: 10, modifiedNs: "124" }), [/was written to since$/]],
  ["an image that nobody looked at", { ...FITS, images: new Map() }, [/is not there any more$/]],
  ["no memory", { ...FITS, memory: undefined }, [/^the saved memory is not there$/]],
  ["memory cut off", { ...FITS, memory: { bytes: 999, modifiedNs: "9" } }, [
    /^the saved memory has 999 bytes instead of 1000$/,
  ]],
  ["all at once", { qemuVersion: "8.0.0", args: [], images: new Map(), memory: undefined }, [
    /^QEMU/,
    /^the machine/,
    /a\.raw/,
    /^the saved memory/,
  ]],
];

for (const [what, present, sentences] of CASES) {
  Deno.test(`misfits() of ${what}`, () => {
    const found = misfits(SAVED, present);
    assert.equal(found.length, sentences.length, found.join("\n"));
    sentences.forEach((sentence, i) => assert.match(found[i] ?? "", sentence));
  });
}

Deno.test("parseManifest() reads what manifestText() wrote", () => {
  assert.deepEqual(parseManifest(manifestText(SAVED), "g"), { ok: true, value: SAVED });
});

const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  ["nothing", "", /not JSON/],
  ["a part", manifestText(SAVED).slice(0, 99), /not JSON/],
  ["another version", manifestText({ ...SAVED, version: 1 as 0 }), /^version: /],
  ["an unknown key", JSON.stringify({ ...SAVED, more: 1 }), /more/],
  ["a hash that is none", manifestText({ ...SAVED, memory: { bytes: 1, sha256: "x" } }), /^memory\.sha256: /],
  ["another guest's", manifestText({ ...SAVED, vm: "h" }), /^it belongs to h$/],
  ["an escape sequence", JSON.stringify({ ...SAVED, "\x1b[2J": 1 }), /^[\x20-\x7e…]*$/],
];

for (const [what, text, why] of BROKEN) {
  Deno.test(`parseManifest() refuses ${what}`, () => {
    const parsed = parseManifest(text, "g");
    assert.ok(!parsed.ok);
    assert.match(parsed.error, why);
  });
}
