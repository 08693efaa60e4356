/** What the README's first command runs. */
import assert from "node:assert/strict";
import { exec } from "./rig.ts";

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

Deno.test("the demonstration goes through the whole main job and leaves nothing", async () => {
  const { code, stdout, stderr } = await exec(["demo", "--guest-cache", CACHE]);
  assert.equal(code, 0, stdout + stderr);
  const root = /^ +(\/\S*rayvisor-demo-\S+)$/m.exec(stdout + stderr)?.[1];
  assert.ok(root, "it says where it works");
  await assert.rejects(Deno.stat(root), Deno.errors.NotFound);
});
