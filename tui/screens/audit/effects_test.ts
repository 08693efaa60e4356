import assert from "node:assert/strict";
import { entry, withLog } from "../../../tests/fakes/audit_rig.ts";
import type { VmId } from "../../../src/core/ids.ts";
import { runningWork } from "../../../tests/fakes/screen_work.ts";
import { runAuditWork } from "./effects.ts";
import { parseFilter } from "./filter.ts";
import type { AuditMessage, AuditWork } from "./state.ts";

/** Runs a piece of work; `next` gives its next message that is no mere progress. */
function running(work: AuditWork, folder: string) {
  const files = { auditFile: `${folder}/audit.jsonl`, auditHead: `${folder}/audit.head` };
  const { stop, until } = runningWork<AuditMessage>((send, signal) =>
    runAuditWork(work, files, send, signal)
  );
  return { stop, next: () => until((message) => !isProgress(message)) };
}

function isProgress(message: AuditMessage): boolean {
  return message.kind === "verifying" || (message.kind === "records" && message.searching);
}

const FOLLOW = { kind: "follow", run: 7, filter: [], limit: 2 } as const;

Deno.test("following gives the last records, oldest first, then each that comes", () =>
  withLog({}, async (rig) => {
    rig.log.record(entry(1), entry(2), entry(3));
    const work = running(FOLLOW, rig.folder);
    const first = await work.next();
    assert.deepEqual(first.kind === "records" && first.records.map(({ corr }) => corr), ["c2", "c3"]);
    rig.log.record(entry(4));
    const more = await work.next();
    assert.deepEqual(more.kind === "more" && more.records.map(({ corr }) => corr), ["c4"]);
    await work.stop();
  }));

Deno.test("a filter is looked for in the whole trail and holds for what comes", () =>
  withLog({}, async (rig) => {
    const vm = "web" as VmId;
    rig.log.record(entry(1, { vm }), entry(2), entry(3));
    const parsed = parseFilter("vm=web");
    assert.ok(parsed.ok);
    const work = running({ ...FOLLOW, limit: 1, filter: parsed.filter }, rig.folder);
    const first = await work.next();
    assert.deepEqual(first.kind === "records" && first.records.map(({ corr }) => corr), ["c1"]);
    rig.log.record(entry(4), entry(5, { vm }));
    const more = await work.next();
    assert.deepEqual(more.kind === "more" && more.records.map(({ corr }) => corr), ["c5"]);
    await work.stop();
  }));

Deno.test("verifying gives the verdict of the whole chain", () =>
  withLog({}, async (rig) => {
    rig.log.record(entry(1), entry(2));
    const holds = await running({ kind: "verify", run: 1 }, rig.folder).next();
    assert.ok(holds.kind === "verified" && holds.check.ok && holds.check.records === 2);
    const lines = await rig.lines();
    await rig.put(lines.slice(0, 1));
    const broken = await running({ kind: "verify", run: 1 }, rig.folder).next();
    assert.match(
      broken.kind === "verified" && !broken.check.ok ? broken.check.fault.why : "",
      /missing at the end/,
    );
  }));

Deno.test("a trail in a folder that is not there is told of, not thrown", async () => {
  const told = await running(FOLLOW, "/nowhere/at/all").next();
  assert.equal(told.kind, "records");
  const verdict = await running({ kind: "verify", run: 1 }, "/nowhere/at/all").next();
  assert.match(verdict.kind, /verified/);
});
