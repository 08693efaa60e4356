import assert from "node:assert/strict";
import { parseMetrics } from "../../tests/scale/metrics_page.ts";
import { Counters } from "./counters.ts";
import { METRIC_NAMES, metricSpec } from "./table.ts";
import { MetricsPage } from "./text.ts";

Deno.test("names and types keep to the conventions, and none is there twice in another spelling", () => {
  for (const name of METRIC_NAMES) {
    const { type, help } = metricSpec(name);
    assert.match(name, /^rayvisor_[a-z0-9_]+$/);
    assert.equal(type === "counter", name.endsWith("_total"), name);
    assert.ok(help.length > 10 && !help.includes("\n"), name);
  }
});

Deno.test("whatever a label holds, the page can be read back", () => {
  const hostile = ["plain", 'a"b', "a\\b", "a\nb", "a\rb", "\\n", "ü 漢", "lone \ud800", "", "{}=,"];
  const page = new MetricsPage();
  for (const vm of hostile) page.add("rayvisor_guest_vcpus", 2, { vm });
  page.add("rayvisor_guest_vcpus", null, { vm: "unknown" });
  page.add("rayvisor_up", true, {});
  const { samples } = parseMetrics(page.text());
  const seen = samples.filter(({ name }) => name === "rayvisor_guest_vcpus").map(({ labels }) => labels.vm);
  assert.deepEqual(seen, hostile.map((vm) => vm.toWellFormed().replace("\r", "\\r")));
  assert.deepEqual(samples.find(({ name }) => name === "rayvisor_up")?.value, 1);
});

Deno.test("a page has the help and the type of every documented metric, in order", () => {
  const { families } = parseMetrics(new MetricsPage().text());
  assert.deepEqual(families.map(({ name }) => name), METRIC_NAMES);
});

Deno.test("events are counted by name and guest, free words left out", () => {
  const counters = new Counters();
  const event = (name: string, vm?: string) => counters.event({ event: name, fields: vm ? { vm } : {} });
  for (const name of ["RAYOS_VM:running", "RAYOS_VM:crash", "RAYOS_VM:running", "RAYOS_VM:stopped"]) {
    event(name, "a");
  }
  event("RAYOS_HOST_ACK:vm.start:ok:done", "a");
  event("RAYOS_HOST_ACK:vm.start:err:busy", "a");
  event("RAYOS_SUPERVISOR:ready");
  counters.restart("a");
  assert.deepEqual(counters.life("a"), { starts: 2, stops: 1, crashes: 1, restarts: 1 });
  assert.equal(counters.events.get("RAYOS_HOST_ACK"), 2);
  assert.equal(counters.events.get("RAYOS_SUPERVISOR:ready"), 1);
  event("RAYOS_VM:delete", "a");
  assert.deepEqual(counters.life("a"), { starts: 0, stops: 0, crashes: 0, restarts: 0 });
});

Deno.test("delays fall into every bucket that they are not above", () => {
  const counters = new Counters();
  for (const ms of [-5, 1, 4, 2000]) counters.delay(ms);
  const { buckets, count, sum } = counters.delays;
  assert.deepEqual([count, sum], [4, 2.005]);
  assert.deepEqual(buckets.map(([, n]) => n), [2, 2, 3, 3, 3, 3, 3, 3, 3]);
});
