import assert from "node:assert/strict";
import { memory, memoryCell, percent, rate, spark, staleness, uptime, uptimeCell } from "./figures.ts";
import { testFigures, testGuest } from "./testing.ts";

Deno.test("spark() draws the newest at the right, nothing as the lowest bar, and never more than the highest", () => {
  const rows: readonly [readonly number[], number, number, string][] = [
    [[], 4, 100, "    "],
    [[0, 50, 100], 4, 100, " ▁▅█"],
    [[1, 2, 3, 4, 5], 3, 5, "▆▇█"],
    [[300], 1, 100, "█"],
    [[0.1], 1, 100, "▂"],
    [[0, 0], 2, 0, "▁▁"],
  ];
  for (const [values, width, most, expected] of rows) {
    assert.equal(spark(values, width, most, "▁▂▃▄▅▆▇█"), expected, values.join());
  }
});

Deno.test("figures have units, and a dash where there are none", () => {
  assert.equal(percent(12.4), "12 %");
  assert.equal(percent(null), "-");
  assert.equal(rate(1024 * 1024), "1 MiB/s");
  assert.equal(rate(undefined), "-");
  assert.equal(memory(testGuest("web"), undefined), "1 GiB");
  assert.equal(memory(testGuest("web", { state: "running" }), testFigures("web")), "412 MiB / 1 GiB");
  assert.equal(memory(testGuest("old", { memory_mib: null }), undefined), "?");
});

Deno.test("in a column a unit that stands twice stands once, and times have no gaps", () => {
  const guest = testGuest("web", { state: "running", memory_mib: 64 });
  const figures = testFigures("web");
  const at = (rss_mib: number) => ({ ...figures, memory: { ...figures.memory, rss_mib } });
  assert.equal(memoryCell(guest, at(48)), "48/64 MiB");
  assert.equal(memoryCell({ ...guest, memory_mib: 1024 }, at(48)), "48 MiB/1 GiB");
  assert.equal(memoryCell({ ...guest, memory_mib: 16384 }, at(1023)), "1023 MiB/16 GiB");
  assert.equal(memoryCell(guest, undefined), "64 MiB");
  const now = Date.parse("2026-01-31T12:00:00Z");
  const up = (s: number) => uptimeCell(new Date(now - s * 1000).toISOString(), now);
  assert.deepEqual([45, 720, 11_100, 172_740, 352_800].map(up), ["45s", "12m", "3h 5m", "47h 59m", "4d 2h"]);
  assert.equal(uptimeCell(null, now), "-");
});

Deno.test("uptime() is as coarse as it is long", () => {
  const rows: readonly [number, string][] = [
    [0, "0 s"],
    [119, "119 s"],
    [120, "2 min"],
    [7200, "2 h 0 min"],
    [172_800, "2 d 0 h"],
  ];
  for (const [seconds, expected] of rows) {
    assert.equal(uptime(new Date(0).toISOString(), seconds * 1000), expected);
  }
  assert.equal(uptime(null, 0), "-");
});

Deno.test("staleness() says how old figures are that QEMU did not bring up to date", () => {
  assert.equal(staleness(testFigures("web")), undefined);
  assert.equal(
    staleness(testFigures("web", { stale: true, age_ms: 12_400 })),
    "QEMU does not answer: figures are 12 s old",
  );
  assert.equal(staleness(testFigures("web", { stale: true, age_ms: null })), "QEMU does not answer");
});
