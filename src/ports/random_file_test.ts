import fc from "fast-check";
import assert from "node:assert/strict";
import { openRandomFile, type RandomFile } from "./random_file.ts";

async function withFile(
  use: (file: RandomFile, path: string) => Promise<void>,
  bytes: Uint8Array,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    const opened = openRandomFile(path);
    assert.ok(opened.ok);
    try {
      await use(opened.file, path);
    } finally {
      opened.file.close();
      opened.file.close();
    }
  } finally {
    await Deno.remove(path);
  }
}

const PAGE = 65_536;
const content = (bytes: number) => new Uint8Array(bytes).map((_, at) => (at * 7 + (at >> 8)) & 0xff);

Deno.test("reads at any place give the file's bytes, across pages and beyond the end", () => {
  const bytes = content(3 * PAGE + 1234);
  return withFile(async (file) => {
    assert.equal(file.size, bytes.length);
    const near = fc.constantFrom(0, PAGE, 2 * PAGE, 3 * PAGE, bytes.length).chain((at) =>
      fc.integer({ min: -3, max: 3 }).map((by) => Math.max(0, at + by))
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(near, fc.nat({ max: bytes.length })),
        fc.nat({ max: 2 * PAGE }),
        async (at, length) => {
          assert.deepEqual(await file.read(at, length), bytes.subarray(at, at + length));
        },
      ),
    );
  }, bytes);
});

Deno.test("reads that are under way at once do not disturb each other", () => {
  const bytes = content(40 * PAGE);
  return withFile(async (file) => {
    const places = Array.from({ length: 200 }, (_, n) => (n * 104_729) % (bytes.length - 10));
    const found = await Promise.all(places.map((at) => file.read(at, 10)));
    found.forEach((piece, n) =>
      assert.deepEqual(piece, bytes.subarray(places[n] ?? 0, (places[n] ?? 0) + 10))
    );
  }, bytes);
});

Deno.test("what was read a moment ago is not read again, and no more than 32 pages are kept", () => {
  const bytes = content(40 * PAGE);
  return withFile(async (file) => {
    for (let turn = 0; turn < 3; turn++) for (let n = 0; n < 30; n++) await file.read(n * PAGE, 100);
    assert.equal(file.bytesRead, 30 * PAGE);
    for (let n = 0; n < 40; n++) await file.read(n * PAGE, 100);
    const before = file.bytesRead;
    await file.read(0, 100);
    assert.equal(file.bytesRead, before + PAGE, "the first page had to make room");
  }, bytes);
});

Deno.test("a file that is cut off while it is open ends early, without bytes from elsewhere", () => {
  const bytes = content(3 * PAGE);
  return withFile(async (file, path) => {
    await file.read(2 * PAGE, 10); // this page is kept, and must not stand in for the one before it
    await Deno.truncate(path, PAGE + 10);
    const found = await file.read(PAGE - 5, 2 * PAGE);
    assert.equal(found.length, 15);
    assert.deepEqual(found, bytes.subarray(PAGE - 5, PAGE + 10));
  }, bytes);
});

Deno.test("what is no regular file is not opened, and says what it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.symlink("b", `${folder}/a`);
    await Deno.symlink("a", `${folder}/b`);
    const listener = Deno.listen({ transport: "unix", path: `${folder}/socket` });
    const table = { none: "missing", a: "loop", "": "directory", socket: "not_regular" };
    for (const [name, kind] of Object.entries(table)) {
      const opened = openRandomFile(`${folder}/${name}`);
      assert.equal(opened.ok ? "opened" : opened.why.kind, kind, name);
    }
    listener.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
