import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { reportPath, reportsOf } from "./crash_report.ts";

Deno.test("reports of a guest are found by its whole id, the oldest first", async () => {
  const root = await Deno.makeTempDir({ prefix: "rv-" });
  try {
    const layout = layoutOf(root);
    assert.deepEqual(await reportsOf(layout, "a"), []);
    await Deno.mkdir(layout.crashFolder);
    const at = Date.UTC(2026, 0, 31, 12);
    const paths = [at + 1, at, at + 60_000].map((moment) => reportPath(layout, "a", moment));
    const others = ["a-b", "a.b", "b", "a-2026-01-31"].map((id) => reportPath(layout, id, at));
    const no = [`${layout.crashFolder}/a-supervisor.json`, `${reportPath(layout, "a", at)}.0123abcd.tmp`];
    for (const path of [...paths, ...others, ...no]) await Deno.writeTextFile(path, "{}\n");
    assert.deepEqual(await reportsOf(layout, "a"), paths.toSorted());
    assert.deepEqual(await reportsOf(layout, "a-b"), [others[0]]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
