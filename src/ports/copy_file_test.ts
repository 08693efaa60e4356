import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { copyFile } from "./copy_file.ts";

Deno.test("copyFile() copies whole, tells how far it is, writes over nothing and ends when it is called off", async () => {
  const folder = await Deno.makeTempDir({ prefix: "rv-copy-" });
  try {
    const from = `${folder}/a`, to = `${folder}/b`;
    const bytes = crypto.getRandomValues(new Uint8Array(65536));
    await Deno.writeFile(from, new Uint8Array([...Array(40)].flatMap(() => [...bytes])));
    const told: [number, number][] = [];
    await copyFile(from, to, { onBytes: (done, of) => told.push([done, of]) });
    assert.deepEqual(await Deno.readFile(to), await Deno.readFile(from));
    assert.equal((await Deno.stat(to)).mode! & 0o777, 0o600);
    assert.deepEqual(told.at(-1), [40 * 65536, 40 * 65536]);
    await assert.rejects(copyFile(from, to), Deno.errors.AlreadyExists);
    const reason = new Failure({ code: "cancelled", message: "off" });
    await assert.rejects(copyFile(from, `${folder}/c`, { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(copyFile(folder, `${folder}/d`));
    await assert.rejects(copyFile(`${folder}/none`, `${folder}/e`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
