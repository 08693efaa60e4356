import assert from "node:assert/strict";
import fc from "fast-check";
import { Failure } from "../src/core/problem.ts";
import { confine, type ConfineOptions, normaliseInRoot } from "./paths.ts";

async function inTemporaryFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "rayvisor-paths-" }));
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return assert.fail("it was not refused");
}

const FILE: ConfineOptions = { mustExist: true, kind: "file" };

Deno.test("normaliseInRoot() gives the relative form, and refuses what leaves the root as text", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ["vm/a.img", "vm/a.img"],
    ["./vm//a.img/", "vm/a.img"],
    ["/var/rayos/vm/a.img", "vm/a.img"],
    ["//var//rayos/./vm", "vm"],
    ["..", undefined],
    ["vm/../vm/a", undefined],
    ["/var/rayos", undefined],
    ["/var/rayos/../x", undefined],
    ["/var/rayosx/a", undefined],
    ["/var", undefined],
    ["/", undefined],
    [".", undefined],
    ["", undefined],
    ["a\0", undefined],
    ["a\x1bb", undefined],
    ["a\u0085b", undefined],
    ["\ud800", undefined],
  ];
  for (const [path, expected] of table) {
    const normal = normaliseInRoot("/var/rayos", path);
    assert.equal(normal.ok ? normal.value : undefined, expected, JSON.stringify(path));
    if (!normal.ok) assert.equal(normal.error.code, "path_escape");
  }
});

Deno.test("whatever normaliseInRoot() accepts names something below the root, and is its own normal form", () => {
  const part = fc.oneof(
    fc.constantFrom("..", ".", "", "r", "a"),
    fc.string({ maxLength: 4, unit: "binary" }),
  );
  const path = fc.tuple(fc.boolean(), fc.array(part, { maxLength: 6 })).map(([absolute, parts]) =>
    (absolute ? "/r/" : "") + parts.join("/")
  );
  fc.assert(
    fc.property(path, (text) => {
      const normal = normaliseInRoot("/r", text);
      if (!normal.ok) return;
      const parts = normal.value.split("/");
      assert.ok(parts.length > 0 && parts.every((p) => p !== "" && p !== "." && p !== ".."));
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(normal.value, /[\x00-\x1f\x7f]/);
      assert.ok(new URL(`file:///r/${parts.map(encodeURIComponent).join("/")}`).pathname.startsWith("/r/"));
      const again = normaliseInRoot("/r", normal.value);
      assert.ok(again.ok && again.value === normal.value);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("confine() gives the real path of what is there, and of what may be made", async () => {
  await inTemporaryFolder(async (folder) => {
    const root = `${folder}/root`;
    await Deno.mkdir(`${root}/vm/a`, { recursive: true });
    await Deno.writeTextFile(`${root}/vm/a/disk`, "");
    assert.equal(await confine(root, "vm/a/disk", FILE), `${root}/vm/a/disk`);
    assert.equal(await confine(root, `${root}/vm/a/disk`, FILE), `${root}/vm/a/disk`);
    assert.equal(await confine(root, "vm/a", { mustExist: true, kind: "dir" }), `${root}/vm/a`);
    assert.equal(await confine(root, "vm/b/c", { mustExist: false, kind: "file" }), `${root}/vm/b/c`);
    assert.match(await refusal(confine(root, "vm/b", FILE)), /^not_found: .*'vm\/b'/);
    assert.match(
      await refusal(confine(root, "vm/a", FILE)),
      /^invalid_registry: .*needs a file, and a folder is there/,
    );
    assert.match(await refusal(confine(root, "vm/a/disk/x", FILE)), /^invalid_registry: .*needs a folder/);
    assert.match(await refusal(confine(`${folder}/none`, "a", FILE)), /^not_found: the data root/);
  });
});

Deno.test("confine() follows a symbolic link only where it ends inside the root", async () => {
  await inTemporaryFolder(async (folder) => {
    const root = `${folder}/root`;
    await Deno.mkdir(`${root}/vm`, { recursive: true });
    await Deno.mkdir(`${folder}/root-evil`);
    await Deno.writeTextFile(`${folder}/root-evil/secret`, "");
    await Deno.writeTextFile(`${root}/vm/disk`, "");
    await Deno.symlink("vm/disk", `${root}/inside`);
    await Deno.symlink(`${folder}/root-evil`, `${root}/vm/out`);
    await Deno.symlink("../../root-evil/secret", `${root}/vm/file`);
    await Deno.symlink("nowhere", `${root}/dangling`);
    await Deno.symlink("/nowhere/at/all", `${root}/dangling2`);
    await Deno.symlink("loop", `${root}/loop`);
    await Deno.symlink("vm/out", `${root}/chain`);
    await Deno.symlink("..", `${root}/up`);
    await Deno.symlink(".", `${root}/self`);
    assert.equal(await confine(root, "inside", FILE), `${root}/vm/disk`);
    assert.equal(await confine(root, "self/vm/disk", FILE), `${root}/vm/disk`);
    for (
      const path of [
        "vm/out/secret",
        "vm/file",
        "chain/secret",
        "up/root-evil/secret",
        "vm/out/new",
      ]
    ) {
      for (const mustExist of [true, false]) {
        const said = await refusal(confine(root, path, { mustExist, kind: "file" }));
        assert.match(said, /^path_escape: .*leads out of the data root/, path);
      }
    }
    for (const path of ["dangling", "dangling2", "loop", "dangling/x"]) {
      const said = await refusal(confine(root, path, { mustExist: false, kind: "file" }));
      assert.match(said, /^path_escape: .*leads nowhere/, path);
    }
    await Deno.symlink(root, `${folder}/alias`);
    assert.equal(await confine(`${folder}/alias`, "vm/disk", FILE), `${root}/vm/disk`);
  });
});

Deno.test("confine() refuses devices, fifos and sockets, and links to them", async () => {
  await inTemporaryFolder(async (folder) => {
    const listener = Deno.listen({ transport: "unix", path: `${folder}/sock` });
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    await Deno.symlink("fifo", `${folder}/link`);
    for (const path of ["sock", "fifo", "link"]) {
      const said = await refusal(confine(folder, path, { mustExist: false, kind: "any" }));
      assert.match(said, /^path_escape: .*a device, a fifo or a socket/, path);
    }
    listener.close();
    const device = await refusal(confine("/dev", "null", FILE));
    assert.match(device, /^path_escape: .*a device/);
  });
});
