import assert from "node:assert/strict";
import { prefsFrom } from "./detect.ts";

const FLAGS = { readOnly: false, screenReader: false, mono: false, ascii: false, hideOnExit: false };
const prefs = (env: Record<string, string>, flags = {}) =>
  prefsFrom((name) => env[name], { ...FLAGS, ...flags });

Deno.test("colours are left out where they are not wanted or not there", () => {
  assert.equal(prefs({ TERM: "xterm-256color" }).color, "full");
  assert.equal(prefs({ TERM: "xterm-256color", NO_COLOR: "1" }).color, "none");
  assert.equal(prefs({ TERM: "vt220" }).color, "none");
  assert.equal(prefs({ TERM: "vt220", COLORTERM: "truecolor" }).color, "full");
  assert.equal(prefs({}, { mono: true }).color, "none");
});

Deno.test("a light background is told by COLORFGBG, and dark is what is taken without it", () => {
  assert.equal(prefs({ COLORFGBG: "0;15" }).background, "light");
  assert.equal(prefs({ COLORFGBG: "0;default;7" }).background, "light");
  assert.equal(prefs({ COLORFGBG: "15;0" }).background, "dark");
  assert.equal(prefs({ COLORFGBG: "?" }).background, "dark");
  assert.equal(prefs({}).background, "dark");
});

Deno.test("Unicode is shown where the locale is UTF-8, the first variable that is set decides", () => {
  assert.equal(prefs({ LANG: "de_DE.UTF-8" }).unicode, true);
  assert.equal(prefs({ LANG: "de_DE.UTF-8", LC_ALL: "C" }).unicode, false);
  assert.equal(prefs({ LC_CTYPE: "C.utf8" }).unicode, true);
  assert.equal(prefs({}).unicode, false);
  assert.equal(prefs({ LANG: "C.UTF-8" }, { ascii: true }).unicode, false);
});
