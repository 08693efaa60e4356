import assert from "node:assert/strict";
import fc from "fast-check";
import { readAudit, verifyAudit } from "../audit/files.ts";
import { AuditLog } from "../audit/log.ts";
import { type Actor, type AuditRecord, END_PHASES } from "../audit/record.ts";
import type { PolicyRevision, VmId } from "../core/ids.ts";
import { fail, Failure, problemOf } from "../core/problem.ts";
import { systemRandom } from "../ports/random.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { PowerCut, PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";
import { Ledger } from "./ledger.ts";

const AUDIT = "/logs/audit.jsonl";
const HEAD = "/logs/audit.head";
const LOCAL: Actor = { kind: "local" };
const REVISION = "none" as PolicyRevision; // the documented value for no policy
const VM = "g1" as VmId; // an id that its parser would make
const WHY = { rule: "r", why: "because" };

interface Rig {
  readonly ops: PowerCutFiles;
  readonly ledger: Ledger;
  readonly events: string[];
  records(): AuditRecord[];
}

function rig(ops = new PowerCutFiles()): Rig {
  const log = new AuditLog({
    rayosLog: "/logs/rayos.log",
    auditFile: AUDIT,
    headFile: HEAD,
    clock: new ManualClock(),
    random: systemRandom,
    ops,
    rules: { maxBytes: 20_000, keepFiles: 100 },
  });
  const events: string[] = [];
  log.listen(({ event }) => events.push(event));
  return {
    ops,
    ledger: new Ledger(log, systemRandom, () => REVISION),
    events,
    records: () => readAudit(AUDIT, {}, ops),
  };
}

const ask = (ledger: Ledger, action = "vm.start") =>
  ledger.ask(action, LOCAL, { vm: VM, params: { a: 1 }, masked: [] });
const going = { vm: VM, reasons: [WHY], obligations: [] };

Deno.test("carryOut() has the beginning on disk before the effect, and the end after it", async () => {
  const { ledger, records, events } = rig();
  const seen: string[][] = [];
  const phases = () => records().map(({ phase }) => phase);
  const done = await ledger.carryOut(ask(ledger), going, () => {
    seen.push(phases());
    ledger.emit({ event: "RAYOS_VM:start", fields: { vm: VM, kind: "linux" } }, "supervisor");
    return Promise.resolve("well");
  }, (state) => ({ state }));
  assert.equal(done, "well");
  assert.deepEqual(seen, [["requested", "decided", "started"]]);
  assert.deepEqual(phases(), ["requested", "decided", "started", "observed", "finished"]);
  const all = records();
  assert.equal(
    new Set(all.map(({ corr }) => corr)).size,
    1,
    "what the action does to its guest has its correlation id",
  );
  assert.ok(
    all.every((record) => record.vm === VM && record.policy === REVISION && record.id && record.actor),
  );
  assert.deepEqual(all[0]?.detail, { params: { a: 1 } });
  assert.deepEqual(all[1]?.reasons, [WHY]);
  assert.equal(all[3]?.event, "RAYOS_VM:start");
  assert.deepEqual(all[3]?.detail, { kind: "linux" });
  assert.equal(all[4]?.event, "RAYOS_HOST_ACK:vm.start:ok:done");
  assert.deepEqual(events, ["RAYOS_VM:start", "RAYOS_HOST_ACK:vm.start:ok:done"]);
});

Deno.test("nothing can come between the record of beginning and the effect", () => {
  const { ledger, records } = rig();
  let begun = 0;
  void ledger.carryOut(ask(ledger), going, () => {
    begun = records().length;
    return Promise.resolve("");
  }, () => ({}));
  assert.equal(begun, 3, "the effect has begun before anything else of this program can run");
});

Deno.test("an end says whether the action failed or its outcome is unknown", async () => {
  const { ledger, records } = rig();
  for (const code of ["failed", "outcome_unknown", "cancelled"] as const) {
    await assert.rejects(
      ledger.carryOut(
        ask(ledger),
        going,
        () => Promise.reject(new Failure({ code, message: code })),
        () => ({}),
      ),
    );
  }
  const ends = records().filter(({ phase }) => END_PHASES.includes(phase));
  assert.deepEqual(ends.map(({ phase, detail }) => [phase, detail?.code]), [
    ["failed", "failed"],
    ["outcome_unknown", "outcome_unknown"],
    ["failed", "cancelled"],
  ]);
});

Deno.test("a refusal is one request and one refusal, with every reason, and a marker for each rule", () => {
  const { ledger, records, events } = rig();
  const reasons = [{ rule: "vcpu_cap", why: "too many", where: "linux.limits.cpus:12" }, {
    rule: "memory_cap",
    why: "x",
  }];
  ledger.refuse(ask(ledger), { code: "denied", message: "no", reasons });
  ledger.refuse(ask(ledger), { code: "wrong_state", message: "it runs" });
  assert.deepEqual(records().map(({ phase }) => phase), ["requested", "refused", "requested", "failed"]);
  const refused = records()[1];
  assert.deepEqual(refused?.reasons, reasons);
  assert.deepEqual(refused?.detail?.violations, events.slice(0, 2));
  assert.deepEqual(events, [
    "RAYOS_POLICY_VIOLATION:vcpu_cap:linux.limits.cpus_12",
    "RAYOS_POLICY_VIOLATION:memory_cap:refused",
    "RAYOS_HOST_ACK:vm.start:err:vcpu_cap",
    "RAYOS_HOST_ACK:vm.start:err:wrong_state",
  ]);
});

Deno.test("with the log unwritable nothing is begun; what ends meanwhile is on record as soon as it can be", async () => {
  const { ops, ledger, records, events } = rig();
  const running = Promise.withResolvers<string>();
  const first = ledger.carryOut(ask(ledger, "vm.stop"), going, () => running.promise, () => ({}));
  ops.plan = { at: 0, how: "error", lasting: true };
  let isBegun = false;
  const refused = ledger.carryOut(ask(ledger), going, () => {
    isBegun = true;
    return Promise.resolve("");
  }, () => ({}));
  await assert.rejects(refused, (error) => problemOf(error).code === "audit_unavailable");
  assert.ok(!isBegun);
  running.resolve("");
  await first;
  ledger.refuse(ask(ledger), { code: "denied", message: "no" });
  assert.ok(events.includes("RAYOS_HOST_ACK:vm.start:err:audit_unavailable"));
  ops.plan = undefined;
  await ledger.carryOut(ask(ledger, "vm.pause"), going, () => Promise.resolve(""), () => ({}));
  const told = records().map(({ action, phase }) => `${action} ${phase}`);
  assert.deepEqual(told, [
    "vm.stop requested",
    "vm.stop decided",
    "vm.stop started",
    "audit.available observed",
    "vm.start failed",
    "vm.stop finished",
    "vm.start requested",
    "vm.start refused",
    "vm.pause requested",
    "vm.pause decided",
    "vm.pause started",
    "vm.pause finished",
  ]);
});

/** How one request goes: what its handler does, and after how many turns of the others. */
const oneRequest = fc.record({
  outcome: fc.constantFrom("well", "fail", "bug", "unknown", "refused", "usage"),
  turns: fc.nat(6),
  observes: fc.nat(2),
});

/** Runs all requests at once; a handler takes as many turns as it is told. */
async function runAll(
  { ledger }: Rig,
  requests: readonly { outcome: string; turns: number; observes: number }[],
): Promise<void> {
  await Promise.allSettled(requests.map(async ({ outcome, turns, observes }, n) => {
    const asked = ask(ledger, `a${n}`);
    for (let i = 0; i < (n * 7) % 5; i++) await Promise.resolve();
    if (outcome === "refused") return ledger.refuse(asked, { code: "denied", message: "no", reasons: [WHY] });
    if (outcome === "usage") return ledger.refuse(asked, { code: "usage", message: "what?" });
    await ledger.carryOut(asked, going, async () => {
      for (let i = 0; i < observes; i++) ledger.observe("seen", VM, {});
      for (let i = 0; i < turns; i++) await Promise.resolve();
      if (outcome === "fail") fail("failed", "no");
      if (outcome === "unknown") fail("outcome_unknown", "who knows");
      if (outcome === "bug") throw new TypeError("a bug");
    }, () => ({}));
  }));
}

function assertEnds(records: readonly AuditRecord[], atLeastOne: boolean): void {
  for (const { corr } of records.filter(({ phase }) => phase === "started")) {
    const ends = records.filter((record) => record.corr === corr && END_PHASES.includes(record.phase));
    assert.ok(ends.length === 1 || (!atLeastOne && ends.length === 0), `${corr}: ${ends.length} ends`);
    const [first] = records.filter((record) => record.corr === corr);
    assert.equal(first?.phase, "requested");
  }
}

Deno.test("whatever requests do, and in whatever order, every one that was started has exactly one end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(oneRequest, { maxLength: 12 }), async (requests) => {
      const r = rig();
      await runAll(r, requests);
      const records = r.records();
      assertEnds(records, true);
      const started = requests.filter(({ outcome }) => outcome !== "refused" && outcome !== "usage");
      assert.equal(records.filter(({ phase }) => phase === "started").length, started.length);
      assert.equal(r.events.filter((event) => event.startsWith("RAYOS_HOST_ACK:")).length, requests.length);
      assert.ok(verifyAudit(AUDIT, HEAD, r.ops).ok);
    }),
    { numRuns: 100 },
  );
});

Deno.test("every start has exactly one end also when writing fails now and then", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(oneRequest, { minLength: 1, maxLength: 8 }),
      fc.nat(60),
      fc.boolean(),
      async (requests, at, partly) => {
        const r = rig();
        r.ops.plan = { at, how: "error", partly };
        await runAll(r, requests);
        r.ops.plan = undefined;
        await runAll(r, [{ outcome: "well", turns: 0, observes: 0 }]);
        assertEnds(r.records(), true);
        assert.ok(verifyAudit(AUDIT, HEAD, r.ops).ok);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("after a crash at any moment the next supervisor gives every start that has none its one end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(oneRequest, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 10, max: 90 }),
      fc.boolean(),
      fc.constantFrom("lost", "kept", "half", "end", "zeros"),
      async (requests, at, partly, data) => {
        const ops = new PowerCutFiles();
        ops.plan = { at, how: "power", partly };
        try {
          await runAll(rig(ops), requests);
        } catch (error) {
          assert.ok(error instanceof PowerCut);
        }
        const found = ops.afterPowerCut(data, "kept");
        const next = rig(found);
        next.ledger.settle(AUDIT, found);
        next.ledger.emit({ event: "RAYOS_SUPERVISOR:start", fields: {} }, "supervisor");
        assertEnds(next.records(), true);
        const before = next.records().length;
        const third = rig(found);
        third.ledger.settle(AUDIT, found);
        assert.equal(third.records().length, before, "nothing is settled twice");
        assert.ok(verifyAudit(AUDIT, HEAD, found).ok);
      },
    ),
    { numRuns: 200 },
  );
});
