import assert from "node:assert/strict";
import fc from "fast-check";
import { type AuditRecord, chain, EMPTY_CHAIN, lineOf, MAX_BATCH } from "./record.ts";
import { AuditLog, DEFAULT_LOGGING } from "./log.ts";
import { readAudit } from "./files.ts";
import { parseSlot } from "./head.ts";
import { ChainVerifier } from "./verify.ts";
import { Failure } from "../core/problem.ts";
import { systemRandom } from "../ports/random.ts";
import { assertBroken, entry, withLog } from "../../tests/fakes/audit_rig.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";

Deno.test("a chain of records verifies, across reopening and rotation", () =>
  withLog({ maxBytes: 2000, keepFiles: 100 }, async (rig) => {
    for (let i = 0; i < 10; i++) rig.log.record(entry(i));
    rig.reopen();
    for (let i = 10; i < 20; i++) rig.log.record(entry(i), entry(i));
    assert.ok((await Array.fromAsync(Deno.readDir(rig.folder))).length > 4, "it was rotated");
    const check = rig.verify();
    assert.ok(check.ok && check.records === 30 && check.begins?.seq === 1 && !check.unfinished);
  }));

Deno.test("no more files than policy says are kept, none is larger, and the trail says where it begins", () =>
  withLog({ maxBytes: 2000, keepFiles: 3 }, async (rig) => {
    const sizes = async () => {
      const entries = await Array.fromAsync(Deno.readDir(rig.folder));
      const names = entries.map(({ name }) => name).filter((name) => name.startsWith("audit.jsonl")).sort();
      return Promise.all(
        names.map(async (name) => [name, (await Deno.stat(`${rig.folder}/${name}`)).size] as const),
      );
    };
    for (let i = 0; i < 30; i++) rig.log.record(entry(i));
    const three = await sizes();
    assert.deepEqual(three.map(([name]) => name), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
    for (const [name, size] of three) assert.ok(size <= 2000, `${name}: ${size}`);
    const check = rig.verify();
    assert.ok(check.ok && check.head.seq === 30 && check.begins && check.begins.seq > 10);
    rig.log.configure({ ...DEFAULT_LOGGING, maxBytes: 2000, keepFiles: 5 });
    for (let i = 0; i < 30; i++) rig.log.record(entry(i));
    assert.equal((await sizes()).length, 5, "more are kept from now on");
    rig.log.configure({ ...DEFAULT_LOGGING, maxBytes: 1000, keepFiles: 2 });
    for (let i = 0; i < 5; i++) rig.log.record(entry(i));
    const two = await sizes();
    assert.deepEqual(two.map(([name]) => name), ["audit.jsonl", "audit.jsonl.1"]);
    assert.ok((two[0]?.[1] ?? Infinity) <= 1000);
    assert.ok(rig.verify().ok);
    rig.log.configure({ ...DEFAULT_LOGGING, maxBytes: 1000, keepFiles: 1 });
    for (let i = 0; i < 5; i++) rig.log.record(entry(i));
    assert.equal((await sizes()).length, 1);
    assert.ok(rig.verify().ok);
    assert.equal(rig.reopen().head.seq, 70);
  }));

Deno.test("a changed, removed, swapped or inserted record is found, and named", () =>
  withLog({}, async (rig) => {
    for (let i = 0; i < 5; i++) rig.log.record(entry(i));
    const good = await rig.lines();
    const at = (i: number) => good[i] ?? "";
    const cases: [string, string[], number][] = [
      ["changed", good.with(2, at(2).replace("vm.start", "vm.stop!")), 3],
      ["removed", good.toSpliced(1, 1), 2],
      ["swapped", good.with(1, at(2)).with(2, at(1)), 2],
      ["inserted", good.toSpliced(3, 0, at(0)), 4],
      ["not canonical", good.with(0, at(0).replace('{"', '{ "')), 1],
      ["not JSON", good.with(4, "{"), 5],
      ["the beginning removed", good.slice(1), 1],
      ["empty line", good.toSpliced(2, 0, ""), 3],
    ];
    for (const [what, lines, line] of cases) {
      await rig.put(lines);
      const check = rig.verify();
      assert.ok(!check.ok, what);
      assert.equal(check.fault.line, line, what);
      assert.equal(check.fault.file, rig.file);
    }
  }));

Deno.test("a trail that was written anew from some record on is found, although each hash in it is right", () =>
  withLog({}, async (rig) => {
    for (let i = 0; i < 4; i++) rig.log.record(entry(i));
    let head = EMPTY_CHAIN;
    const forged = Array.from({ length: 9 }, (_, i) => {
      const record: AuditRecord = chain(head, entry(i, { action: "vm.kill" }), { time: "t", id: `${i}` });
      head = record;
      return lineOf(record);
    });
    for (const length of [4, 5, 9]) {
      await rig.put(forged.slice(0, length));
      assertBroken(rig, /not the record that the kept head names/, `${length} records`);
    }
  }));

Deno.test("cutting off the tail shows, and goes on showing after the supervisor was started again", async (t) => {
  for (const left of [3, 2, 0]) {
    await t.step(`${left} of 4 left`, () =>
      withLog({}, async (rig) => {
        for (let i = 0; i < 4; i++) rig.log.record(entry(i));
        await rig.put((await rig.lines()).slice(0, left));
        const missing = new RegExp(`records ${left + 1} to 4 are missing at the end`);
        assertBroken(rig, missing);
        rig.reopen().record(entry(5));
        rig.reopen().record(entry(6));
        assertBroken(rig, left === 0 ? /should begin at record 1/ : /records \d to 4 are missing/);
        const told = readAudit(rig.file, { filter: ({ action }) => action === "audit.mismatch" });
        assert.equal(told.length, 1, "and it is on record");
        assert.equal(told[0]?.seq, 5, "no number is used twice");
        assert.match(String(told[0]?.detail?.why), missing);
      }));
  }
});

Deno.test("a kept head that is gone, older than a crash explains, or of another trail shows for good", async (t) => {
  const spoil: Record<string, (head: string, old: Uint8Array) => Promise<void>> = {
    gone: (head) => Deno.remove(head),
    empty: (head) => Deno.writeTextFile(head, ""),
    old: (head, old) => Deno.writeFile(head, old),
  };
  for (const [name, how] of Object.entries(spoil)) {
    await t.step(name, () =>
      withLog({}, async (rig) => {
        rig.log.record(entry(0));
        const old = await Deno.readFile(`${rig.folder}/audit.head`);
        for (let i = 0; i < MAX_BATCH + 3; i++) rig.log.record(entry(i));
        rig.log.close();
        await how(`${rig.folder}/audit.head`, old);
        assertBroken(rig, /kept head/);
        const before = await rig.lines();
        rig.reopen(); // one that ends before it has recorded anything hides nothing
        assertBroken(rig, /kept head/);
        rig.reopen().record(entry(9));
        assert.deepEqual((await rig.lines()).slice(0, before.length), before, "no record is thrown away");
        assertBroken(rig, /earlier damage/);
      }));
  }
});

Deno.test("old files that vanish otherwise than by rotation show", () =>
  withLog({ maxBytes: 1500, keepFiles: 5 }, async (rig) => {
    for (let i = 0; i < 40; i++) rig.log.record(entry(i));
    assert.ok(rig.verify().ok);
    await Deno.remove(`${rig.file}.4`);
    assertBroken(rig, /trail should begin at record \d+/);
  }));

Deno.test("a trail that is removed under a running supervisor shows, and is written on", () =>
  withLog({}, async (rig) => {
    for (let i = 0; i < 3; i++) rig.log.record(entry(i));
    await Deno.remove(rig.file);
    rig.log.record(entry(4));
    assert.deepEqual(readAudit(rig.file).map(({ seq, action }) => [seq, action]), [
      [4, "audit.mismatch"],
      [5, "vm.start"],
    ]);
    assertBroken(rig, /should begin at record 1/);
  }));

Deno.test("a record that a crash left unfinished is cut off, which is on record, and the chain goes on", async (t) => {
  for (
    const [name, rest] of [["half a line", '{"action":"vm.st'], ["zeros", "\0".repeat(9000)], [
      "zeros and a line",
      "\0\0\n{}\n",
    ]]
  ) {
    await t.step(name ?? "", () =>
      withLog({}, async (rig) => {
        rig.log.record(entry(0), entry(1));
        await Deno.writeTextFile(rig.file, rest ?? "", { append: true });
        const before = rig.verify();
        assert.ok(before.ok && before.unfinished, JSON.stringify(before));
        rig.reopen().record(entry(2));
        const check = rig.verify();
        assert.ok(check.ok && check.records === 4 && !check.unfinished, JSON.stringify(check));
        assert.equal(readAudit(rig.file)[2]?.action, "audit.repaired");
      }));
  }
});

Deno.test("a record that was written just before a crash is kept although the head does not know it yet", () =>
  withLog({}, async (rig) => {
    rig.log.record(entry(0));
    const head = await Deno.readFile(`${rig.folder}/audit.head`);
    rig.log.record(entry(1));
    await Deno.writeFile(`${rig.folder}/audit.head`, head);
    assert.ok(rig.verify().ok);
    rig.reopen().record(entry(2));
    const check = rig.verify();
    assert.ok(check.ok && check.records === 3);
  }));

Deno.test("half a slot of the kept head leaves the other one to go by", () =>
  withLog({}, async (rig) => {
    for (let i = 0; i < 4; i++) rig.log.record(entry(i));
    const path = `${rig.folder}/audit.head`;
    const head = await Deno.readTextFile(path);
    const seqs = [parseSlot(head)?.seq, parseSlot(head.slice(4096))?.seq];
    assert.deepEqual(seqs.sort(), [3, 4]);
    const later = parseSlot(head)?.seq === 4 ? 0 : 4096;
    await Deno.writeTextFile(path, head.slice(0, later + 30) + "x" + head.slice(later + 31));
    assert.ok(rig.verify().ok, "one record ahead is what a crash leaves");
    assert.equal(rig.reopen().head.seq, 4);
  }));

Deno.test("record() says audit_unavailable while the log can't be written, and goes on by itself when it can", () =>
  withLog({}, async (rig) => {
    rig.log.record(entry(0));
    const events: string[] = [];
    rig.log.listen(({ event }) => events.push(event));
    await Deno.rename(rig.folder, `${rig.folder}.away`);
    const refused = (error: unknown) => error instanceof Failure && error.code === "audit_unavailable";
    assert.throws(() => rig.log.record(entry(1)), refused);
    assert.throws(() => rig.log.record(entry(2)), refused);
    rig.log.recordLate(entry(3, { phase: "finished" }));
    await Deno.rename(`${rig.folder}.away`, rig.folder);
    rig.log.record(entry(4));
    assert.deepEqual(
      readAudit(rig.file).map(({ corr, action }) => action === "audit.available" ? action : corr),
      ["c0", "audit.available", "c3", "c4"],
    );
    assert.ok(readAudit(rig.file)[2]?.detail?.happened_at, "what comes late says when it was");
    assert.deepEqual(events, ["RAYOS_AUDIT:unavailable", "RAYOS_AUDIT:available"]);
    assert.ok(rig.verify().ok);
  }));

Deno.test("what is owed is written as soon as it can be, although nobody asks for anything", () =>
  withLog({}, async (rig) => {
    const clock = new ManualClock();
    const log = new AuditLog({
      rayosLog: `${rig.folder}/rayos.log`,
      auditFile: rig.file,
      headFile: `${rig.folder}/audit.head`,
      clock,
      random: systemRandom,
    });
    const away = `${rig.folder}.away`;
    await Deno.rename(rig.folder, away);
    log.recordLate(entry(1, { phase: "finished" }));
    clock.advance(60_000);
    await Deno.rename(away, rig.folder);
    clock.advance(2_000);
    assert.deepEqual(
      readAudit(rig.file).map(({ corr, action }) => action === "audit.available" ? action : corr),
      ["audit.available", "c1"],
    );
    assert.equal(clock.armed, 0);
    log.close();
    assert.ok(rig.verify().ok);
  }));

Deno.test("any change of one byte of a record is found", () => {
  const record = chain(EMPTY_CHAIN, entry(1, { detail: { n: 1.5, s: "é\n\u2028" } }), { time: "t", id: "i" });
  const line = lineOf(record);
  fc.assert(fc.property(fc.nat(line.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
    const changed = line.slice(0, at) + String.fromCharCode(code) + line.slice(at + 1);
    const verifier = new ChainVerifier(undefined, "f");
    assert.equal(verifier.line(changed, "f", 1), changed === line);
  }));
});
