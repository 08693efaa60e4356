import assert from "node:assert/strict";
import { keysOf, type TerminalKey } from "./input.ts";
import { nameOf } from "./key.ts";

const NONE: TerminalKey = {
  ...{
    upArrow: false,
    downArrow: false,
    leftArrow: false,
    rightArrow: false,
    pageUp: false,
    pageDown: false,
  },
  ...{ home: false, end: false, return: false, escape: false, tab: false, backspace: false, delete: false },
  ...{ ctrl: false, shift: false, meta: false },
};

const names = (input: string, key: Partial<TerminalKey> = {}) =>
  keysOf(input, { ...NONE, ...key }).map(nameOf);

Deno.test("keys have one name each", () => {
  assert.deepEqual(names("", { upArrow: true }), ["up"]);
  assert.deepEqual(names("\r", { return: true }), ["enter"]);
  assert.deepEqual(names("", { tab: true, shift: true }), ["shift-tab"]);
  assert.deepEqual(names("c", { ctrl: true }), ["ctrl-c"]);
  assert.deepEqual(names("A", { shift: true }), ["A"]);
  assert.deepEqual(names(" "), ["space"]);
});

Deno.test("characters that come at once are keys of their own", () => {
  assert.deepEqual(names("jj\rq"), ["j", "j", "enter", "q"]);
  assert.deepEqual(names("ä日"), ["ä", "日"]);
});

Deno.test("Escape and a key right after it are two keys; a key that is let go is none", () => {
  assert.deepEqual(names(":", { meta: true }), ["esc", ":"]);
  assert.deepEqual(names("a", { eventType: "release" }), []);
});
