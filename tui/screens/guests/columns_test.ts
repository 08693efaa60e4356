import assert from "node:assert/strict";
import { plainText } from "../../line.ts";
import { PLAIN_PREFS } from "../../prefs.ts";
import { widthOf } from "../../text.ts";
import { headLine, place, rowLine } from "./columns.ts";
import {
  guestsModel,
  SIX,
  SIX_FIGURES,
  SIX_SERIES,
  TEST_CARD,
  TEST_SERIES,
  testFigures,
  testGuest,
} from "./testing.ts";
import { rowsOf } from "./rows.ts";

const titles = (columns: number) => place(columns).map(({ column }) => column.title || "~").join(" ");

Deno.test("place() gives the most important columns their room first", () => {
  assert.equal(titles(60), "ID STATE READY PRESENTED NETWORK CPU");
  assert.equal(titles(80), "ID STATE READY PRESENTED NETWORK CPU ~ MEMORY");
  assert.equal(titles(100), "ID STATE READY PRESENTED NETWORK CPU MEMORY DISK/s NET/s UP");
  assert.equal(titles(120), "ID STATE READY PRESENTED NETWORK CPU ~ MEMORY DISK/s ~ NET/s ~ UP");
  assert.equal(
    titles(200),
    "ID NAME KIND STATE READY PRESENTED NETWORK CPU ~ MEMORY DISK/s ~ NET/s ~ UP NOTES",
  );
});

Deno.test("titles and rows never take more cells than there are, whatever guests are called", () => {
  const hostile = testGuest("x", {
    name: "名前\x1b[2J\u202e名前名前名前名前名前",
    problem: "\x1b]0;x\x07漢字".repeat(40),
    state: "paused",
  });
  const model = guestsModel([...SIX, hostile], {}, { figures: SIX_FIGURES, series: SIX_SERIES });
  for (let columns = 40; columns < 220; columns++) {
    const placed = place(columns);
    assert.ok(widthOf(headLine(placed, { sort: "cpu", descending: true }, PLAIN_PREFS)) <= columns);
    for (const row of rowsOf(model)) {
      const text = plainText(rowLine(model, placed, row, { cursor: true, marked: true }));
      assert.ok(widthOf(text) <= columns, `${columns}: ${text}`);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
    }
  }
});

Deno.test("a guest that is not bad by its state is marked where something is wrong with it", () => {
  const guest = testGuest("web", { state: "paused", problem: "a disk could not be written" });
  const model = guestsModel([guest]);
  const [row] = rowsOf(model);
  assert.ok(row);
  assert.match(plainText(rowLine(model, place(60), row, { cursor: false, marked: false })), /paused !/);
});

Deno.test("what a card receives and sends is one rate, fresh whatever QEMU owes; a guest without one has a dash and no picture", () => {
  const guests = ["card", "first", "none"].map((id) => testGuest(id, { state: "running" }));
  const figures = new Map([
    ["card", testFigures("card", { network: [TEST_CARD], stale: true })],
    ["first", testFigures("first", { network: [{ ...TEST_CARD, rates: null }] })],
    ["none", testFigures("none")],
  ]);
  const series = new Map([["card", { ...TEST_SERIES, net: [0, 1024 * 1024] }], ["none", TEST_SERIES]]);
  const model = guestsModel(guests, {}, { figures, series });
  const placed = place(200).filter(({ column }, i, all) =>
    column.title === "NET/s" || all[i - 1]?.column.title === "NET/s"
  );
  const cells = rowsOf(model).map((row) =>
    plainText(rowLine(model, placed, row, { cursor: false, marked: false })).trim()
  );
  assert.deepEqual(cells, ["3.5 MiB       ▁▇", "-", "-"]);
});
