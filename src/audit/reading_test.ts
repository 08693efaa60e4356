import assert from "node:assert/strict";
import { readAudit, recordsOf, TrailFollower } from "./files.ts";
import { AuditLog, DEFAULT_LOGGING } from "./log.ts";
import { lineOf } from "./record.ts";
import type { FileOps } from "../ports/file_ops.ts";
import { systemRandom } from "../ports/random.ts";
import { clock, entry, withLog } from "../../tests/fakes/audit_rig.ts";
import { PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";

Deno.test("reading while the files are rotated misses no record and gives none twice", () => {
  const ops = new PowerCutFiles();
  const log = new AuditLog({
    rayosLog: "/logs/rayos.log",
    auditFile: "/logs/audit.jsonl",
    headFile: "/logs/audit.head",
    clock,
    random: systemRandom,
    ops,
    rules: { maxBytes: 1500, keepFiles: 100 },
  });
  const write = (n: number) => Array.from({ length: n }, (_, i) => log.record(entry(i)));
  write(30);
  for (let at = 1; at < 10; at++) {
    let opened = 0;
    const rotating: FileOps = {
      open(path, how) {
        const file = ops.open(path, how);
        if (++opened === at) write(6);
        return file;
      },
      rename: (from, to) => ops.rename(from, to),
      remove: (path) => ops.remove(path),
      flushFolder: (path) => ops.flushFolder(path),
      names: (folder) => ops.names(folder),
      idAt: (path) => ops.idAt(path),
    };
    const seqs = [...recordsOf("/logs/audit.jsonl", undefined, rotating)].map(({ record }) => record.seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: seqs.length }, (_, i) => i + 1),
      `rotated at the ${at}th file`,
    );
    assert.ok(seqs.length >= 30 + (at - 1) * 6);
  }
});

Deno.test("a follower gives each new record once, across rotations, and none of before", () =>
  withLog({ maxBytes: 1500, keepFiles: 4 }, (rig) => {
    for (let i = 0; i < 3; i++) rig.log.record(entry(i));
    const follower = new TrailFollower(rig.file);
    const next = () => [...follower.next()].map(({ record }) => record.seq);
    assert.deepEqual(next(), []);
    rig.log.record(entry(4));
    assert.deepEqual(next(), [4]);
    assert.deepEqual(next(), []);
    let seq = 4;
    for (const count of [1, 3, 8, 2]) { // 8: more than one rotation between two looks
      for (let i = 0; i < count; i++) rig.log.record(entry(i));
      assert.deepEqual(next(), Array.from({ length: count }, () => ++seq));
    }
    follower.close();
  }));

Deno.test("a follower that begins before the first record gives all of them", () =>
  withLog({}, async (rig) => {
    await Deno.remove(rig.file);
    const follower = new TrailFollower(rig.file);
    assert.deepEqual([...follower.next()], []);
    rig.log.record(entry(0));
    assert.equal([...follower.next()].at(-1)?.record.corr, "c0");
    follower.close();
  }));

Deno.test("records are read from the end, from the start, and filtered, the very lines of the files", () =>
  withLog({ maxBytes: 1500, keepFiles: 100 }, (rig) => {
    for (let i = 0; i < 20; i++) rig.log.record(entry(i));
    assert.deepEqual(readAudit(rig.file, { limit: 3 }).map(({ seq }) => seq), [18, 19, 20]);
    assert.deepEqual(
      [...recordsOf(rig.file)].map(({ record }) => record.seq),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    const some = [...recordsOf(rig.file, ({ corr }) => corr === "c7")];
    assert.deepEqual(some.map(({ record }) => record.seq), [8]);
    assert.equal(some[0]?.line, some[0] && lineOf(some[0].record));
  }));

Deno.test("logging.persist = false keeps rayos.log off the disk, but not the audit trail nor those who listen", () =>
  withLog({ persist: false }, async (rig) => {
    let heard = 0;
    rig.log.listen(() => heard++);
    rig.log.emit("supervisor", { event: "RAYOS_SAFE_MODE:on", fields: {} });
    rig.log.record(entry(0));
    assert.equal(heard, 1);
    assert.equal(await Deno.readTextFile(`${rig.folder}/rayos.log`).catch(() => null), null);
    assert.ok(rig.verify().ok);
    rig.log.configure({ ...DEFAULT_LOGGING, level: "warn" });
    rig.log.emit("supervisor", { event: "RAYOS_SUPERVISOR:ready", fields: {} });
    rig.log.emit("supervisor", { event: "RAYOS_SAFE_MODE:off", fields: {} });
    assert.match(
      await Deno.readTextFile(`${rig.folder}/rayos.log`),
      /^\S+ WARN supervisor RAYOS_SAFE_MODE:off\n$/,
    );
  }));

Deno.test("half a line that a crash left in rayos.log is cut off", () =>
  withLog({}, async (rig) => {
    rig.log.emit("supervisor", { event: "RAYOS_VM:stopped", fields: { vm: "a" } });
    rig.log.close();
    await Deno.writeTextFile(
      `${rig.folder}/rayos.log`,
      "2026-01-01T00:00:00.000Z INFO supervisor RAYOS_VM:stop",
      {
        append: true,
      },
    );
    rig.reopen().emit("supervisor", { event: "RAYOS_VM:start", fields: { vm: "b" } });
    const log = await Deno.readTextFile(`${rig.folder}/rayos.log`);
    assert.deepEqual(log.trimEnd().split("\n").map((line) => line.slice(25)), [
      "INFO supervisor RAYOS_VM:stopped vm=a",
      "INFO supervisor RAYOS_VM:start vm=b",
    ]);
  }));
