/**
 * Golden screens: what is shown at each width stands in a file. After a wanted change
 * `UPDATE_GOLDEN=1 deno test --allow-all tests/screens`, and look at the difference.
 */
import assert from "node:assert/strict";
import { fitSpans, type Row } from "../../tui/line.ts";
import { widthOf } from "../../tui/text.ts";

export const WIDTHS = [60, 80, 120, 200] as const;
const ROWS = 24;
const FOLDER = new URL("../fixtures/screens/", import.meta.url);

/** Rows as they stand on a screen of this width. */
export function textOf(rows: readonly Row[], columns: number, mark = "…"): string {
  return rows.map((spans) => {
    const text = fitSpans(spans, columns, mark).map((part) => part.text).join("");
    assert.equal(widthOf(text), columns, `in exactly ${columns} cells: ${text}`);
    return text.trimEnd();
  }).join("\n");
}

/** One test a width: the screen is as in the file `<screen>/<name>.<columns>.txt`. */
export function golden(
  screen: string,
  name: string,
  draw: (columns: number, rows: number) => readonly Row[],
): void {
  for (const columns of WIDTHS) {
    Deno.test(`${screen}: ${name.replaceAll("_", " ")} at ${columns} columns`, async () => {
      const rows = draw(columns, ROWS);
      assert.ok(rows.length <= ROWS, `${rows.length} rows`);
      const text = textOf(rows, columns) + "\n";
      const file = new URL(`${screen}/${name}.${columns}.txt`, FOLDER);
      if (Deno.env.get("UPDATE_GOLDEN") === "1") {
        await Deno.mkdir(new URL(`${screen}/`, FOLDER), { recursive: true });
        return await Deno.writeTextFile(file, text);
      }
      assert.equal(text, await Deno.readTextFile(file));
    });
  }
}
