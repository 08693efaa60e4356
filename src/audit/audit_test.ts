import assert from "node:assert/strict";
import fc from "fast-check";
import { type AuditEntry, chain, ChainVerifier, EMPTY_CHAIN } from "./record.ts";
import { AuditLog } from "./log.ts";
import { readAudit, verifyAudit } from "./files.ts";
import { canonicalJson } from "../core/json.ts";
import { Failure } from "../core/problem.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { systemRandom } from "../ports/random.ts";
import type { Clock } from "../ports/clock.ts";

const clock: Clock = { now: () => 1_790_000_000_000, monotonic: () => 0, after: () => () => {} };

function entry(n: number, more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    corr: `c${n}`,
    actor: { kind: "local" },
    phase: "requested",
    action: "vm.start",
    policy: "none" as PolicyRevision,
    ...more,
  };
}

async function withLog(
  options: { maxBytes?: number; keepFiles?: number },
  use: (log: AuditLog, folder: string, reopen: () => AuditLog) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-audit-" });
  const open = () =>
    new AuditLog({
      rayosLog: `${folder}/rayos.log`,
      auditFile: `${folder}/audit.jsonl`,
      headFile: `${folder}/audit.head`,
      clock,
      random: systemRandom,
      ...options,
    });
  let log = open();
  try {
    await use(log, folder, () => {
      log.close();
      return log = open();
    });
  } finally {
    log.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const verify = (folder: string, keep?: number) =>
  verifyAudit(`${folder}/audit.jsonl`, `${folder}/audit.head`, keep);

Deno.test("a chain of records verifies, across reopening and rotation", () =>
  withLog({ maxBytes: 2000, keepFiles: 100 }, async (log, folder, reopen) => {
    for (let i = 0; i < 10; i++) log.record(entry(i));
    log = reopen();
    for (let i = 10; i < 20; i++) log.record(entry(i), entry(i));
    assert.ok((await Array.fromAsync(Deno.readDir(folder))).length > 4, "it was rotated");
    const check = await verify(folder, 100);
    assert.ok(check.ok && check.records === 30 && check.first === 1);
  }));

Deno.test("a changed, removed, swapped or inserted record is found, and named", () =>
  withLog({}, async (log, folder) => {
    for (let i = 0; i < 5; i++) log.record(entry(i));
    const file = `${folder}/audit.jsonl`;
    const good = (await Deno.readTextFile(file)).trimEnd().split("\n");
    const swap = good.with(1, good[2] ?? "").with(2, good[1] ?? "");
    const cases: [string, string[], number][] = [
      ["changed", good.with(2, (good[2] ?? "").replace("vm.start", "vm.stop!")), 3],
      ["removed", good.toSpliced(1, 1), 2],
      ["swapped", swap, 2],
      ["inserted", good.toSpliced(3, 0, good[0] ?? ""), 4],
      ["not canonical", good.with(0, (good[0] ?? "").replace('{"', '{ "')), 1],
      ["not JSON", good.with(4, "{"), 5],
    ];
    for (const [what, lines, line] of cases) {
      await Deno.writeTextFile(file, lines.join("\n") + "\n");
      const check = await verify(folder);
      assert.ok(!check.ok, what);
      assert.equal(check.fault.line, line, what);
    }
  }));

Deno.test("cutting off the tail shows, because the head is kept apart", () =>
  withLog({}, async (log, folder) => {
    for (let i = 0; i < 4; i++) log.record(entry(i));
    const file = `${folder}/audit.jsonl`;
    const lines = (await Deno.readTextFile(file)).split("\n");
    await Deno.writeTextFile(file, lines.slice(0, 2).join("\n") + "\n");
    const cut = await verify(folder);
    assert.ok(!cut.ok);
    assert.match(cut.fault.why, /records 3 to 4 are missing/);
    await Deno.remove(`${folder}/audit.head`);
    assert.equal((await verify(folder)).ok, false, "a missing head is no way out");
  }));

Deno.test("a record that a crash left unfinished is cut off, and the chain goes on", () =>
  withLog({}, async (log, folder, reopen) => {
    log.record(entry(0), entry(1));
    await Deno.writeTextFile(`${folder}/audit.jsonl`, '{"action":"vm.st', { append: true });
    reopen().record(entry(2));
    const check = await verify(folder);
    assert.ok(check.ok && check.records === 3);
  }));

Deno.test("a record that was written just before a crash is kept although the head does not know it yet", () =>
  withLog({}, async (log, folder, reopen) => {
    log.record(entry(0));
    const head = await Deno.readFile(`${folder}/audit.head`);
    log.record(entry(1));
    await Deno.writeFile(`${folder}/audit.head`, head);
    assert.ok((await verify(folder)).ok);
    reopen().record(entry(2));
    const check = await verify(folder);
    assert.ok(check.ok && check.records === 3);
  }));

Deno.test("record() says audit_unavailable when the log can't be written, and the chain stays whole", () =>
  withLog({}, async (log, folder) => {
    log.record(entry(0));
    log.close(); // the kernel refuses the next write, as on a failed disk
    assert.throws(
      () => log.record(entry(1)),
      (error) => error instanceof Failure && error.code === "audit_unavailable",
    );
    assert.ok((await verify(folder)).ok);
  }));

Deno.test("nothing that a guest says can forge a line or a record", () =>
  withLog({}, async (log, folder) => {
    const evil = 'x\n2026-01-01T00:00:00.000Z INFO supervisor RAYOS_VM:running vm=other\u001b[2J "k=v"';
    log.emit("supervisor", { event: "RAYOS_SAFE_MODE:on", fields: { reason: evil } });
    log.record(entry(0, { detail: { reply: evil } }));
    const lines = (await Deno.readTextFile(`${folder}/rayos.log`)).trimEnd().split("\n");
    assert.equal(lines.length, 1);
    assert.ok(!lines[0]?.includes("\u001b"));
    assert.equal((await readAudit(`${folder}/audit.jsonl`)).length, 1);
    assert.ok((await verify(folder)).ok);
  }));

Deno.test("any change of one byte of a record is found", () => {
  const record = chain(EMPTY_CHAIN, entry(1, { detail: { n: 1.5, s: "é\n" } }), { time: "t", id: "i" });
  const line = canonicalJson(record);
  fc.assert(fc.property(fc.nat(line.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
    const changed = line.slice(0, at) + String.fromCharCode(code) + line.slice(at + 1);
    const verifier = new ChainVerifier();
    assert.equal(verifier.line(changed, "f", 1), changed === line);
  }));
});
