import assert from "node:assert/strict";
import { fileSystemOf, spaceOf } from "./disk_space.ts";

Deno.test("a file system tells its room, and every path on it has the same number", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/a/b`, { recursive: true });
    const space = await spaceOf(folder);
    assert.ok(space && space.totalBytes > 0 && space.freeBytes <= space.totalBytes);
    assert.ok(space.freeInodes <= space.totalInodes || space.totalInodes === 0);
    assert.equal(await fileSystemOf(folder), await fileSystemOf(`${folder}/a/b`));
    assert.notEqual(await fileSystemOf(folder), await fileSystemOf("/proc"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("of a path that is not there nothing is known", async () => {
  assert.equal(await fileSystemOf("/nowhere/at/all"), undefined);
  assert.equal(await spaceOf("/nowhere/at/all"), undefined);
});
