import assert from "node:assert/strict";
import { parseVmId } from "../core/ids.ts";
import { fail } from "../core/problem.ts";
import { LOST_DATA, LOST_NAMES, PowerCut, PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";
import { type Intent, Journal, type JournalEntry } from "./journal.ts";

const FOLDER = "/vm/intents";
const VM = parseVmId("g1") ?? fail("internal", "g1 is an id");
const FIRST: Intent = { kind: "define", vm: VM, made: ["vm/linux/g1", "vm/linux/g1/disk.qcow2"] };
const SECOND: Intent = { kind: "stop", vm: VM, graceS: 60 };

/** An action and the next one, as the supervisor goes about them. */
async function work(ops: PowerCutFiles, begun: string[], ended: string[]): Promise<void> {
  const journal = new Journal(FOLDER, ops);
  for (const [corr, intent] of [["a", FIRST], ["b", SECOND]] as const) {
    await journal.begin(corr, intent);
    begun.push(corr);
    journal.end(VM);
    ended.push(corr);
  }
}

function corrs(entries: readonly JournalEntry[]): string[] {
  return entries.map(({ corr }) => corr);
}

Deno.test("the journal gives what was begun until it is ended, and one intent a guest", async () => {
  const ops = new PowerCutFiles();
  const journal = new Journal(FOLDER, ops);
  await journal.begin("a", FIRST);
  assert.deepEqual(journal.unfinished(), {
    entries: [{ version: 0, corr: "a", intent: FIRST }],
    unreadable: [],
  });
  await journal.begin("b", SECOND);
  assert.deepEqual(corrs(journal.unfinished().entries), ["b"]);
  journal.end(VM);
  journal.end(VM);
  assert.deepEqual(journal.unfinished(), { entries: [], unreadable: [] });
  assert.equal(ops.handles, 0);
});

Deno.test("a power cut at any step of the journal leaves an intent whole or not at all: what was begun is there, what ended is gone", async () => {
  const probe = new PowerCutFiles();
  await work(probe, [], []);
  assert.ok(probe.steps > 10);
  for (let at = 0; at <= probe.steps; at++) {
    for (const partly of [false, true]) {
      const ops = new PowerCutFiles();
      ops.plan = { at, how: "power", partly };
      const begun: string[] = [], ended: string[] = [];
      await work(ops, begun, ended).catch((error: unknown) => assert.ok(error instanceof PowerCut));
      for (const data of LOST_DATA) {
        for (const names of LOST_NAMES) {
          const found = ops.afterPowerCut(data, names);
          const what = `step ${at}${partly ? ", in the middle" : ""}, data ${data}, names ${names}`;
          const { entries, unreadable } = new Journal(FOLDER, found).unfinished();
          assert.deepEqual(unreadable, [], what);
          // `end` reports nothing, so the last one may or may not be ended on disk; an intent that was begun before is gone.
          const last = begun.at(-1);
          const open = last !== undefined && !ended.includes(last);
          if (open) assert.ok(entries.length === 1 && corrs(entries)[0] !== undefined, what);
          assert.ok(corrs(entries).every((corr) => ["a", "b"].includes(corr)), what);
          assert.ok(entries.length <= 1, what);
          assert.equal(found.handles, 0, what);
        }
      }
    }
  }
});

Deno.test("a journal that can't be written refuses what would begin, and lets a guest be ended all the same", async () => {
  const probe = new PowerCutFiles();
  await new Journal(FOLDER, probe).begin("a", FIRST);
  for (let at = 0; at < probe.steps; at++) {
    const ops = new PowerCutFiles();
    ops.plan = { at, how: "error", lasting: true };
    await assert.rejects(new Journal(FOLDER, ops).begin("a", FIRST), /No space left/);
    const other = new PowerCutFiles();
    other.plan = { at, how: "error", lasting: true };
    await new Journal(FOLDER, other).begin("b", SECOND);
    assert.equal(ops.handles + other.handles, 0);
  }
});

Deno.test("files in the journal's folder that are no intents of ours are named once and removed", () => {
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const ops = new PowerCutFiles(
    new Map([
      [`${FOLDER}/g1.json`, text({ version: 0, corr: "a", intent: { kind: "stop", vm: "g2", graceS: 1 } })],
      [`${FOLDER}/g3.json`, text({ version: 7 })],
      [`${FOLDER}/g4.json.0a1b2c3d.tmp`, text({})],
    ]),
  );
  const journal = new Journal(FOLDER, ops);
  assert.deepEqual(journal.unfinished(), { entries: [], unreadable: ["g1.json", "g3.json"] });
  assert.deepEqual(ops.names(FOLDER), []);
});
