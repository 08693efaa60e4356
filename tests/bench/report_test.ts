import assert from "node:assert/strict";
import { goalLine, goalsOf, type Report, textOf } from "./report.ts";
import { compare, summarize } from "./stats.ts";

const HERD: Report["herd"] = {
  guests: 50,
  start: compare([120], [100]),
  stop: compare([20], [20]),
  status: compare([50], [2]),
  statusCommand: compare([90], [80]),
  event: { p50: 2, p99: 5, n: 400 },
  monitor: { p50: 0.1, p99: 0.5, n: 400 },
  idle: { cpuPercent: 1, rssMib: 120 },
};

function reportOf(
  startMs: number,
  listMs: number,
  mib: number,
  rate = 200_000,
  loadMs = 100,
  herd: Partial<Report["herd"]> = {},
): Report {
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
    herd: { ...HERD, ...herd },
  };
}

Deno.test("goalsOf() judges by differences, and a limit that is just reached is met", () => {
  const cases: readonly (readonly [Report, string])[] = [
    [reportOf(50, 60, 90), "1111111111111"],
    [reportOf(51, 60, 90), "0011111111111"],
    [reportOf(50, 61, 90), "1101111111111"],
    [reportOf(50, 60, 91), "1110001111111"],
    [reportOf(-5, -5, 1), "1111111111111"],
    [reportOf(0, 0, 1, 199_999), "1111110111111"],
    [reportOf(0, 0, 1, 200_000, 101), "1111111001111"],
    [reportOf(0, 0, 1, 200_000, 0, { status: compare([50.1], [2]) }), "1111111110111"],
    [reportOf(0, 0, 1, 200_000, 0, { event: { p50: 2, p99: 5.1, n: 400 } }), "1111111111011"],
    [reportOf(0, 0, 1, 200_000, 0, { idle: { cpuPercent: 1.1, rssMib: 121 } }), "1111111111100"],
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
  assert.match(text, /^to a client of \/v1\/events +2\.00 +5\.00 +400$/m);
  for (const goal of goalsOf(reportOf(51, 20, 80))) assert.ok(text.includes(goalLine(goal)));
});
