import assert from "node:assert/strict";
import fc from "fast-check";
import { subjectCommonName } from "./der.ts";
import {
  bootEvidence,
  firmwareSayings,
  parseTpmAnswer,
  storeEvidence,
  variableStoreRange,
} from "./evidence.ts";
import { parseSignatureLists, secureBootState } from "./secure_boot.ts";
import { parseVariableStore } from "./var_store.ts";
import { chooseFirmware } from "../qemu/firmware.ts";
import { firmwareFolders, readFirmwareDescriptors } from "../qemu/firmware_files.ts";

/** The variable template of this host's firmware, found by its descriptors. */
async function template(secureBoot: boolean): Promise<Uint8Array> {
  const wants = {
    architecture: "x86_64",
    machine: "pc-q35-7.2",
    secureBoot,
    enrolledKeys: secureBoot,
    smm: true,
  } as const;
  const chosen = chooseFirmware(await readFirmwareDescriptors(firmwareFolders()), wants);
  assert.ok(chosen.ok);
  return await Deno.readFile(chosen.value.varsTemplate.path);
}

const GUID_BYTES = (text: string) => {
  const [a = "", b = "", c = "", d = "", e = ""] = text.split("-");
  const swap = (hex: string) => hex.match(/../g)?.reverse().join("") ?? "";
  return Uint8Array.fromHex(swap(a) + swap(b) + swap(c) + d + e);
};

/** A store made by hand: header, then variables as {name, state, data}. */
function store(
  variables: readonly { name: string; state: number; data: number[] }[],
  size = 4096,
): Uint8Array {
  const image = new Uint8Array(size).fill(0xff);
  const view = new DataView(image.buffer);
  image.fill(0, 0, 72);
  image.set(GUID_BYTES("fff12b8d-7696-4c8b-a985-2747075b4f50"), 16);
  image.set(new TextEncoder().encode("_FVH"), 40);
  view.setUint16(48, 72, true);
  image.set(GUID_BYTES("aaf32c78-947b-439a-a180-2e144ec37792"), 72);
  view.setUint32(88, size - 72, true);
  image.set([0x5a, 0xfe, 0, 0, 0, 0, 0, 0], 92);
  let at = 100;
  for (const { name, state, data } of variables) {
    image.fill(0, at, at + 60);
    view.setUint16(at, 0x55aa, true);
    image[at + 2] = state;
    view.setUint32(at + 4, 7, true);
    view.setUint32(at + 36, name.length * 2 + 2, true);
    view.setUint32(at + 40, data.length, true);
    image.set(GUID_BYTES("8be4df61-93ca-11d2-aa0d-00e098032b8c"), at + 44);
    [...name + "\0"].forEach((char, i) => view.setUint16(at + 60 + 2 * i, char.charCodeAt(0), true));
    image.set(data, at + 62 + name.length * 2);
    at = (at + 62 + name.length * 2 + data.length + 3) & ~3;
  }
  return image;
}
const namesAndData = (image: Uint8Array) => {
  const parsed = parseVariableStore(image);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.variables.map((v) => [v.name, [...v.data]]);
};

Deno.test("parseVariableStore() counts live variables only, and of two versions the finished one", () => {
  const image = store([
    { name: "Old", state: 0x3c, data: [1] },
    { name: "Half", state: 0x7f, data: [2] },
    { name: "Both", state: 0x3e, data: [3] },
    { name: "Both", state: 0x3f, data: [4, 4, 4] },
    { name: "Leaving", state: 0x3e, data: [5] },
  ]);
  assert.deepEqual(namesAndData(image), [["Both", [4, 4, 4]], ["Leaving", [5]]]);
});

Deno.test("parseVariableStore() says what is wrong with an image that is none", () => {
  const table: readonly [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /_FVH is missing/],
    [new Uint8Array(4096), /_FVH is missing/],
    [store([]).fill(0, 16, 20), /is of type/],
    [store([]).fill(0, 72, 76), /unknown type/],
    [store([]).fill(0xff, 88, 92), /claims 4294967295 bytes/],
    [store([]).fill(0, 92, 93), /not formatted/],
  ];
  for (const [image, why] of table) {
    const parsed = parseVariableStore(image);
    assert.ok(!parsed.ok);
    assert.match(parsed.error.message, why);
  }
});

Deno.test("nothing that reads a store throws, whatever a guest wrote into it", async () => {
  const real = await template(true);
  const hit = fc.array(fc.tuple(fc.integer({ min: 0, max: 24_000 }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(hit, fc.integer({ min: 0, max: real.length }), (hits, cut) => {
      const image = real.slice(0, cut < 30_000 ? cut : real.length);
      for (const [at, value] of hits) image[at] = value;
      storeEvidence(image);
    }),
    { numRuns: 200 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    subjectCommonName(bytes);
    parseSignatureLists(bytes);
    parseTpmAnswer(bytes);
    bootEvidence({ storeBefore: bytes, storeNow: bytes, tpmBuffer: bytes });
  }));
});

Deno.test("secureBootState() names the certificates of the distribution's enrolled template", async () => {
  const parsed = parseVariableStore(await template(true));
  assert.ok(parsed.ok);
  const state = secureBootState(parsed.value.variables);
  assert.deepEqual([state.setupMode, state.enforced, state.secureBootEnable], [false, true, true]);
  assert.ok(
    state.db.some((name) => /^Microsoft (Corporation UEFI CA 2011|UEFI CA 2023)$/.test(name)),
    state.db.join(),
  );
  assert.ok(state.db.some((name) => /Windows/.test(name)), state.db.join());
  assert.ok(state.keks.some((name) => /^Microsoft Corporation KEK/.test(name)), state.keks.join());
});

Deno.test("secureBootState() finds nothing enforced in an empty template and with the switch turned off", async () => {
  const empty = parseVariableStore(await template(false));
  assert.ok(empty.ok);
  assert.deepEqual(secureBootState(empty.value.variables), {
    setupMode: true,
    keks: [],
    db: [],
    dbxCount: 0,
    enforced: false,
  });
  const full = parseVariableStore(await template(true));
  assert.ok(full.ok);
  const off = full.value.variables.map((v) =>
    v.name === "SecureBootEnable" ? { ...v, data: Uint8Array.of(0) } : v
  );
  assert.equal(secureBootState(off).enforced, false);
  assert.equal(secureBootState(full.value.variables.filter((v) => v.name !== "PK")).enforced, false);
});

Deno.test("parseSignatureLists() ends at a list whose entries have no size", () => {
  for (const each of [0, 1, 15]) {
    const list = new Uint8Array(64);
    new DataView(list.buffer).setUint32(16, 64, true);
    new DataView(list.buffer).setUint32(24, each, true);
    assert.deepEqual(parseSignatureLists(list), []);
  }
});

Deno.test("parseTpmAnswer() takes a TPM 2.0 answer and nothing else", () => {
  const answer = (tag: number, size: number, rc: number) => {
    const bytes = new Uint8Array(128);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, tag);
    view.setUint32(2, size);
    view.setUint32(6, rc);
    return bytes;
  };
  assert.deepEqual(parseTpmAnswer(answer(0x8001, 0xda, 0)), { length: 0xda, responseCode: 0 });
  assert.deepEqual(parseTpmAnswer(answer(0x8002, 10, 0x101)), { length: 10, responseCode: 0x101 });
  for (
    const none of [new Uint8Array(128), answer(0x00c4, 10, 0), answer(0x8001, 9, 0), answer(0x8001, 5000, 0)]
  ) {
    assert.equal(parseTpmAnswer(none), undefined);
  }
});

Deno.test("bootEvidence() believes in a boot only when the firmware's counter went up", async () => {
  const before = await template(true);
  assert.equal(bootEvidence({ storeBefore: before, storeNow: before }).firmwareRan, false);
  const now = before.slice();
  const guid = GUID_BYTES("eb704011-1402-11d3-8e77-00a0c969723b");
  // The counter's live version is the last one in the store: header, then "MTC" and its NUL in UCS-2, then four bytes.
  const at = now.findLastIndex((_, i) => guid.every((byte, k) => now[i + k] === byte));
  assert.ok(at > 0);
  now[at + 16 + 8] = 2;
  const seen = bootEvidence({ storeBefore: before, storeNow: now, tpmBuffer: new Uint8Array(128) });
  assert.deepEqual([seen.firmwareRan, seen.secureBootEnforced, seen.tpmAnswered, seen.tpmRecorded], [
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("variableStoreRange() lies right below the code at the top of 4 GiB", () => {
  assert.deepEqual(variableStoreRange(3_653_632, 540_672), { address: 0xffc0_0000, bytes: 540_672 });
});

Deno.test("firmwareSayings() tells a start, a refusal by Secure Boot and the end of the search", () => {
  const serial = '\x1b[2JBdsDxe: loading Boot0001 "EFI Internal Shell" from Fv(1)\r\n' +
    'BdsDxe: starting Boot0001 "EFI Internal Shell" from Fv(1)\r\n' +
    'BdsDxe: failed to start Boot0001 "EFI Internal Shell" from Fv(1): Security Violation\r\n' +
    "BdsDxe: No bootable option or device was found.\r\n";
  assert.deepEqual(firmwareSayings(serial), ["starting", "refused", "no_bootable_device"]);
  assert.deepEqual(firmwareSayings("login:"), []);
});
