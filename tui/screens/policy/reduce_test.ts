import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BAD,
  checked,
  explained,
  GOOD,
  goodState,
  policyText,
  STRICTER,
  TOO_LARGE,
} from "../../../tests/screens/policy_states.ts";
import { guest, NOW, PREFS } from "../../../tests/screens/rules_models.ts";
import type { VmId } from "../../../src/core/ids.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import { Driver, testModel } from "../../testing.ts";
import { policyRows } from "./lines.ts";
import { type PolicyMessage, type PolicyState, toPolicy } from "./state.ts";

const RIGHTS = goodState().rights;
const GUESTS = [guest("web", { state: "running" }), guest("desk")];

function driver(more: Partial<Model> = {}): Driver {
  return new Driver(testModel({ guests: GUESTS, connection: { kind: "connected", since: NOW }, ...more }));
}

const state = (on: Driver): PolicyState => on.model.screens.policy;
const asks = (on: Driver) =>
  on.effects.flatMap((effect) => effect.do === "ask" && effect.tag.startsWith("policy:") ? [effect] : []);
const works = (on: Driver) => on.effects.flatMap((effect) => effect.do === "screen" ? [effect.work] : []);

/** Answers the last question about this action. */
function answer(on: Driver, action: string, value: unknown): Driver {
  const asked = asks(on).filter((ask) => ask.action === action).at(-1);
  assert.ok(asked, `${action} was asked`);
  return on.send({ type: "answered", tag: asked.tag, result: { ok: true, value } });
}

/** The screen with the good file and the rights of the first guest. */
function open(more: Partial<Model> = {}): Driver {
  const on = driver(more).send({ type: "show", screen: "policy" });
  const run = state(on).watching ?? 0;
  on.send(toPolicy({ kind: "file", run, file: policyText(GOOD) }));
  assert.ok(RIGHTS.kind === "known");
  return answer(on, "vm.show", { rights: RIGHTS.value });
}

/** The screen with a file that was compared. */
function compared(more: Partial<Model> = {}, view = checked(GOOD, STRICTER)): Driver {
  const on = open(more).press("a").type("next.toml").press("enter");
  const file = { path: "next.toml", text: STRICTER, signature: undefined };
  on.send(toPolicy({ kind: "candidate", run: state(on).runs, file }));
  return answer(on, "policy.check", view);
}

Deno.test("the screen watches the file and asks for rights and decision as soon as it is shown, once", () => {
  const on = open();
  assert.deepEqual(works(on), [{ kind: "watch", run: 1 }]);
  assert.deepEqual(asks(on).map(({ action, params }) => [action, params]), [
    ["vm.show", { id: "web" }],
    ["policy.explain", { id: "web", action: "vm.start" }],
  ]);
});

Deno.test("another screen ends the watch; what it still tells is dropped", () => {
  const on = open().press("1");
  assert.equal(on.effects.some((effect) => effect.do === "stop_work" && effect.screen === "policy"), true);
  const before = state(on);
  on.send(toPolicy({ kind: "file", run: 1, file: policyText(BAD) }));
  assert.deepEqual(state(on), before);
});

Deno.test("moving in the rights moves the line of the file", () => {
  const on = open().press("down", "down");
  assert.equal(state(on).line, 10, "linux.enabled");
  on.press("down");
  assert.equal(state(on).line, 10, "a right by default stands nowhere in the file");
  on.press("down", "down");
  assert.equal(state(on).line, 23, "profiles.desk.present");
});

Deno.test("another guest is asked about, and an answer about the one before is dropped", () => {
  const on = open();
  const late = asks(on)[0];
  on.press("right");
  assert.equal(state(on).vm, "desk");
  assert.deepEqual(asks(on).slice(-2).map(({ params }) => params.id), ["desk", "desk"]);
  on.send({ type: "answered", tag: late?.tag ?? "", result: { ok: true, value: { rights: null } } });
  assert.equal(state(on).rights.kind, "asked");
});

Deno.test("a guest that is gone gives way to one that is there", () => {
  const on = open().press("right");
  on.model = { ...on.model, guests: GUESTS.slice(0, 1) };
  on.send({ type: "tick", now: NOW });
  assert.equal(state(on).vm, "web");
});

Deno.test("a what-if asks for each action, and for a network profile where it matters", () => {
  const on = open().press("w", "enter");
  const overlay = on.model.overlays.at(-1);
  assert.ok(overlay?.kind === "choose");
  assert.ok(overlay.choices.some(({ label }) => label === "net.set"));
  on.press("esc").send(toPolicy({ kind: "action", action: "net.set" }));
  assert.deepEqual(asks(on).at(-1)?.params, { id: "web", action: "net.set", profile: "office" });
  on.press("down", "right");
  assert.notEqual(asks(on).at(-1)?.params.profile, "office");
  answer(on, "policy.explain", explained(GOOD, "net.set", "office"));
  assert.match(on.frame({ columns: 120, rows: 30 }), /ALLOWED: net.set on web/);
});

Deno.test("a denial moves the file to the line of its first reason", () => {
  const on = open().press("w");
  answer(on, "policy.explain", explained(GOOD, "vm.start", undefined, TOO_LARGE));
  assert.equal(state(on).line, 14, "linux.limits.cpus");
});

Deno.test("a policy that was reloaded is asked about anew", () => {
  const on = open();
  const before = asks(on).length;
  const fields = {};
  on.send({
    type: "event",
    event: { time: "", level: "info", component: "policy", event: "RAYOS_POLICY:reloaded", fields },
  });
  assert.deepEqual(asks(on).slice(before).map(({ action }) => action), ["vm.show", "policy.explain"]);
});

Deno.test("a file that was not there is looked for again when a supervisor answers", () => {
  const on = open();
  const why = { line: undefined, before: "", length: 1, path: "", message: "there is none", hint: undefined };
  on.send(toPolicy({ kind: "no_file", run: 1, why }), { type: "connected", now: NOW });
  assert.deepEqual(works(on).map((work) => (work as { kind: string }).kind), ["watch", "watch"]);
});

Deno.test("what can only be scrolled ends at its last row", () => {
  const on = open().press("w");
  answer(on, "policy.explain", explained(GOOD, "vm.start", undefined, TOO_LARGE));
  on.press("end");
  const end = state(on).at.what_if;
  assert.ok(end > 5 && end < 40, `${end}`);
});

Deno.test("a file that is broken shows its problems at once, and the first one's line", () => {
  const on = open();
  on.send(toPolicy({ kind: "file", run: 1, file: policyText(BAD) }));
  assert.deepEqual([state(on).panel, state(on).line], ["problems", 7]);
  const frame = on.frame({ columns: 120, rows: 30 });
  assert.match(frame, /\^{10} limits\.max_runing is an unknown key/);
  assert.match(frame, /did you mean "max_running"\?/);
  on.press("down");
  assert.equal(state(on).line, 11);
});

Deno.test("another file is compared, shown with what it takes away, and put in force after a yes", () => {
  const on = compared();
  assert.match(on.frame({ columns: 120, rows: 30 }), /web: hidden \(presentation_not_allowed/);
  on.press("A");
  const question = on.model.overlays.at(-1);
  assert.ok(question?.kind === "confirm" && question.typed === undefined);
  assert.equal(on.effects.some((effect) => effect.do === "perform"), false, "not before the yes");
  on.press("y");
  const params = { text: STRICTER, name: "next.toml" };
  assert.deepEqual(on.effects.filter((effect: Effect) => effect.do === "perform"), [
    { do: "perform", action: "policy.apply", params },
  ]);
  const value = { done: "policy.apply", ...checked(GOOD, STRICTER) };
  on.send({ type: "came", now: NOW, action: "policy.apply", params, result: { ok: true, value } });
  assert.match(on.frame({ columns: 120, rows: 30 }), /next\.toml is in force since/);
});

Deno.test("a policy that stops a guest wants a word typed", () => {
  const steps = [{ kind: "stop" as const, reason: { rule: "kind_disabled" as const, why: "it is off" } }];
  const stops = checked(GOOD, STRICTER, { consequences: [{ vm: "web" as VmId, steps }] });
  const on = compared({}, stops).press("A", "y", "enter");
  assert.equal(on.effects.some((effect) => effect.do === "perform"), false);
  assert.ok(on.model.overlays.at(-1)?.kind === "confirm");
});

Deno.test("a file with problems can't be put in force, and the key says so", () => {
  const on = open().press("a").type("bad.toml").press("enter");
  const { problems, lines } = policyText(BAD);
  on.send(toPolicy({ kind: "refused", run: state(on).runs, path: "bad.toml", problems, lines })).press("A");
  assert.equal(on.model.overlays.length, 0);
  assert.match(on.model.toasts.at(-1)?.text ?? "", /it can't become the policy/);
});

Deno.test("a read-only UI shows the difference and has no key to put it in force", () => {
  const on = compared({ prefs: { ...PREFS, readOnly: true } });
  assert.match(on.frame({ columns: 120, rows: 30 }), /nothing is changed yet/);
  on.press("A", "y", "enter");
  assert.equal(on.effects.some((effect) => effect.do === "perform"), false);
  assert.doesNotMatch(on.frame({ columns: 200, rows: 30 }), /Put it in force/);
});

const own: fc.Arbitrary<PolicyMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("file" as const),
    run: fc.nat(4),
    file: fc.constantFrom(policyText(GOOD), policyText(BAD), policyText("")),
  }),
  fc.record({
    kind: fc.constant("panel" as const),
    panel: fc.constantFrom("rights" as const, "problems" as const),
  }),
  fc.record({ kind: fc.constant("move" as const), by: fc.oneof(fc.integer(), fc.constant("last" as const)) }),
  fc.record({ kind: fc.constant("turn" as const), by: fc.constantFrom(1 as const, -1 as const) }),
  fc.record({ kind: fc.constant("guest" as const), vm: fc.string() }),
  fc.record({ kind: fc.constant("compare" as const), path: fc.string() }),
  fc.constantFrom({ kind: "focus" as const }, { kind: "edit" as const }, { kind: "drop" as const }),
);
const KEY_NAMES = [
  ..."rwpdfaAgjk",
  "up",
  "down",
  "left",
  "right",
  "enter",
  "esc",
  "page-down",
  "end",
  "2",
  "5",
];
const messages: fc.Arbitrary<Message> = fc.oneof(
  own.map(toPolicy),
  fc.anything().map((message): Message => ({ type: "screen", screen: "policy", message })),
  fc.constantFrom(...KEY_NAMES).map((name): Message => ({ type: "key", key: { name } })),
  fc.string().map((text): Message => ({ type: "key", key: { text } })),
  fc.nat(9).map((n): Message => ({
    type: "answered",
    tag: `policy:${["rights", "explain", "check"][n % 3]}:${n}`,
    result: { ok: false, problem: { code: "failed", message: "no" } },
  })),
);

Deno.test("no order of messages makes the screen fail, change anything unasked, or draw more than it has room for", () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 30 }), fc.nat(220), fc.nat(60), (all, columns, rows) => {
      const on = driver({ screen: "policy" }).send(...all);
      assert.ok(policyRows(on.model, columns + 1, rows + 1).length <= rows + 1);
      assert.equal(on.effects.some((effect) => effect.do === "perform"), false);
    }),
  );
});
