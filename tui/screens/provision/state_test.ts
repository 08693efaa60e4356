import assert from "node:assert/strict";
import fc from "fast-check";
import type { GuestView, ProvisionView } from "../../../src/actions/views.ts";
import { guest, model, NOW } from "../../../tests/screens/rules_models.ts";
import { Driver, testModel } from "../../testing.ts";
import { testEvent } from "../guests/testing.ts";
import type { Effect, Model, Overlay } from "../../model.ts";
import { questionOf } from "./asking.ts";
import { own, type ProvisionMessage, type ProvisionWork } from "./state.ts";

const run = (vm: string, more: Partial<ProvisionView> = {}): ProvisionView => ({
  ...{ vm, step: "install", state: "running", phase: null, begun_at: "2026-01-31T11:58:00Z", restarts: 0 },
  ...{ os: null, baseline: "clean", why: null },
  ...more,
});

function driver(change: Partial<Model> = {}): Driver {
  const connection = { kind: "connected", since: NOW } as const;
  return new Driver(testModel({ screen: "provision", connection, ...change }));
}

const mode = ({ model }: Driver) => model.screens.provision.mode;
const worksOf = (effects: readonly Effect[]): ProvisionWork[] =>
  effects.flatMap((effect) =>
    effect.do === "screen" && effect.screen === "provision" ? [effect.work as ProvisionWork] : []
  );
const begins = (effects: readonly Effect[]) => worksOf(effects).filter(({ kind }) => kind === "begin");
const top = ({ model }: Driver): Overlay | undefined => model.overlays.at(-1);

/** Answers as they are typed, by question; else Enter. */
const LINUX: Readonly<Record<string, readonly string[]>> = {
  "guest.type": ["down"],
  "disk.image": [..."/img/debian.qcow2"],
  "user.name": [..."op"],
};

/** Through the questions to the review, and what policy and host say of the answers. */
function toReview(d: Driver, said: Readonly<Record<string, readonly string[]>> = LINUX): Driver {
  d.press("n").type("web-1").press("enter");
  for (let turn = 0; turn < 60; turn++) {
    const at = mode(d);
    if (at.kind !== "ask") break;
    d.press(...said[asked(d)] ?? [], "enter");
  }
  assert.equal(mode(d).kind, "review");
  return d;
}

function asked(d: Driver): string {
  const at = mode(d);
  return at.kind === "ask" ? questionOf(at.making)?.id ?? "" : "";
}

function looked(d: Driver, refusals: readonly string[] = [], blocking = false): Driver {
  const { number } = d.model.screens.provision;
  const faults = blocking
    ? [{ check_id: "kvm.device", status: "FAIL", details: "none", remediation: "", blocking } as const]
    : [];
  return d.send(
    own({ kind: "looked", number, facts: {}, refusals, remarks: [] }),
    own({ kind: "host", number, host: { kind: "looked", faults } }),
  );
}

Deno.test("a new guest is asked for from its id to the review, and nothing is begun on the way", () => {
  const d = toReview(driver());
  assert.deepEqual(begins(d.effects), []);
  const [last] = worksOf(d.effects).slice(-1);
  assert.ok(last?.kind === "host" && last.draft["disk.image"] === "/img/debian.qcow2");
});

Deno.test("whoever quits is asked while answers would be lost, from any screen; Ctrl-C once more does not ask", () => {
  const quits = (d: Driver) => d.effects.some((effect) => effect.do === "quit");
  const d = toReview(driver()).press("1", "q");
  assert.match(d.frame(), /Quit\?[^]*The answers for web-1 would be lost/);
  assert.equal(quits(d), false);
  d.press("n");
  assert.equal(mode(d).kind, "review");
  assert.equal(quits(d.press("q", "y")), true);
  assert.equal(quits(toReview(driver()).press("ctrl-c")), false);
  assert.equal(quits(toReview(driver()).press("ctrl-c", "ctrl-c")), true);
  assert.equal(quits(driver().press("n").type("web-1").press("ctrl-c")), true, "nothing was answered yet");
});

Deno.test("an id that is taken, or is none, is refused with its reason", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["Web 1", /lower-case letters/],
    ["desk", /there is a guest 'desk' already/],
    ["half", /there is a run of half, interrupted/],
    ["", /an id is needed/],
  ];
  for (const [id, why] of cases) {
    const guests: readonly GuestView[] = [guest("desk")];
    const provisioning = [run("half", { state: "interrupted" })];
    const d = driver({ guests, provisioning }).press("n").type(id).press("enter");
    const at = mode(d);
    assert.ok(at.kind === "id" && why.test(at.wrong ?? ""), `${id}: ${at.kind === "id" ? at.wrong : ""}`);
  }
});

Deno.test("Esc goes back question by question, to the id and out, and what was said stays as the default", () => {
  const d = driver().press("n").type("web-1").press("enter", "down", "enter").type("Web").press("enter");
  d.press("esc");
  assert.match(d.frame({ columns: 80, rows: 24 }), /Enter takes Web/);
  d.press("esc", "esc");
  assert.equal(mode(d).kind, "id");
  d.press("esc");
  assert.equal(mode(d).kind, "runs");
});

Deno.test("an answer that is wrong is refused where it is typed, and typing takes the reason away", () => {
  const d = driver().press("n").type("web-1").press("enter", "down", "enter", "enter", "enter");
  d.type("~/a.img").press("enter");
  assert.match(d.frame(), /'~' is not expanded/);
  d.press("backspace");
  assert.doesNotMatch(d.frame(), /not expanded/);
});

Deno.test("choices that are found out while text is typed make no keys of its letters", () => {
  const d = driver().press("n").type("web-1").press("enter", "down", "enter", "enter").type("of");
  const { number } = d.model.screens.provision;
  const facts = { profiles: ["office", "default-linux"] };
  d.send(own({ kind: "looked", number, facts, refusals: [], remarks: [] })).type("q");
  const at = mode(d);
  assert.ok(at.kind === "ask" && at.field.text === "ofq");
  d.press("enter");
  assert.match(d.frame(), /choose one of the list/);
  d.press("ctrl-u", "up", "enter");
  const next = mode(d);
  assert.ok(next.kind === "ask" && next.making.wizard.draft["guest.profile"] === "office");
});

Deno.test("an answer is changed from the review, and Esc there leaves all as it was", () => {
  const d = looked(toReview(driver()));
  const before = mode(d);
  d.press("down", "enter");
  assert.equal(mode(d).kind, "ask");
  d.press("esc");
  const after = mode(d);
  assert.ok(before.kind === "review" && after.kind === "review");
  assert.deepEqual(after.making.wizard, before.making.wizard);
  d.press("down", "enter").type("Web").press("enter");
  const changed = mode(d);
  assert.ok(changed.kind === "review" && changed.making.wizard.draft["guest.name"] === "Web");
});

Deno.test("a run is begun by b, the password twice, and a yes; then the password is nowhere in the model", () => {
  const d = looked(toReview(driver()));
  d.press("b").type("horse").press("enter").type("mule").press("enter");
  const again = mode(d);
  assert.ok(again.kind === "password" && again.first === undefined && again.wrong?.includes("another one"));
  d.type("horse").press("enter").type("horse");
  assert.doesNotMatch(d.frame(), /horse/);
  assert.doesNotMatch(JSON.stringify(d.model), /horse/);
  d.press("enter");
  assert.equal(top(d)?.kind, "confirm");
  assert.deepEqual(begins(d.effects), []);
  d.press("y");
  const [work] = begins(d.effects);
  assert.ok(work?.kind === "begin" && work.password?.reveal() === "horse");
  assert.doesNotMatch(JSON.stringify(d.effects), /horse/);
  assert.equal(mode(d).kind, "run");
  assert.doesNotMatch(Deno.inspect(d.model, { depth: 30 }), /horse|\[hidden\]/);
});

Deno.test("a no begins nothing and keeps the answers, not the password", () => {
  const d = looked(toReview(driver()));
  d.press("b").type("horse").press("enter").type("horse").press("enter", "n");
  assert.deepEqual([begins(d.effects), mode(d).kind, d.model.overlays.length], [[], "review", 0]);
  assert.doesNotMatch(Deno.inspect(d.model, { depth: 30 }), /\[hidden\]/);
});

Deno.test("a host that can't do it has the id typed before a run begins", () => {
  const d = looked(toReview(driver()), [], true);
  d.press("b").type("x").press("enter").type("x").press("enter");
  const dialog = top(d);
  assert.ok(dialog?.kind === "confirm" && dialog.typed?.word === "web-1");
  d.press("y", "enter");
  assert.deepEqual(begins(d.effects), []);
});

Deno.test("this host is looked at once for the same answers, and nothing begins before it was", () => {
  const d = toReview(driver());
  const { number } = d.model.screens.provision;
  d.send(own({ kind: "looked", number, facts: {}, refusals: [], remarks: [] })).press("b");
  assert.equal(mode(d).kind, "review");
  const looks = () => worksOf(d.effects).filter(({ kind }) => kind === "host").length;
  assert.equal(looks(), 1);
  looked(d).press("d", "esc");
  assert.deepEqual([mode(d).kind, looks()], ["review", 1]);
  looked(d).press("down", "enter").type("Web").press("enter");
  assert.deepEqual([mode(d).kind, looks()], ["review", 2]);
});

Deno.test("what policy refuses is said, and can't be begun", () => {
  const d = looked(toReview(driver()), ["vm.define would be denied: at most 4 vCPUs"]);
  d.press("b");
  assert.equal(mode(d).kind, "review");
  assert.match(d.frame({ columns: 120, rows: 40 }), /at most 4 vCPUs/);
});

Deno.test("what the supervisor refuses at the end is shown with its reasons, and the answers are kept", () => {
  const d = looked(toReview(driver()));
  d.press("b").type("x").press("enter").type("x").press("enter", "y");
  const reasons = [{ rule: "vcpu_cap", why: "at most 4", where: "limits.max_vcpu" }];
  const problem = { code: "denied", message: "it would be denied", reasons } as const;
  d.send(own({ kind: "begun", id: "web-1", problem }));
  assert.equal(mode(d).kind, "review");
  assert.match(d.frame({ columns: 100, rows: 40 }), /vcpu_cap: at most 4 \(limits.max_vcpu\)/);
});

Deno.test("a file that is there is written over only after the id was typed", () => {
  const d = looked(toReview(driver()));
  d.press("s", "enter");
  const { number } = d.model.screens.provision;
  d.send(own({ kind: "saved", number, came: { kind: "there", path: "/root/web-1.toml" } }));
  d.press("enter");
  const saves = () => worksOf(d.effects).filter((work) => work.kind === "save" && work.over);
  assert.deepEqual(saves(), []);
  d.type("web-1").press("enter");
  assert.equal(saves().length, 1);
});

Deno.test("a run is gone on with, cancelled and undone only after its own question", () => {
  const performs = (d: Driver) =>
    d.effects.flatMap((effect) => effect.do === "perform" ? [[effect.action, effect.params] as const] : []);
  const going = driver({ provisioning: [run("web")] }).press("x");
  assert.deepEqual(performs(going), []);
  assert.deepEqual(performs(going.press("y")), [["provision.cancel", { id: "web" }]]);
  const broken = driver({ provisioning: [run("web", { state: "interrupted" })] }).press("g", "y");
  assert.deepEqual(performs(broken), [["provision.begin", { id: "web", wait: false }]]);
  const undone = driver({ provisioning: [run("web", { state: "failed" })] }).press("u", "y", "enter");
  assert.deepEqual(performs(undone), []);
  undone.press("ctrl-u", "backspace").type("web").press("enter");
  const params = { id: "web", undo: true };
  assert.deepEqual(performs(undone), [["provision.cancel", params]]);
  undone.send(own({ kind: "open", vm: "web" }));
  const result = { ok: true, value: { done: "provision.cancel" } } as const;
  undone.send({ type: "came", now: NOW, action: "provision.cancel", params, result });
  const at = mode(undone);
  assert.ok(at.kind === "run" && at.outcome?.kind === "undone");
});

Deno.test("a read-only UI shows runs and begins nothing", () => {
  const prefs = { ...model().prefs, readOnly: true };
  const d = driver({ prefs, provisioning: [run("web", { state: "failed", why: "it hangs" })] });
  d.press("n", "g", "x", "u", "b", "enter");
  assert.deepEqual([mode(d).kind, d.model.overlays.length], ["run", 0]);
  assert.deepEqual(d.effects.filter((effect) => effect.do === "perform" || effect.do === "screen"), []);
  assert.match(d.frame({ columns: 100, rows: 30 }), /it hangs/);
});

Deno.test("the console of a run is asked for while it is shown, one question at a time", () => {
  const d = driver({ provisioning: [run("web")], guests: [guest("web", { state: "running" })] });
  const asks = () => d.effects.filter((effect) => effect.do === "ask").length;
  d.press("enter");
  assert.equal(asks(), 1);
  d.send({ type: "tick", now: NOW + 60_000 });
  assert.equal(asks(), 1, "an answer is awaited");
  const value = { serial_tail: ["Booting", "login: \u001b[31mroot"] };
  d.send({ type: "answered", tag: "provision.console:web", result: { ok: true, value } });
  assert.match(d.frame({ columns: 100, rows: 40 }), /login: root/);
  d.send({ type: "tick", now: NOW + 61_000 }, { type: "tick", now: NOW + 63_500 });
  assert.equal(asks(), 2);
});

Deno.test("the last lines of its console stay when a run has ended", () => {
  const guests = [guest("web", { state: "running" })];
  const d = driver({ provisioning: [run("web")], guests }).press("enter");
  d.effects.length = 0;
  d.send({ type: "event", event: testEvent(1, "RAYOS_PROVISION:failed", { vm: "web", why: "no agent" }) });
  assert.deepEqual(d.effects.flatMap((effect) => effect.do === "ask" ? [effect.action] : []), ["vm.show"]);
  const value = { serial_tail: ["Kernel panic"] };
  d.send({ type: "answered", tag: "provision.console:web", result: { ok: true, value } });
  assert.match(d.frame({ columns: 100, rows: 40 }), /Kernel panic/);
  d.send({ type: "tick", now: NOW + 60_000 });
  assert.equal(d.effects.filter(({ do: kind }) => kind === "ask").length, 1, "it says no more");
});

const keys = fc.constantFrom(
  ...["enter", "esc", "up", "down", "tab", "backspace", "page-down", "ctrl-x", "left", "home", "space"],
  ...["n", "b", "d", "s", "g", "x", "u", "y", "a", "1", "4", "w", "e", "-", "q"],
);
const late: fc.Arbitrary<ProvisionMessage> = fc.integer({ min: 0, max: 40 }).chain((number) =>
  fc.constantFrom<ProvisionMessage>(
    { kind: "looked", number, facts: {}, refusals: [], remarks: [] },
    { kind: "host", number, host: { kind: "looked", faults: [] } },
    { kind: "planned", number, plan: { kind: "failed", problem: { code: "io", message: "no" } } },
    { kind: "saved", number, came: { kind: "there", path: "/a" } },
    { kind: "begun", id: "web" },
    { kind: "beginning" },
    { kind: "begin" },
    { kind: "open", vm: "gone" },
    { kind: "take" },
  )
);

Deno.test("whatever is pressed and whatever comes, nothing is begun, ended or undone but by the yes to a question", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: keys }, late), { maxLength: 60 }), (steps) => {
      const d = driver({ provisioning: [run("web"), run("half", { state: "failed" })] });
      for (const step of steps) {
        const open = top(d);
        const before = d.effects.length;
        if (typeof step === "string") d.press(step);
        else d.send(own(step));
        const grave = d.effects.slice(before).some((effect) =>
          effect.do === "perform" || (effect.do === "screen" && begins([effect]).length > 0)
        );
        assert.ok(!grave || (open?.kind === "confirm" && typeof step === "string"), String(step));
      }
      assert.ok(d.frame({ columns: 60, rows: 16 }).length > 0);
    }),
    { numRuns: 60 },
  );
});
