/** Keys over the whole reducer: what is asked for, and what is asked first. */
import assert from "node:assert/strict";
import type { GuestView } from "../../../src/actions/views.ts";
import type { Effect } from "../../model.ts";
import { Driver, TEST_NOW } from "../../testing.ts";
import { guestsModel, SIX, testDetail, testGuest, testStatus } from "./testing.ts";

function driver(guests: readonly GuestView[], selected: string, more = {}): Driver {
  return new Driver(guestsModel(guests, { selected, ...more }));
}

const performed = (driver: Driver) => driver.effects.filter((effect) => effect.do === "perform");
const did = (
  action: string,
  params: Record<string, unknown>,
): Effect[] => [{ do: "perform", action, params } as Effect]; // names of tests are names of the table

function top(driver: Driver) {
  return driver.model.overlays.at(-1);
}

Deno.test("start acts at once and waits until it runs; pause, resume, present and hide act at once", () => {
  const rows: readonly [string, GuestView, Effect[]][] = [
    ["r", testGuest("web"), did("vm.start", { id: "web", wait: "running" })],
    ["p", testGuest("web", { state: "running" }), did("vm.pause", { id: "web" })],
    ["c", testGuest("web", { state: "paused" }), did("vm.resume", { id: "web" })],
    ["v", testGuest("web", { state: "running" }), did("vm.present", { id: "web" })],
    ["h", testGuest("web", { state: "running", presented: true }), did("vm.hide", { id: "web" })],
    ["b", testGuest("web"), did("baseline.create", { id: "web" })],
  ];
  for (const [key, guest, expected] of rows) {
    const ui = driver([guest], "web").press(key);
    assert.deepEqual(performed(ui), expected, key);
    assert.equal(top(ui), undefined, key);
  }
});

Deno.test("stop and suspend ask for a yes first; no and esc do nothing", () => {
  for (const [key, action] of [["x", "vm.stop"], ["z", "vm.suspend"]] as const) {
    const running = [testGuest("web", { state: "running", presented: true })];
    const ui = driver(running, "web").press(key);
    assert.deepEqual(performed(ui), []);
    assert.match(ui.frame(), /It is presented\./);
    assert.deepEqual(performed(ui.press("n")), []);
    assert.deepEqual(performed(ui.press(key, "esc")), []);
    assert.deepEqual(performed(ui.press(key, "y")), did(action, { id: "web" }));
  }
});

Deno.test("kill and reset want the guest's id typed", () => {
  for (const [key, action] of [["X", "vm.kill"], ["T", "vm.reset"]] as const) {
    const ui = driver([testGuest("web", { state: "running" })], "web").press(key, "y", "enter");
    assert.deepEqual(performed(ui), []);
    ui.press("esc", key).type("web").press("enter");
    assert.deepEqual(performed(ui), did(action, { id: "web" }));
  }
});

Deno.test("delete asks what of the guest goes, then wants its id: a wrong one does nothing", () => {
  const ui = driver([testGuest("web")], "web").press("d");
  assert.equal(top(ui)?.kind, "choose");
  ui.press("down", "enter");
  assert.match(ui.frame(), /removes its folder with all its/);
  ui.type("wob").press("enter");
  assert.deepEqual(performed(ui), []);
  ui.press("backspace", "backspace").type("eb").press("enter");
  assert.deepEqual(performed(ui), did("vm.delete", { id: "web", disks: true }));
  const entry = driver([testGuest("web")], "web").press("d", "enter").type("web").press("enter");
  assert.deepEqual(performed(entry), did("vm.delete", { id: "web" }));
});

Deno.test("a suspended guest is started where it stood, or anew after one more yes", () => {
  const suspended = [testGuest("web", { state: "suspended" })];
  assert.deepEqual(
    performed(driver(suspended, "web").press("r", "enter")),
    did("vm.start", { id: "web", wait: "running" }),
  );
  const ui = driver(suspended, "web").press("r", "down", "enter");
  assert.deepEqual(performed(ui), []);
  assert.deepEqual(performed(ui.press("y")), did("vm.start", { id: "web", wait: "running", cold: true }));
});

Deno.test("an action on marked guests lists them, and those that are left as they are with why", () => {
  const ui = driver(SIX, "build", { marks: ["build", "gate-1", "mail"] }).press("p");
  const overlay = top(ui);
  assert.ok(overlay?.kind === "confirm");
  assert.equal(overlay.title, "Pause 2 guests?");
  assert.deepEqual(overlay.lines.slice(1), [
    "  build  running",
    "  gate-1 (Windows gate)  running, presented",
    "Left as they are:",
    "  mail  it is crashed; possible when running or paused",
  ]);
  assert.deepEqual(performed(ui.press("y")).map((effect) => effect.do === "perform" && effect.params), [
    { id: "build" },
    { id: "gate-1" },
  ]);
  const killed = driver(SIX, "build", { marks: ["build", "gate-1"] }).press("X").type("kill 2").press(
    "enter",
  );
  assert.equal(performed(killed).length, 2);
});

Deno.test("what is not possible does nothing and says why", () => {
  const ui = driver([testGuest("web")], "web").press("x");
  assert.deepEqual(performed(ui), []);
  assert.match(ui.frame({ columns: 120 }), /Stop: it is stopped; possible when running or paused/);
});

Deno.test("the network is chosen from every profile, those that policy refuses with the rule's reason", () => {
  const ui = driver([testGuest("web", { state: "running" })], "web").press("n");
  const answer = (tag: string, value: unknown) =>
    ui.send({ type: "answered", tag, result: { ok: true, value } });
  answer("guests:net:web", {
    ...{
      vm: "web",
      network: "off",
      asked: null,
      granted: "on",
      profiles: ["nat"],
      defined: ["nat", "office"],
      on: null,
    },
  });
  assert.equal(top(ui), undefined);
  const asked = ui.effects.flatMap((effect) =>
    effect.do === "ask" && effect.tag.startsWith("guests:net:web:") ? [effect.params] : []
  );
  assert.deepEqual(asked, [
    { id: "web", action: "net.set", profile: "nat" },
    { id: "web", action: "net.set", profile: "office" },
  ]);
  const decided = (effect: string, rule: string, why: string) => ({
    decision: { effect, reasons: [{ rule, why }], obligations: [] },
  });
  answer(
    "guests:net:web:office",
    decided("deny", "network_profile_not_allowed", "web may not use it; allowed: nat"),
  );
  answer("guests:net:web:nat", decided("allow", "allowed", "it may"));
  const screen = ui.frame({ columns: 100 });
  assert.match(screen, /Network of web: now off/);
  assert.match(screen, /network_profile_not_allowed: web may not use it/);
  ui.press("end", "enter");
  assert.deepEqual(performed(ui), []);
  ui.press("up", "enter");
  assert.deepEqual(performed(ui), did("net.set", { id: "web", profile: "nat" }));
});

Deno.test("u takes back what can be taken back, with the question that this needs", () => {
  const came = (action: "vm.present" | "vm.start" | "vm.pause") => ({
    ...{
      type: "came",
      now: TEST_NOW,
      action,
      params: { id: "web" },
      result: { ok: true, value: {} },
    } as const,
  });
  const running = [testGuest("web", { state: "running", presented: true })];
  assert.deepEqual(performed(driver(running, "web").press("u")), []);
  assert.deepEqual(
    performed(driver(running, "web").send(came("vm.present")).press("u")),
    did("vm.hide", { id: "web" }),
  );
  const started = driver(running, "web").send(came("vm.start"));
  assert.match(started.frame(), /u takes it back: Stop web/);
  assert.deepEqual(performed(started.press("u")), []);
  assert.deepEqual(performed(started.press("y")), did("vm.stop", { id: "web" }));
  const paused = driver([testGuest("web", { state: "paused" })], "web").send(came("vm.pause"));
  assert.deepEqual(performed(paused.press("u")), did("vm.resume", { id: "web" }));
});

Deno.test("what was refused can be read in full: every reason, where it stands, the hint", () => {
  const ui = driver([testGuest("web", { state: "running" })], "web").send({
    ...{ type: "came", now: TEST_NOW, action: "net.set", params: { id: "web", profile: "nat" } },
    result: {
      ok: false,
      problem: {
        code: "denied",
        message: "net.set on web is denied by policy: networking is off for web",
        hint: "`rayvisor policy explain web net.set` shows how it was decided",
        reasons: [{
          rule: "network_default_off",
          why: "networking is off for web",
          where: "linux.networking",
        }],
      },
    },
  });
  assert.match(ui.frame(), /w: all of its reasons/);
  ui.press("w");
  const screen = ui.frame();
  for (const part of ["network_default_off", "policy: linux.networking", "hint: `rayvisor policy explain"]) {
    assert.ok(screen.includes(part), `${part}\n${screen}`);
  }
});

Deno.test("the filter takes letters that are keys elsewhere, enter keeps it, esc drops it", () => {
  const ui = driver(SIX, "build").press("/").type("x ma");
  assert.deepEqual(performed(ui), []);
  assert.equal(ui.model.screens.guests.filter, "x ma");
  ui.press("ctrl-u").type("mai").press("enter");
  assert.match(ui.frame(), /1 of 6 guests {2}filter: mai/);
  ui.press("down", "esc");
  assert.equal(ui.model.screens.guests.filter, "");
});

Deno.test("details are asked for where the cursor rests, one question at a time", () => {
  const ui = new Driver(guestsModel(SIX, { selected: "build" }, { size: { columns: 120, rows: 30 } }));
  const asked = () =>
    ui.effects.flatMap((effect) =>
      effect.do === "ask" && effect.action === "vm.show" ? [effect.params.id] : []
    );
  ui.press("down", "down", "down");
  assert.deepEqual(asked(), ["db"]);
  ui.send({
    type: "answered",
    tag: "guests:show:db",
    result: { ok: true, value: testDetail(testGuest("db")) },
  });
  assert.deepEqual(asked(), ["db", "mail"]);
  assert.ok(
    !ui.effects.some((effect) => effect.do === "ask" && effect.tag.startsWith("guests:explain:build")),
  );
});

Deno.test("a guest that does not answer keeps no other waiting once the cursor rests", () => {
  const ui = new Driver(guestsModel(SIX, { selected: "build" }, { size: { columns: 120, rows: 30 } }));
  ui.press("down", "down").send({ type: "tick", now: TEST_NOW + 1000 });
  const asked = ui.effects.flatMap((effect) =>
    effect.do === "ask" && effect.action === "vm.show" ? [effect.params.id] : []
  );
  assert.deepEqual(asked, ["db", "gate-1"]);
  ui.send({
    ...{ type: "answered", tag: "guests:show:db" },
    result: { ok: true, value: testDetail(testGuest("db")) },
  });
  assert.equal(ui.model.screens.guests.shown, undefined);
});

Deno.test("policy is asked once about a guest, and again when what its answers hang on has changed", () => {
  const guests = [testGuest("web")];
  const ui = driver(guests, "web");
  const count = () =>
    ui.effects.filter((effect) => effect.do === "ask" && effect.action === "policy.explain").length;
  ui.send({ type: "tick", now: TEST_NOW }, { type: "tick", now: TEST_NOW + 1000 });
  assert.equal(count(), 3);
  ui.send({ type: "status", status: testStatus(guests, { presented: "db" }) });
  assert.equal(count(), 6);
});

Deno.test("the command lines of a guest are shown as text, an option a line", () => {
  const ui = driver([testGuest("web")], "web").press("l");
  const value = [{
    program: "qemu-system-x86_64",
    args: ["-machine", "q35", "-nodefaults", "-m", "size=64M"],
  }];
  ui.send({ type: "answered", tag: "guests:argv:web", result: { ok: true, value } });
  const overlay = top(ui);
  assert.ok(overlay?.kind === "text");
  assert.deepEqual(overlay.lines, [
    "qemu-system-x86_64 \\",
    "  -machine q35 \\",
    "  -nodefaults \\",
    "  -m size=64M",
  ]);
});
