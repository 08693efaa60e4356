import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckReport } from "../../../src/preflight/types.ts";
import { model } from "../../../tests/screens/rules_models.ts";
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import { preflightRows } from "./lines.ts";
import {
  blockingOf,
  type CheckHead,
  countOf,
  INIT,
  isFault,
  own,
  type PreflightMessage,
  type PreflightState,
  reduce,
  selectedRow,
  shownRows,
} from "./state.ts";

const HEADS: readonly CheckHead[] = [
  { id: "kvm.proven", group: "kvm", title: "KVM runs a guest", why: "Without KVM guests are slow." },
  { id: "host.os", group: "host", title: "operating system", why: "Guests need Linux below them." },
  { id: "tpm.self_test", group: "tpm", title: "a TPM is made", why: "Windows 11 asks for one." },
];

function result(id: string, more: Partial<CheckReport> = {}): CheckReport {
  const head = HEADS.find((one) => one.id === id) ?? HEADS[0];
  assert.ok(head);
  const { id: check_id, ...rest } = head;
  const found = { status: "PASS", details: "found", remediation: "", blocking: false, took_ms: 12 } as const;
  return { check_id, ...rest, ...found, ...more };
}

function after(state: PreflightState, ...messages: readonly PreflightMessage[]): PreflightState {
  return messages.reduce((at, message) => reduce(at, own(message), model()).state, state);
}

const RUNNING = after(INIT, { kind: "run" }, { kind: "listed", number: 1, rows: HEADS });
const DONE = after(
  RUNNING,
  { kind: "ended", number: 1, result: result("host.os") },
  {
    kind: "ended",
    number: 1,
    result: result("tpm.self_test", { status: "FAIL", blocking: true, remediation: "apt-get install swtpm" }),
  },
  { kind: "ended", number: 1, result: result("kvm.proven", { status: "WARN", remediation: "modprobe kvm" }) },
  { kind: "over", number: 1, tookMs: 1_240 },
);

Deno.test("the checks run when the screen is shown for the first time, and not again", () => {
  const show: Message = { type: "show", screen: "preflight" };
  const first = reduce(INIT, show, model());
  assert.deepEqual(first.effects, [{
    do: "screen",
    screen: "preflight",
    work: { kind: "run", number: 1, profile: "windows" },
  }]);
  assert.equal(reduce(first.state, show, model()).effects, undefined);
  assert.equal(reduce(INIT, { type: "show", screen: "audit" }, model()).effects, undefined);
});

Deno.test("checks stand in the order of their groups and end one by one", () => {
  assert.deepEqual(RUNNING.rows.map(({ id }) => id), ["host.os", "kvm.proven", "tpm.self_test"]);
  const one = after(RUNNING, { kind: "ended", number: 1, result: result("host.os") });
  assert.deepEqual([countOf(one, "PASS"), one.run.kind], [1, "running"]);
  assert.deepEqual([countOf(DONE, "FAIL"), DONE.run.kind, blockingOf(DONE)], [1, "ended", ["tpm.self_test"]]);
});

Deno.test("what comes of an earlier run, or after a cancel, is not taken", () => {
  const cancelled = reduce(RUNNING, own({ kind: "cancel" }), model());
  assert.deepEqual(cancelled.effects, [{ do: "stop_work", screen: "preflight" }]);
  const late = after(cancelled.state, { kind: "ended", number: 1, result: result("host.os") });
  assert.deepEqual([countOf(late, "PASS"), late.run.kind], [0, "cancelled"]);
});

Deno.test("one check is run again by itself, and the others keep what they said", () => {
  const again = reduce(DONE, own({ kind: "run", only: "tpm.self_test" }), model());
  assert.deepEqual(again.effects, [{
    do: "screen",
    screen: "preflight",
    work: { kind: "run", number: 2, profile: "windows", only: "tpm.self_test" },
  }]);
  const [head] = HEADS.filter(({ id }) => id === "tpm.self_test");
  assert.ok(head);
  const good = after(
    again.state,
    { kind: "listed", number: 2, rows: [head] },
    { kind: "ended", number: 2, result: result("tpm.self_test") },
    { kind: "over", number: 2, tookMs: 900 },
  );
  assert.deepEqual([good.rows.length, countOf(good, "WARN"), blockingOf(good)], [3, 1, []]);
});

Deno.test("the profile is switched between runs and not within one", () => {
  assert.equal(after(DONE, { kind: "profile" }).profile, "linux");
  assert.equal(after(RUNNING, { kind: "profile" }).profile, "windows");
});

Deno.test("what warns or fails is found by keys, also alone", () => {
  assert.equal(selectedRow(DONE)?.id, "tpm.self_test", "the first that fails is selected at the end");
  const top = after(DONE, { kind: "move", by: -9 });
  assert.equal(selectedRow(top)?.id, "host.os");
  const first = after(top, { kind: "next_fault", by: 1 });
  assert.equal(selectedRow(first)?.id, "kvm.proven");
  assert.equal(selectedRow(after(first, { kind: "next_fault", by: 1 }))?.id, "tpm.self_test");
  assert.equal(selectedRow(after(top, { kind: "next_fault", by: -1 }))?.id, "tpm.self_test");
  assert.ok(shownRows(after(DONE, { kind: "faults" })).every(isFault));
});

const EMPTY: Extract<Message, { type: "status" }>["status"] = {
  ...model().status,
  guests: [],
  provisioning: [],
} as unknown as Extract<Message, { type: "status" }>["status"]; // what is looked at of it

Deno.test("an empty data root leads to this screen once, from the list of guests alone", () => {
  const at = (screen: Model["screen"]) =>
    reduce(INIT, { type: "status", status: EMPTY }, model({ screen, guests: [] }));
  const first = at("guests");
  assert.deepEqual(first.messages, [{ type: "show", screen: "preflight" }]);
  assert.equal(first.state.first, "yes");
  assert.deepEqual(reduce(first.state, { type: "status", status: EMPTY }, model()).messages, undefined);
  assert.deepEqual([at("audit").state.first, at("audit").messages], ["no", []]);
});

Deno.test("a data root that is not there is made after a yes, and not in a read-only UI", () => {
  const lost: Message = { type: "lost", now: 0, why: "nobody answers" };
  const connection = { kind: "lost", since: 0, why: "nobody answers" } as const;
  const asked = reduce(INIT, lost, model({ connection }));
  assert.deepEqual(asked.effects, [{ do: "screen", screen: "preflight", work: { kind: "look_root" } }]);
  assert.deepEqual(reduce(asked.state, lost, model({ connection })).effects, undefined);
  const missing = own({ kind: "root", found: "missing" });
  const dialog = reduce(asked.state, missing, model({ connection }));
  const [message] = dialog.messages ?? [];
  assert.ok(message?.type === "open" && message.overlay.kind === "confirm");
  assert.deepEqual(message.overlay.then, [{ do: "message", message: own({ kind: "make_root" }) }]);
  const make = reduce(dialog.state, own({ kind: "make_root" }), model({ connection }));
  assert.deepEqual(make.effects?.[0], { do: "screen", screen: "preflight", work: { kind: "make_root" } });
  const made = reduce(make.state, own({ kind: "root_made" }), model({ connection }));
  assert.deepEqual(made.effects, [{ do: "reconnect" }]);
  assert.equal(made.state.profile, "linux", "what its policy allows");
  const readOnly = model({ connection, prefs: { ...model().prefs, readOnly: true } });
  assert.equal(reduce(asked.state, missing, readOnly).messages, undefined);
  assert.equal(reduce(dialog.state, own({ kind: "make_root" }), readOnly).effects, undefined);
});

const number = fc.integer({ min: 0, max: 3 });
const id = fc.constantFrom("host.os", "kvm.proven", "tpm.self_test", "gone");
const status = fc.constantFrom("PASS", "WARN", "FAIL", "SKIP");
const message: fc.Arbitrary<PreflightMessage> = fc.oneof(
  fc.constant({ kind: "run" } as const),
  id.map((only) => ({ kind: "run", only }) as const),
  fc.constantFrom({ kind: "cancel" } as const, { kind: "profile" } as const, { kind: "faults" } as const),
  fc.integer().map((by) => ({ kind: "move", by }) as const),
  fc.constantFrom(1, -1).map((by) => ({ kind: "next_fault", by: by === 1 ? 1 : -1 }) as const),
  number.map((number) => ({ kind: "listed", number, rows: HEADS }) as const),
  fc.record({ number, id, detail: fc.string() }).map((said) => ({ kind: "said", ...said }) as const),
  fc.record({ number, id, status, details: fc.string({ unit: "binary" }) }).map((
    { number, id, ...said },
  ) => ({
    ...{ kind: "ended", number, result: result(id, { ...said, remediation: said.details }) } as const,
  })),
  number.map((number) => ({ kind: "over", number, tookMs: 1 }) as const),
);

Deno.test("whatever comes in whatever order, there is a screen that fits, and a root is made by its own message alone", () => {
  fc.assert(fc.property(
    fc.array(message, { maxLength: 40 }),
    fc.integer({ min: 60, max: 200 }),
    fc.integer({ min: 12, max: 40 }),
    (messages, columns, rows) => {
      let state = INIT;
      for (const one of messages) {
        const next = reduce(state, own(one), model());
        state = next.state;
        for (const effect of next.effects ?? []) {
          assert.ok(
            effect.do === "stop_work" ||
              (effect.do === "screen" &&
                !("kind" in Object(effect.work) && Object(effect.work).kind === "make_root")),
          );
        }
        const shown = preflightRows(model({ screens: { preflight: state } }), columns, rows);
        assert.ok(shown.length > 0);
      }
    },
  ));
});
