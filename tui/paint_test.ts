import assert from "node:assert/strict";
import fc from "fast-check";
import xterm from "@xterm/headless";
import type { Span } from "./line.ts";
import { ENTER, painted, patch } from "./paint.ts";
import { PLAIN_PREFS } from "./prefs.ts";

const COLUMNS = 20, ROWS = 4;

function plain(row: readonly Span[], columns = COLUMNS): string {
  return painted(row, columns, PLAIN_PREFS);
}

Deno.test("a row says how its parts look, once, and ends plain", () => {
  assert.equal(plain(["a", "b", { text: "c", tone: "good" }, "d"], 4), "ab\x1b[32mc\x1b[0md");
  assert.equal(
    plain([{ text: "a", tone: "bad" }, { text: "b", tone: "dim" }], 2),
    "\x1b[1;31ma\x1b[0m\x1b[2mb\x1b[0m",
  );
  assert.equal(plain([{ text: "ab", tone: "good" }, { text: "c", tone: "good" }], 3), "\x1b[32mabc\x1b[0m");
  assert.equal(painted([{ text: "ab", tone: "good" }], 2, { ...PLAIN_PREFS, color: "none" }), "ab");
});

Deno.test("behind a short row the line is erased, behind one that fills it nothing", () => {
  assert.equal(plain(["ab"], 4), "ab\x1b[K");
  assert.equal(plain(["abcd"], 4), "abcd");
  assert.equal(plain(["abcdef"], 4), "abc…");
  assert.equal(plain([{ text: "ab", tone: "selected" }], 4), "\x1b[7mab\x1b[0m\x1b[K");
});

Deno.test("what should never be there is no command to the terminal", () => {
  assert.equal(plain(["a\x1b[2Jb\x9b1m\r"], 20).replace("\x1b[K", ""), "a?[2Jb?1m?");
});

Deno.test("a text of several lines is one row, as wide as it should be", () => {
  assert.equal(plain(["a\n\tb", "cd"], 5), "a bcd");
  assert.equal(plain(["a\nbcdef"], 4), "a b…");
});

Deno.test("only lines that look other than before are sent; nothing where none does", () => {
  assert.equal(patch(["a", "b"], ["a", "b"]), "");
  assert.equal(patch(["a", "b"], ["a", "c"]), "\x1b[?2026h\x1b[2;1Hc\x1b[?2026l");
  assert.match(patch(undefined, ["a", "b"]), /2J.*1;1Ha.*2;1Hb/);
});

const word = fc.oneof(
  fc.string({ maxLength: 12 }).map((text) => text.replace(/[^\x20-\x7e]/g, "?")),
  fc.constantFrom("日本", "ä", "▁▃█", ""),
);
const row = fc.array(
  fc.record({ text: word, tone: fc.constantFrom("plain" as const, "bad" as const, "selected" as const) }),
  { maxLength: 4 },
);
const screen = fc.array(row, { minLength: ROWS, maxLength: ROWS });

Deno.test("a terminal that is patched shows what one that is drawn anew shows, looks included", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(screen, { minLength: 1, maxLength: 4 }), async (screens) => {
      const patched = terminal(), fresh = terminal();
      let before: readonly string[] | undefined;
      for (const rows of screens) {
        const lines = rows.map((one) => plain(one));
        await written(patched, patch(before, lines));
        before = lines;
      }
      await written(fresh, patch(undefined, before ?? []));
      assert.deepEqual(cells(patched), cells(fresh));
      patched.dispose();
      fresh.dispose();
    }),
    { numRuns: 40 },
  );
});

function terminal(): xterm.Terminal {
  const made = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  made.write(ENTER);
  return made;
}

function written(to: xterm.Terminal, text: string): Promise<void> {
  return new Promise((resolve) => to.write(text, resolve));
}

function cells(of: xterm.Terminal): string[] {
  return Array.from({ length: ROWS }, (_, y) => {
    const line = of.buffer.active.getLine(y);
    return Array.from({ length: COLUMNS }, (_, x) => {
      const cell = line?.getCell(x);
      return `${cell?.getChars() || " "}${cell?.getFgColor()}${cell?.isInverse() ? "i" : ""}`;
    }).join("|");
  });
}
