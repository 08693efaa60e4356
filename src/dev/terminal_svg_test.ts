import assert from "node:assert/strict";
import { shapeOf } from "./terminal_shapes.ts";
import { terminalSvg } from "./terminal_svg.ts";

const CELL = { x: 10, y: 20, width: 8, height: 16 };

Deno.test("a bar stands on the floor of its cell and is as high as it says", () => {
  assert.equal(shapeOf("▄", CELL), "M10 28h8v8h-8z");
  assert.equal(shapeOf("█", CELL), "M10 20h8v16h-8z");
});

Deno.test("a line reaches the edges of its cell, where the next one goes on", () => {
  assert.match(shapeOf("│", CELL) ?? "", /^M13\.35 20h1\.3v8\.65.*M13\.35 27\.35h1\.3v8\.65/);
  assert.equal(shapeOf("┘", CELL)?.split("z").length, 3);
  assert.equal(shapeOf("x", CELL), undefined);
});

Deno.test("all shapes of one colour are one path, and no character of them is left as text", () => {
  const svg = terminalSvg([[{ text: "│ a ▁█ b", color: 6 }], [{ text: "│", color: 6 }]], 10, "t");
  assert.equal(svg.match(/<path /g)?.length, 1);
  assert.doesNotMatch(svg, /[\u2500-\u259f]/);
});

Deno.test("a long rule is drawn as one line", () => {
  const svg = terminalSvg([[{ text: "─".repeat(100) }]], 100, "t");
  assert.equal(svg.match(/<path [^>]*>/)?.[0].split("M").length, 3);
});

Deno.test("faint text has a fainter colour, inverse text the background's", () => {
  const svg = terminalSvg([[{ text: "one", dim: true }, { text: "two", inverse: true }]], 10, "t");
  assert.match(svg, /fill="#868b93"[^>]*>one/);
  assert.match(svg, /fill="#10151c"[^>]*>two/);
});
