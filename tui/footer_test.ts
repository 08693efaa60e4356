import assert from "node:assert/strict";
import { footerSpans } from "./footer.ts";
import { plainText } from "./line.ts";
import type { Model } from "./model.ts";
import { ALL_SCREENS } from "./screens/all.ts";
import { guestsModel, testFigures, testGuest } from "./screens/guests/testing.ts";
import { Driver } from "./testing.ts";

const words = (model: Model, width = 160) =>
  plainText(footerSpans(model, ALL_SCREENS, width)).trim().split(/ {2,}/).join(", ");
const SHELL = "? Help, : Commands, J Jobs, q Quit";

Deno.test("the footer names what is possible with the guest that the cursor is on, and nothing else", () => {
  const stopped = guestsModel([testGuest("web")]);
  assert.equal(words(stopped), `Enter Details, / Filter, Space Mark, r Start, n Network, ${SHELL}`);
  const paused = guestsModel([testGuest("web", { state: "paused", presented: true })]);
  assert.equal(
    words(paused),
    `Enter Details, / Filter, Space Mark, x Stop, c Resume, n Network, o Serial console, h Hide, ${SHELL}`,
  );
  assert.equal(words(guestsModel([])), SHELL);
});

Deno.test("the footer does not change with figures, and what is always there stays at its place", () => {
  const guests = [testGuest("web", { state: "running" }), testGuest("desk")];
  const model = guestsModel(guests, { selected: "web" });
  const live = { ...model, figures: new Map([["web", testFigures("web")]]) };
  assert.equal(words(live), words(model));
  const other = guestsModel(guests, { selected: "desk" });
  const place = (of: Model) => plainText(footerSpans(of, ALL_SCREENS, 120)).indexOf("? Help");
  assert.equal(place(other), place(model));
});

Deno.test("while a text is typed the footer names no letter", () => {
  const typing = new Driver(guestsModel([testGuest("web")])).press("/").type("x");
  assert.equal(words(typing.model), "Enter Keep the filter, Esc Drop the filter, Ctrl-C Quit");
  const asking = new Driver(guestsModel([])).press("4", "n");
  assert.equal(words(asking.model), "Enter Take, Esc Back, Ctrl-X Leave the wizard, Ctrl-C Quit");
});

Deno.test("where nobody answers the footer says how to connect again", () => {
  const lost: Model["connection"] = { kind: "lost", since: 0, why: "it has ended" };
  const model = guestsModel([testGuest("web")], {}, { connection: lost });
  assert.match(words(model), /R Connect again/);
  assert.doesNotMatch(words(model), /r Start/);
});

Deno.test("a footer is never wider than its row", () => {
  const model = guestsModel([testGuest("web", { state: "running" })]);
  for (let width = 60; width < 200; width++) {
    assert.ok(plainText(footerSpans(model, ALL_SCREENS, width)).length <= width, String(width));
  }
});
