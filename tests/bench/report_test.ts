import assert from "node:assert/strict";
import { goalLine, goalsOf, type Report, textOf } from "./report.ts";
import { compare, summarize } from "./stats.ts";

function reportOf(startMs: number, listMs: number, mib: number, rate = 200_000, loadMs = 100): Report {
  const memory = { rss: summarize([mib]), pss: null };
  return {
    start: { api: compare([100 + startMs], [100]), command: compare([100 + startMs], [100]) },
    list: { empty: compare([30 + listMs], [30]), virsh: null },
    memory: { "idle": memory, "1 guest": memory, "5 guests": memory },
    policy: {
      decisions: summarize([rate]),
      fresh: compare([30 + loadMs], [30]),
      warm: summarize([loadMs]),
      bytes: 1_048_000,
    },
  };
}

Deno.test("goalsOf() judges by differences, and a limit that is just reached is met", () => {
  const cases: readonly (readonly [Report, string])[] = [
    [reportOf(50, 60, 90), "111111111"],
    [reportOf(51, 60, 90), "001111111"],
    [reportOf(50, 61, 90), "110111111"],
    [reportOf(50, 60, 91), "111000111"],
    [reportOf(-5, -5, 1), "111111111"],
    [reportOf(0, 0, 1, 199_999), "111111011"],
    [reportOf(0, 0, 1, 200_000, 101), "111111100"],
  ];
  for (const [report, expected] of cases) {
    assert.equal(goalsOf(report).map(({ met }) => met ? "1" : "0").join(""), expected);
  }
});

Deno.test("textOf() shows every goal with its figures, and says what was not measured", () => {
  const text = textOf(reportOf(51, 20, 80));
  assert.match(text, /^MISSED {2}vm start over the API, beyond the script: 51\.0 ms, goal at most 50 ms$/m);
  assert.match(text, /^met {5}vm list --json, beyond an empty program: 20\.0 ms, goal at most 60 ms$/m);
  assert.match(
    text,
    /^met {5}decisions of the policy, one core: 200000\.0 a second, goal at least 200000 a second$/m,
  );
  assert.match(text, /virsh is not installed/);
  for (const goal of goalsOf(reportOf(51, 20, 80))) assert.ok(text.includes(goalLine(goal)));
});
