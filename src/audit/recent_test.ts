import assert from "node:assert/strict";
import { formatLogLine } from "./line.ts";
import { lastEvents } from "./recent.ts";

Deno.test("lastEvents() goes on in the rotated files where the newest one has too few", async () => {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-events-" });
  const line = (n: number, vm: string) =>
    formatLogLine(n, "info", "supervisor", "RAYOS_VM:start", { vm }) + "\n";
  try {
    await Deno.writeTextFile(`${folder}/rayos.log.2`, line(1, "a") + line(2, "b"));
    await Deno.writeTextFile(`${folder}/rayos.log.1`, `${line(3, "a")}no event\n`);
    await Deno.writeTextFile(`${folder}/rayos.log`, line(4, "b"));
    const ms = (events: ReturnType<typeof lastEvents>) => events.map(({ time }) => Date.parse(time));
    assert.deepEqual(ms(lastEvents(`${folder}/rayos.log`, 3)), [2, 3, 4]);
    assert.deepEqual(ms(lastEvents(`${folder}/rayos.log`, 9, ({ fields }) => fields.vm === "a")), [1, 3]);
    assert.deepEqual(lastEvents(`${folder}/none.log`, 3), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
