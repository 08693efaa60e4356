import assert from "node:assert/strict";
import { guestsModel, SIX, SIX_FIGURES, TEST_CARD, testFigures, testGuest } from "./testing.ts";
import { indexOf, makeRows, markedOf, moved, type Row, rowsOf, selectedOf, targetsOf } from "./rows.ts";
import { INIT } from "./state.ts";

const words = (rows: readonly Row[]) =>
  rows.map((row) => row.kind === "guest" ? row.guest.id : `${row.title}:${row.count}`).join(" ");

Deno.test("makeRows() sorts by each column, either way, and by id where that leaves a tie", () => {
  const rows: readonly [Partial<typeof INIT>, string][] = [
    [{}, "build db gate-1 mail old web"],
    [{ descending: true }, "web old mail gate-1 db build"],
    [{ sort: "state" }, "build gate-1 db web mail old"],
    [{ sort: "cpu", descending: true }, "build gate-1 db mail old web"],
    [{ sort: "memory", descending: true }, "build gate-1 db mail old web"],
    [{ sort: "disk" }, "db mail old web build gate-1"],
    [{ sort: "up" }, "build db gate-1 mail old web"],
  ];
  for (const [state, expected] of rows) {
    assert.equal(words(makeRows(SIX, SIX_FIGURES, { ...INIT, ...state })), expected, JSON.stringify(state));
  }
});

Deno.test("makeRows() sorts by what passes the network, those of which nothing is known last", () => {
  const figures = new Map([
    ["db", testFigures("db", { network: [TEST_CARD] })],
    ["web", testFigures("web", { network: [{ ...TEST_CARD, rates: null }] })],
    ["old", testFigures("old", { network: null })],
  ]);
  const sorted = makeRows(SIX, figures, { ...INIT, sort: "net", descending: true });
  assert.equal(words(sorted), "db build gate-1 mail old web");
});

Deno.test("makeRows() filters by id, name, state and kind, all words at once, whatever their case", () => {
  const rows: readonly [string, string][] = [
    ["", "build db gate-1 mail old web"],
    ["GATE", "gate-1"],
    ["windows", "gate-1"],
    ["running", "build gate-1"],
    ["running linux", "build"],
    ["  mai  cra ", "mail"],
    ["nothing like it", ""],
  ];
  for (const [filter, expected] of rows) {
    assert.equal(words(makeRows(SIX, new Map(), { ...INIT, filter })), expected, filter);
  }
});

Deno.test("makeRows() groups by kind, each group with its count, and leaves empty groups out", () => {
  assert.equal(
    words(makeRows(SIX, new Map(), { ...INIT, grouped: true })),
    "Linux:4 build db mail web Windows:1 gate-1 Unknown kind:1 old",
  );
  assert.equal(words(makeRows(SIX, new Map(), { ...INIT, grouped: true, filter: "web" })), "Linux:1 web");
});

Deno.test("rowsOf() gives the same rows as long as nothing that they depend on has changed", () => {
  const model = guestsModel(SIX);
  const rows = rowsOf(model);
  assert.equal(rowsOf({ ...model, figures: new Map(SIX_FIGURES), now: model.now + 1000 }), rows);
  assert.notEqual(rowsOf(guestsModel([...SIX])), rows);
  const byCpu = guestsModel(SIX, { sort: "cpu" });
  assert.notEqual(rowsOf({ ...byCpu, figures: new Map(SIX_FIGURES) }), rowsOf(byCpu));
});

Deno.test("the cursor stays on its guest when others come and go, and goes to a neighbour when it is gone", () => {
  const state = { selected: "mail", at: 3 };
  assert.equal(selectedOf(guestsModel(SIX, state))?.id, "mail");
  assert.equal(selectedOf(guestsModel([testGuest("a"), testGuest("b"), ...SIX], state))?.id, "mail");
  assert.equal(selectedOf(guestsModel(SIX.filter(({ id }) => id !== "mail"), state))?.id, "old");
  assert.equal(selectedOf(guestsModel(SIX.slice(0, 2), state))?.id, "db");
  assert.equal(selectedOf(guestsModel([], state)), undefined);
});

Deno.test("moved() skips the titles of groups and stops at the ends", () => {
  const model = guestsModel(SIX, { grouped: true, selected: "web", at: 4 });
  assert.equal(moved(model, 1).selected, "gate-1");
  assert.equal(moved(model, 100).selected, "old");
  assert.equal(moved(model, -100).selected, "build");
  assert.equal(indexOf(guestsModel(SIX, { grouped: true })), 1);
});

Deno.test("targetsOf() is the marked guests, those that a filter hides included, else the one at the cursor", () => {
  assert.deepEqual(targetsOf(guestsModel(SIX, { selected: "web" })).map(({ id }) => id), ["web"]);
  const marked = guestsModel(SIX, { marks: ["web", "gone", "build"], filter: "web" });
  assert.deepEqual(markedOf(marked).map(({ id }) => id), ["web", "build"]);
  assert.deepEqual(targetsOf(marked).map(({ id }) => id), ["web", "build"]);
});

Deno.test("rows of 200 guests are made in a few milliseconds", () => {
  const guests = Array.from({ length: 200 }, (_, i) => testGuest(`guest-${i}`));
  const began = performance.now();
  for (let i = 0; i < 20; i++) {
    makeRows(guests, new Map(), { ...INIT, sort: "state", grouped: true, filter: "guest" });
  }
  assert.ok((performance.now() - began) / 20 < 20);
});
