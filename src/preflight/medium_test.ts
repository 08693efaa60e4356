import assert from "node:assert/strict";
import fc from "fast-check";
import { lookAtMedium, mediumKind } from "./medium.ts";

const text = (content: string) => new TextEncoder().encode(content);

Deno.test("lookAtMedium() tells a real image made by xorriso from other files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/a.txt`, "hello");
    const made = await new Deno.Command("xorriso", {
      args: ["-as", "mkisofs", "-quiet", "-o", `${folder}/x.iso`, `${folder}/a.txt`],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.ok(made.success, new TextDecoder().decode(made.stderr));
    const look = await lookAtMedium(`${folder}/x.iso`);
    assert.ok(
      look.there && look.kind === "iso9660" && look.bytes === (await Deno.stat(`${folder}/x.iso`)).size,
    );
    assert.deepEqual(await lookAtMedium(`${folder}/a.txt`), { there: true, bytes: 5, kind: "other" });
    assert.deepEqual(await lookAtMedium(`${folder}/none`), { there: false });
    assert.deepEqual(await lookAtMedium(folder), { there: false }, "a folder is no medium");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mediumKind() names what was saved instead of an image", () => {
  assert.equal(mediumKind(new Uint8Array()), "empty");
  assert.equal(mediumKind(text("\n<!DOCTYPE html><html>")), "html");
  assert.equal(mediumKind(text("<HTML>")), "html");
  assert.equal(mediumKind(text("PK\x03\x04...")), "zip");
  assert.equal(mediumKind(new Uint8Array(70_000)), "other");
  const udf = new Uint8Array(32768 + 8192);
  udf.set(text("BEA01"), 32769);
  udf.set(text("NSR02"), 32769 + 2048);
  assert.equal(mediumKind(udf), "udf");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => void mediumKind(bytes)));
});
