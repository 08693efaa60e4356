import assert from "node:assert/strict";
import fc from "fast-check";
import { formatUtc } from "../core/time.ts";
import type { JsonObject } from "../core/json.ts";
import { RunHistory } from "./run_history.ts";

const told = (command: string, outcome = "done") => ({ command, outcome, tookMs: 1.6 });

Deno.test("the last fifty events are kept; the same one again only counts", () => {
  const history = new RunHistory();
  for (let i = 0; i < 60; i++) {
    history.event({ name: "JOB_STATUS_CHANGE", data: { id: `${i}`, status: "running" } }, i);
  }
  assert.equal(history.events.length, 50);
  assert.deepEqual(history.events[0]?.data, { id: "10", status: "running" });
  for (let i = 100; i < 1100; i++) history.event({ name: "GUEST_CRASHLOADED", data: { action: "run" } }, i);
  assert.equal(history.events.length, 50);
  assert.deepEqual(history.events.at(-1), {
    at: formatUtc(100),
    event: "GUEST_CRASHLOADED",
    data: { action: "run" },
    times: 1000,
    last_at: formatUtc(1099),
  });
  history.event({ name: "STOP", data: {} }, 2000);
  assert.deepEqual(history.events.at(-1), { at: formatUtc(2000), event: "STOP", data: {} });
});

Deno.test("commands that did something are kept with what became of them, questions are not", () => {
  const history = new RunHistory();
  const questions = ["query-status", "qom-get", "qom-list", "query-blockstats", "qmp_capabilities"];
  for (const question of questions) history.command(told(question), 0);
  assert.deepEqual(history.commands, []);
  history.command(told("cont"), 1);
  history.command(told("set_link", "QEMU refused it"), 2);
  assert.deepEqual(history.commands, [
    { at: formatUtc(1), command: "cont", outcome: "done", took_ms: 2 },
    { at: formatUtc(2), command: "set_link", outcome: "QEMU refused it", took_ms: 2 },
  ]);
  for (let i = 0; i < 30; i++) history.command(told("stop"), i);
  assert.equal(history.commands.length, 20);
});

Deno.test("whatever an event holds, its note is small and plain data", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 9 }), (wireName, value) => {
    const history = new RunHistory();
    // jsonValue() is JSON by its contract; the type of the library is wider.
    history.event({ name: "other", wireName, data: { value } as JsonObject }, 0);
    const text = JSON.stringify(history.events);
    assert.ok(text.length < 16 * 1024, `${text.length}`);
    assert.equal(JSON.stringify(JSON.parse(text)), text);
  }));
  const history = new RunHistory();
  history.event({ name: "other", wireName: "X".repeat(100_000), data: { text: "y".repeat(100_000) } }, 0);
  assert.ok(JSON.stringify(history.events).length < 4096);
});
