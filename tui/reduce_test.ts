import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_IDS, actionSpec } from "../src/actions/table.ts";
import { stubScreens } from "../tests/fakes/stub_screens.ts";
import { eventOf, figuresOf, guestView, jobView, sampleOf, statusView } from "../tests/fakes/tui_views.ts";
import { MAX_EVENTS, MAX_SERIES } from "./data.ts";
import { needsConfirmation } from "./guard.ts";
import type { Message } from "./messages.ts";
import { type Effect, type Model, SCREENS } from "./model.ts";
import { Driver, TEST_NOW, testModel } from "./testing.ts";

const web = guestView("web-1", { state: "running", pid: 77, started_at: "2026-01-31T11:00:00.000Z" });
const db = guestView("db-1");
const perform = (action: Extract<Effect, { do: "perform" }>["action"], id = "web-1"): Effect => ({
  do: "perform",
  action,
  params: { id },
});

function connected(model: Partial<Model> = {}, stub = {}): Driver {
  const screens = stubScreens(stub);
  const driver = new Driver(testModel(model, screens), screens);
  driver.send({ type: "connected", now: TEST_NOW }, { type: "status", status: statusView([web, db]) });
  driver.effects.length = 0;
  return driver;
}

Deno.test("digits and tab show the screens, round and round", () => {
  const driver = connected();
  const seen = ["2", "5", "tab", "shift-tab", "shift-tab", "1"].map((key) => driver.press(key).model.screen);
  assert.deepEqual(seen, ["policy", "audit", "guests", "audit", "provision", "guests"]);
});

Deno.test("q, Ctrl-C, Ctrl-Z and Ctrl-L do what they say, Ctrl-C also over an overlay and while text is typed", () => {
  const driver = connected();
  driver.press("q", "ctrl-z", "ctrl-l", ":", "q", "ctrl-c");
  assert.deepEqual(driver.effects.map((effect) => effect.do), ["quit", "suspend", "redraw", "quit"]);
  const typing = connected({}, { typing: () => true });
  typing.press("q", "?", "2", "ctrl-c");
  assert.deepEqual([typing.effects.length, typing.model.screen, typing.model.overlays.length], [
    1,
    "guests",
    0,
  ]);
});

Deno.test("only the uppermost overlay gets keys", () => {
  const driver = connected().press("?", "j", "2");
  assert.deepEqual(driver.model.overlays, [{ kind: "help", scroll: 1 }]);
  assert.equal(driver.model.screen, "guests");
  driver.send({ type: "open", overlay: { kind: "text", title: "t", lines: [], scroll: 0 } }).press("esc");
  assert.equal(driver.model.overlays.length, 1);
  assert.equal(driver.press("q").model.overlays.length, 0);
});

Deno.test("a disruptive action is asked for before it is done, whoever wants it done", () => {
  const driver = connected().send({ type: "do", effects: [perform("vm.stop")] });
  assert.deepEqual(driver.effects, []);
  assert.equal(driver.model.overlays.at(-1)?.kind, "confirm");
  driver.press("n").send({ type: "do", effects: [perform("vm.stop")] }).press("y");
  assert.deepEqual(driver.effects, [perform("vm.stop")]);
  assert.deepEqual(driver.model.overlays, []);
});

Deno.test("a word that has to be typed must be the very word", () => {
  const driver = connected().send({ type: "do", effects: [perform("vm.delete", "db-1")] });
  driver.press("enter", "y").type("db-1").press("enter");
  assert.deepEqual(driver.effects, []);
  driver.press("ctrl-u").type("db-").press("enter", "1").paste(" ").press("enter");
  assert.deepEqual(driver.effects, []);
  driver.press("backspace", "enter");
  assert.deepEqual(driver.effects, [perform("vm.delete", "db-1")]);
});

Deno.test("a choice that can't be taken says why and stays open; one that disrupts is asked for", () => {
  const driver = connected().send({
    type: "open",
    overlay: {
      kind: "choose",
      title: "Network",
      at: 0,
      choices: [
        { label: "internet", disabled: "policy grants off", then: [perform("vm.pause")] },
        { label: "stop", then: [perform("vm.stop")] },
      ],
    },
  });
  driver.press("enter");
  assert.equal(driver.model.toasts.at(-1)?.text, "internet: policy grants off");
  driver.press("j", "enter");
  assert.deepEqual(driver.effects, []);
  assert.deepEqual(driver.press("enter").effects, [perform("vm.stop")]);
});

Deno.test("what destroys takes the guest's name, wherever it was asked for; a run that is called off does not", () => {
  for (const action of ["vm.kill", "vm.reset", "vm.delete"] as const) {
    const driver = connected().send({ type: "do", effects: [perform(action)] }).press("y", "enter");
    assert.deepEqual(driver.effects, [], action);
    assert.deepEqual(driver.press("ctrl-u").type("web-1").press("enter").effects, [perform(action)]);
  }
  const driver = connected().send({ type: "do", effects: [perform("provision.cancel")] });
  assert.deepEqual(driver.press("y").effects, [perform("provision.cancel")]);
});

Deno.test("a row that can't be used says why", () => {
  const keys = [{ keys: ["s"], title: "Start", disabled: () => "web-1 is running", run: () => [] }];
  const driver = connected({}, { keys }).press("s");
  assert.equal(driver.model.toasts[0]?.text, "Start: web-1 is running");
});

Deno.test("in a read-only UI rows that change something are gone, and nothing that changes is emitted", () => {
  const run = (): readonly Message[] => [{ type: "do", effects: [perform("vm.start", "db-1")] }];
  const keys = [{ keys: ["s"], title: "Start", changes: true as const, run }];
  const prefs = { ...testModel().prefs, readOnly: true };
  const driver = connected({ prefs }, { keys }).press("s", "?");
  assert.ok(!driver.frame().includes("Start"));
  driver.press("esc", ":").type("start db-1").press("enter", "esc");
  driver.send(...run(), {
    type: "open",
    overlay: { kind: "confirm", title: "t", lines: [], then: [perform("vm.kill")] },
  });
  assert.deepEqual(driver.press("y").effects, []);
  assert.match(driver.model.toasts.at(-1)?.text ?? "", /--read-only/);
});

Deno.test("the palette finds rows and actions on guests, completes, and says why not", () => {
  const driver = connected().press(":").type("pau");
  assert.match(driver.frame(), /Pause …/);
  driver.press("tab").type("w").press("enter");
  assert.deepEqual(driver.effects, [perform("vm.pause")]);
  driver.press(":").type("pause db").press("enter");
  assert.equal(driver.model.toasts.at(-1)?.text, "Pause db-1: db-1 is stopped");
  driver.press("esc", ":").type("show policy").press("enter");
  assert.equal(driver.model.screen, "policy");
});

Deno.test("what was asked from the palette is shown as text", () => {
  const driver = connected().press(":").type("show network web-1").press("enter");
  const effect = driver.effects[0];
  assert.ok(effect?.do === "ask" && effect.action === "net.show");
  driver.send({
    type: "answered",
    tag: effect.tag,
    result: { ok: true, value: { network: "off", on: null } },
  });
  const top = driver.model.overlays.at(-1);
  assert.deepEqual(top, {
    kind: "text",
    title: "Show network web-1",
    lines: ["network: off", "on: -"],
    scroll: 0,
  });
});

Deno.test("jobs are listed, and called off by x", () => {
  const driver = connected().send({ type: "jobs", jobs: [jobView()] }).press("J", "x");
  assert.deepEqual(driver.effects, [{ do: "perform", action: "job.cancel", params: { job: jobView().job } }]);
  assert.match(driver.frame(), /vm.stop web-1 {2}under way 10 s {2}asked by ACPI/);
});

Deno.test("a lost connection is told since when, jobs are forgotten, and a new one asks for status anew", () => {
  const driver = connected().send({ type: "jobs", jobs: [jobView()] });
  driver.send({ type: "lost", now: TEST_NOW + 1000, why: "it has ended" });
  driver.send({ type: "lost", now: TEST_NOW + 3000, why: "nobody answers" });
  assert.deepEqual(driver.model.connection, { kind: "lost", since: TEST_NOW + 1000, why: "nobody answers" });
  assert.deepEqual(driver.model.jobs, []);
  driver.effects.length = 0;
  driver.press("R").send({ type: "connected", now: TEST_NOW + 4000 });
  assert.deepEqual(driver.effects.map((effect) => effect.do), ["reconnect", "refresh"]);
});

Deno.test("figures make series with a bound, and what they tell of a guest shows at once", () => {
  const driver = connected();
  for (let i = 0; i < MAX_SERIES + 10; i++) driver.send({ type: "live", sample: sampleOf([web, db], i) });
  const series = driver.model.series.get("web-1");
  assert.equal(series?.cpu.length, MAX_SERIES);
  assert.equal(series?.cpu.at(-1), MAX_SERIES + 9);
  assert.equal(driver.model.series.has("db-1"), false);
  assert.deepEqual(series?.net, [], "it has no card");
  const paused = figuresOf({ ...web, state: "paused", presented: true }, 1);
  driver.effects.length = 0;
  driver.send({ type: "live", sample: { ...sampleOf([]), guests: [paused, figuresOf(db, 0)] } });
  assert.deepEqual(driver.model.guests.map(({ state, presented }) => [state, presented]), [
    ["paused", true],
    ["stopped", false],
  ]);
  assert.deepEqual(driver.effects, [{ do: "refresh" }]);
});

Deno.test("a card's series begins when it is plugged in, and is gone with it", () => {
  const driver = connected();
  const rates = { rx_bytes_per_s: 1000, tx_bytes_per_s: 500, rx_packets_per_s: 2, tx_packets_per_s: 1 };
  const counters = { card: "card-rp0", rx_bytes: 9, tx_bytes: 9, rx_packets: 9, tx_packets: 9 };
  const seen: (readonly number[] | undefined)[] = [];
  for (const network of [[], null, [{ ...counters, rates: null }], [{ ...counters, rates }], []]) {
    driver.send({
      type: "live",
      sample: { ...sampleOf([]), guests: [{ ...figuresOf(web, 1), network }] },
    });
    seen.push(driver.model.series.get("web-1")?.net);
  }
  assert.deepEqual(seen, [[], [0], [0, 0], [0, 0, 1500], []]);
});

Deno.test("a guest that has ended has no figures any more, also before the next ones come", () => {
  const driver = connected().send({ type: "live", sample: sampleOf([web, db], 1) });
  assert.ok(driver.model.figures.get("web-1")?.cpu);
  driver.send({ type: "status", status: statusView([{ ...web, state: "stopped", pid: null }, db]) });
  assert.equal(driver.model.figures.has("web-1"), false);
});

Deno.test("a guest that has not changed is the same object after a new status", () => {
  const driver = connected();
  const before = driver.model.guests;
  const again = statusView([{ ...web }, { ...db, state: "starting" }]);
  driver.send({ type: "status", status: again });
  assert.equal(driver.model.guests[0], before[0]);
  assert.equal(driver.model.guests[1]?.state, "starting");
  const same = driver.model.guests;
  assert.equal(
    driver.send({ type: "status", status: { ...again, guests: [{ ...web }, { ...db, state: "starting" }] } })
      .model.guests,
    same,
  );
});

Deno.test("events are kept up to a bound, and those that tell of a change ask for status", () => {
  const driver = connected();
  for (let i = 0; i < MAX_EVENTS + 5; i++) {
    driver.send({ type: "event", event: eventOf(`RAYOS_INPUT:denied`, { n: i }) });
  }
  assert.equal(driver.model.events.length, MAX_EVENTS);
  assert.equal(driver.model.events.at(-1)?.fields.n, MAX_EVENTS + 4);
  assert.deepEqual(driver.effects, []);
  driver.send({ type: "event", event: eventOf("RAYOS_VM:pause", { vm: "web-1" }) });
  assert.deepEqual(driver.effects, [{ do: "refresh" }]);
});

Deno.test("toasts go after a while, or at a key once they could be read", () => {
  const driver = connected().send({ type: "toast", tone: "good", text: "Start web-1: done" }).press("j");
  assert.equal(driver.model.toasts.length, 1);
  driver.send({ type: "tick", now: TEST_NOW + 2000 }).press("j");
  assert.equal(driver.model.toasts.length, 0);
  driver.send({ type: "toast", tone: "bad", text: "no" }, { type: "tick", now: TEST_NOW + 60_000 });
  assert.equal(driver.model.toasts.length, 0);
});

const NAMES = [
  ..."abcdefghijklmnopqrstuvwxyzJR12345?:/*<>+-",
  ...["enter", "esc", "tab", "shift-tab", "space", "backspace", "delete", "up", "down", "left", "right"],
  ...["home", "end", "page-up", "page-down", "ctrl-a", "ctrl-c", "ctrl-l", "ctrl-u", "ctrl-w", "ctrl-z"],
];

const anyEffect = fc.oneof(
  fc.record({ action: fc.constantFrom(...ACTION_IDS), id: fc.constantFrom("web-1", "db-1", "gone") })
    .map(({ action, id }) => perform(action, id)),
  fc.record({ action: fc.constantFrom(...ACTION_IDS) }).map(({ action }): Effect => ({
    do: "ask",
    tag: "shell:x",
    action,
    params: {},
  })),
);

const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(...NAMES).map((name): Message => ({ type: "key", key: { name } })),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: "grapheme" }).map((text): Message => ({ type: "key", key: { text } })),
  },
  fc.record({ columns: fc.integer({ min: 0, max: 250 }), rows: fc.integer({ min: 0, max: 80 }) })
    .map((size): Message => ({ type: "resized", ...size })),
  fc.nat(100_000).map((ms): Message => ({ type: "tick", now: TEST_NOW + ms })),
  fc.constantFrom<Message>(
    { type: "connected", now: TEST_NOW },
    { type: "lost", now: TEST_NOW, why: "it has ended" },
    { type: "status", status: statusView([web, db]) },
    { type: "status", status: statusView([]) },
    { type: "live", sample: sampleOf([web, db]) },
    { type: "jobs", jobs: [jobView()] },
    { type: "jobs", jobs: [] },
    { type: "event", event: eventOf("RAYOS_VM:start", { vm: "web-1" }) },
    { type: "close" },
  ),
  fc.constantFrom(...SCREENS).map((screen): Message => ({ type: "show", screen })),
  fc.array(anyEffect, { maxLength: 3 }).map((effects): Message => ({ type: "do", effects })),
  fc.array(anyEffect, { maxLength: 2 }).map((then): Message => ({
    type: "open",
    overlay: { kind: "choose", title: "t", at: 0, choices: [{ label: "one", then }] },
  })),
  anyEffect.map((effect): Message => ({
    type: "open",
    overlay: { kind: "confirm", title: "t", lines: ["l"], typed: { word: "abc", given: "" }, then: [effect] },
  })),
);

/** What may be emitted by this key: the effects of the question on top, when the key answers it. */
function allowed(model: Model, message: Message): readonly Effect[] {
  const top = model.overlays.at(-1);
  if (message.type !== "key" || top?.kind !== "confirm" || !("name" in message.key)) return [];
  const { name } = message.key;
  if (top.typed !== undefined) return name === "enter" && top.typed.given === top.typed.word ? top.then : [];
  return name === "y" || name === "enter" ? top.then : [];
}

function survives(driver: Driver, messages: readonly Message[]): void {
  for (const message of messages) {
    const may = allowed(driver.model, message);
    driver.effects.length = 0;
    driver.send(message);
    for (const effect of driver.effects) {
      if ((effect.do === "perform" || effect.do === "ask") && needsConfirmation(effect.action)) {
        assert.ok(may.includes(effect), `${effect.action} was not asked for`);
      }
      if (driver.model.prefs.readOnly && (effect.do === "perform" || effect.do === "ask")) {
        assert.equal(actionSpec(effect.action).policy, null);
      }
    }
  }
}

Deno.test("random keys and messages never crash, and nothing disruptive is done unless a question was answered", () =>
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 80 }), fc.boolean(), (messages, readOnly) => {
      const driver = new Driver(testModel({ prefs: { ...testModel().prefs, readOnly } }));
      driver.send({ type: "connected", now: TEST_NOW }, { type: "status", status: statusView([web, db]) });
      survives(driver, messages);
    }),
    { numRuns: 300 },
  ));

Deno.test("whatever came before, a frame can be drawn, and it has the size of the terminal", () =>
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 30 }), (messages) => {
      const driver = new Driver();
      survives(driver, messages);
      const { columns, rows } = driver.model.size;
      const lines = driver.frame().split("\n");
      if (columns >= 60 && rows >= 16) assert.ok(lines.length <= rows, `${lines.length} lines of ${rows}`);
    }),
    { numRuns: 60 },
  ));
