import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import fc from "fast-check";
import { lookAtMedium, whatIs } from "./medium.ts";

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
    const { size } = await Deno.stat(`${folder}/x.iso`);
    const title = "a disc image (ISO 9660)";
    assert.deepEqual(await lookAtMedium(`${folder}/x.iso`), {
      ...{ kind: "unknown", bytes: size, title, problems: [], warnings: [] },
    });
    const other = await lookAtMedium(`${folder}/a.txt`);
    assert.deepEqual(other.problems, [{ message: "it is something else, no disc image" }]);
    for (const path of [`${folder}/none`, folder]) {
      await assert.rejects(
        lookAtMedium(path),
        (error) => error instanceof Failure && error.code === "not_found",
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("whatIs() names what was saved instead of an image", () => {
  const title = (bytes: Uint8Array) => whatIs(bytes).title;
  assert.equal(title(new Uint8Array()), "an empty file");
  assert.equal(title(text("\n<!DOCTYPE html><html>")), "a saved web page");
  assert.equal(title(text("<HTML>")), "a saved web page");
  assert.equal(title(text("PK\x03\x04...")), "a ZIP archive");
  assert.equal(title(new Uint8Array(70_000)), "something else");
  const udf = new Uint8Array(32768 + 8192);
  udf.set(text("BEA01"), 32769);
  udf.set(text("NSR02"), 32769 + 2048);
  assert.equal(title(udf), "a disc image (UDF)");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => void whatIs(bytes)));
});
