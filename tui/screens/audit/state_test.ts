import assert from "node:assert/strict";
import fc from "fast-check";
import type { VmId } from "../../../src/core/ids.ts";
import { model, NOW, record } from "../../../tests/screens/rules_models.ts";
import { named } from "../../key.ts";
import type { Message } from "../../messages.ts";
import type { Effect } from "../../model.ts";
import { KEYS } from "./keys.ts";
import { auditRows } from "./lines.ts";
import { type AuditMessage, type AuditState, current, INIT, reduceAudit, toAudit } from "./state.ts";

const SHOW: Message = { type: "show", screen: "audit" };
const NOT_FOUND = { ok: false, fault: { file: "audit.jsonl", line: 3, seq: 3, why: "gone" } } as const;

/** The state after messages, and all effects on the way. */
function after(state: AuditState, ...messages: readonly Message[]) {
  const effects: Effect[] = [];
  for (const message of messages) {
    const next = reduceAudit(state, message, model({ screens: { audit: state } }));
    state = next.state;
    effects.push(...next.effects ?? []);
  }
  return { state, effects };
}

const tell = (message: AuditMessage) => toAudit(message);
const typed = (text: string): Message[] => [...text].map((char) => ({ type: "key", key: named(char) }));
const key = (name: string): Message => ({ type: "key", key: named(name) });
const works = (effects: readonly Effect[]) =>
  effects.map((effect) => effect.do === "screen" ? effect.work : effect);

/** A screen that has read these records. */
function read(...records: readonly ReturnType<typeof record>[]): AuditState {
  const { state } = after(INIT, SHOW);
  const checked = tell({ kind: "unverified", run: 2, why: "not in this test", at: NOW });
  return after(state, tell({ kind: "records", run: 1, records, searching: false }), checked).state;
}

/** Presses a key of the table. */
function press(state: AuditState, name: string) {
  const row = KEYS.find(({ keys }) => keys.includes(name));
  assert.ok(row, name);
  const now = model({ screens: { audit: state } });
  const why = row.disabled?.(now);
  const messages = why === undefined ? row.run(now) : [];
  return { ...after(state, ...messages), messages, why };
}

Deno.test("the screen reads the trail and verifies its chain as soon as it is shown, once", () => {
  const { state, effects } = after(INIT, SHOW, SHOW);
  assert.deepEqual(works(effects), [
    { kind: "follow", run: 1, filter: [], limit: 500 },
    { kind: "verify", run: 2 },
  ]);
  assert.deepEqual([state.reading, state.verifying, state.chain.kind], [1, 2, "checking"]);
});

Deno.test("another screen ends the reading; what it still sends is dropped", () => {
  const { state, effects } = after(INIT, SHOW, { type: "show", screen: "guests" });
  assert.deepEqual(works(effects).at(-1), { do: "stop_work", screen: "audit" });
  const late = after(state, tell({ kind: "records", run: 1, records: [record(1)], searching: false }));
  assert.equal(late.state, state);
  assert.equal(state.chain.kind, "unknown", "a check that was called off has found nothing");
});

Deno.test("new records come at the end, each once, and only those that pass the filter", () => {
  const web = record(3, { vm: "web" as VmId });
  const filtered = after(read(record(1)), tell({ kind: "filter", text: "vm=web" })).state;
  const { state } = after(
    filtered,
    tell({ kind: "more", run: 3, records: [record(2), web] }),
    tell({ kind: "more", run: 3, records: [web] }),
  );
  assert.deepEqual(state.records.map(({ seq }) => seq), [3]);
});

Deno.test("the cursor stays on its record while others come, and on the newest when it was there", () => {
  const state = read(record(1), record(2), record(3));
  const more = tell({ kind: "more", run: 1, records: [record(4)] });
  assert.equal(current(after(state, more).state)?.seq, 4);
  assert.equal(current(after(state, tell({ kind: "move", by: -1 }), more).state)?.seq, 2);
  assert.equal(current(after(state, tell({ kind: "move", by: -99 }), more).state)?.seq, 1);
});

Deno.test("a filter is typed, told what is wrong with it, mended and taken", () => {
  const state = press(read(record(1, { vm: "web" as VmId }), record(2)), "/").state;
  const wrong = after(state, ...typed("vn=web"), key("enter"));
  assert.deepEqual(wrong.state.typing, { text: "vn=web", why: "there is no field 'vn': did you mean vm?" });
  assert.equal(wrong.effects.length, 0);
  const right = after(
    wrong.state,
    ...[1, 2, 3, 4, 5].map(() => key("backspace")),
    ...typed("m=web"),
    key("enter"),
  );
  assert.equal(right.state.typing, undefined);
  const filter = [{ field: "vm", value: "web", not: false }];
  assert.deepEqual(works(right.effects), [
    { do: "stop_work", screen: "audit" },
    { kind: "follow", run: 3, filter, limit: 500 },
  ]);
  assert.deepEqual(right.state.records.map(({ seq }) => seq), [1], "what is there is filtered at once");
});

Deno.test("escape leaves the field, the details and the filter, in this order", () => {
  const state = read(record(1));
  const typing = after(state, tell({ kind: "edit" }), key("esc")).state;
  assert.equal(typing.typing, undefined);
  const details = after(state, tell({ kind: "filter", text: "vm=web" })).state;
  const open = { ...details, records: [record(1)], details: 3 };
  const closed = press(open, "esc").state;
  assert.deepEqual([closed.details, closed.filter.text], [undefined, "vm=web"]);
  assert.equal(press(closed, "esc").state.filter.text, "");
});

Deno.test("a record leads to its guest, if there is one still", () => {
  const [web, gone, none] = ["web", "gone", undefined].map((vm) =>
    press(read(record(1, vm === undefined ? {} : { vm: vm as VmId })), "g")
  );
  assert.deepEqual(web?.messages, [
    { type: "show", screen: "guests" },
    { type: "screen", screen: "guests", message: { do: "select", vm: "web" } },
  ]);
  assert.equal(gone?.why, "there is no guest gone any more");
  assert.equal(none?.why, "the record is about no guest");
});

Deno.test("a record leads to all records of the same request", () => {
  const { state, effects } = press(read(record(1)), "c");
  assert.equal(state.filter.text, `corr=${record(1).corr}`);
  assert.equal(effects.length, 2, "the reading before it ends");
});

Deno.test("a check that is under way when the filter changes begins again, and is not asked for twice", () => {
  const { state } = after(INIT, SHOW);
  const { effects } = after(state, tell({ kind: "filter", text: "web" }));
  assert.deepEqual(works(effects).slice(1), [
    { kind: "follow", run: 3, filter: [{ field: undefined, value: "web", not: false }], limit: 500 },
    { kind: "verify", run: 4 },
  ]);
  assert.equal(press(state, "v").why, "it is being verified");
});

Deno.test("a broken chain is kept with its place and time; it is checked again when asked", () => {
  const { state } = after(INIT, SHOW);
  const broken = after(state, tell({ kind: "verified", run: 2, check: NOT_FOUND, at: NOW })).state;
  assert.deepEqual(broken.chain, { kind: "broken", fault: NOT_FOUND.fault, at: NOW });
  const again = press(broken, "v");
  assert.deepEqual(works(again.effects), [{ kind: "verify", run: 3 }]);
  const late = after(again.state, tell({ kind: "verified", run: 2, check: NOT_FOUND, at: NOW }));
  assert.equal(late.state.chain.kind, "checking", "what an older check says is dropped");
});

Deno.test("older records are read on demand, as long as there may be any", () => {
  const few = read(record(1), record(2));
  assert.equal(press(few, "o").why, "these are all that there are");
  const many = { ...few, limit: 2 };
  assert.deepEqual(works(press(many, "o").effects).at(-1), { kind: "follow", run: 3, filter: [], limit: 4 });
});

Deno.test("a trail that could not be read is looked for again when a supervisor answers", () => {
  const unreadable = after(read(), tell({ kind: "unreadable", run: 1, why: "there is no folder" })).state;
  const { effects } = after(unreadable, { type: "connected", now: NOW });
  assert.deepEqual(works(effects).at(-1), { kind: "follow", run: 3, filter: [], limit: 500 });
  assert.equal(after(read(), { type: "connected", now: NOW }).effects.length, 0);
});

const runs = fc.integer({ min: 0, max: 6 });
const records = fc.array(fc.integer({ min: 1, max: 50 }).map((seq) => record(seq)), { maxLength: 5 });
const ours: fc.Arbitrary<AuditMessage> = fc.oneof(
  fc.record({ kind: fc.constant("records" as const), run: runs, records, searching: fc.boolean() }),
  fc.record({ kind: fc.constant("more" as const), run: runs, records }),
  fc.record({ kind: fc.constant("unreadable" as const), run: runs, why: fc.string() }),
  fc.record({ kind: fc.constant("verifying" as const), run: runs, percent: fc.nat(100) }),
  fc.record({
    kind: fc.constant("verified" as const),
    run: runs,
    check: fc.constant(NOT_FOUND),
    at: fc.nat(),
  }),
  fc.record({
    kind: fc.constant("move" as const),
    by: fc.oneof(fc.integer(), fc.constant("first" as const)),
  }),
  fc.record({ kind: fc.constant("filter" as const), text: fc.string() }),
  fc.record({ kind: fc.constant("details" as const), open: fc.boolean() }),
  fc.constantFrom({ kind: "edit" as const }, { kind: "verify" as const }, { kind: "older" as const }),
);
const messages: fc.Arbitrary<Message> = fc.oneof(
  ours.map(toAudit),
  fc.anything().map((message): Message => ({ type: "screen", screen: "audit", message })),
  fc.constantFrom("esc", "enter", "backspace", "ctrl-u", "x", "space").map(key),
  fc.string().map((text): Message => ({ type: "key", key: { text } })),
  fc.constantFrom("audit" as const, "guests" as const).map((screen): Message => ({ type: "show", screen })),
);

Deno.test("no order of messages makes the screen fail or draw more than it has room for", () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 40 }), fc.nat(220), fc.nat(60), (all, columns, rows) => {
      const { state } = after(INIT, ...all);
      const drawn = auditRows(model({ screens: { audit: state } }), columns + 1, rows + 1);
      assert.ok(drawn.length <= rows + 1);
    }),
  );
});
