/** Live figures of several real guests: status, /v1/live, /metrics, and what a hung or paused QEMU does to them. */
import assert from "node:assert/strict";
import type { GuestFigures, LiveSample } from "../../src/actions/live_views.ts";
import type { GuestDetail, StatusView } from "../../src/actions/views.ts";
import { METRIC_NAMES } from "../../src/metrics/table.ts";
import { connectHttpUnix } from "../../src/ports/http_unix.ts";
import { flood } from "../scale/flood.ts";
import { eachOf, type Herd, withHerd } from "../scale/herd.ts";
import { type Page, parseMetrics } from "../scale/metrics_page.ts";
import { RawClient, requestText } from "../scale/raw_http.ts";

const GUESTS = 12;

/** Samples as they come, until `enough` says so of one. */
async function follow(
  socket: string,
  enough: (sample: LiveSample, nth: number) => boolean,
): Promise<LiveSample> {
  const http = connectHttpUnix(socket);
  try {
    const response = await http.fetch("/v1/live");
    let text = "", nth = 0;
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^event: live\ndata: (.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        const sample: LiveSample = JSON.parse(data);
        if (enough(sample, ++nth)) return sample;
      }
    }
    throw new Error("the stream ended");
  } finally {
    http.close();
  }
}

async function metrics(socket: string): Promise<Page> {
  const http = connectHttpUnix(socket);
  const response = await http.fetch("/metrics");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const page = parseMetrics(await response.text());
  http.close();
  return page;
}

function valueOf({ samples }: Page, name: string, labels: Record<string, string> = {}): number | undefined {
  return samples.find((sample) =>
    sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value;
}

function figuresOf(sample: LiveSample, id: string | undefined): GuestFigures {
  const found = sample.guests.find((guest) => guest.id === id);
  assert.ok(found);
  return found;
}

/** The firmware has looked for something to boot. */
function hasRead(block: GuestFigures["block"]): boolean {
  return block?.some(({ read_bytes }) => read_bytes >= 512) ?? false;
}

async function looksRight({ client, socket, ids }: Herd): Promise<void> {
  const status = await client.perform<StatusView>("status");
  assert.deepEqual(status.states, { running: GUESTS });
  assert.deepEqual(status.sums, {
    running: GUESTS,
    max_running: GUESTS,
    vcpus: GUESTS,
    memory_mib: 64 * GUESTS,
    memory_limit_mib: 64 * GUESTS,
    cpu_percent: GUESTS,
    cpu_limit_percent: 100,
  });
  assert.ok(status.audit.seq > 0 && status.audit.unavailable_since === null);
  const sample = await follow(
    socket,
    ({ interval_ms, guests }) =>
      interval_ms !== null && guests.every(({ block, cpu }) => hasRead(block) && cpu?.percent !== null),
  );
  assert.deepEqual(sample.guests.map(({ id }) => id), ids);
  for (const guest of sample.guests) {
    assert.deepEqual([guest.state, guest.stale, guest.vcpus], ["running", false, 1]);
    assert.equal(guest.memory.assigned_mib, 64);
    assert.ok((guest.memory.rss_mib ?? 0) > 10, `${guest.memory.rss_mib} MiB`);
    assert.ok((guest.cpu?.seconds ?? 0) >= (guest.cpu?.vcpu_seconds ?? Infinity));
    assert.deepEqual(guest.block?.map(({ node }) => node), ["disk0"]);
    assert.deepEqual(guest.network, []);
  }
  const page = await metrics(socket);
  assert.deepEqual(page.families.map(({ name }) => name), METRIC_NAMES);
  assert.equal(valueOf(page, "rayvisor_guests", { state: "running" }), GUESTS);
  assert.equal(valueOf(page, "rayvisor_events_total", { event: "RAYOS_VM:running" }), GUESTS);
  assert.equal(valueOf(page, "rayvisor_api_requests_total", { action: "vm.start", outcome: "ok" }), GUESTS);
  for (const vm of ids) {
    assert.equal(valueOf(page, "rayvisor_guest_starts_total", { vm }), 1);
    assert.ok((valueOf(page, "rayvisor_guest_block_read_bytes_total", { vm, node: "disk0" }) ?? 0) >= 512);
  }
  // Of every family there is a value, but of what a guest without an operating system and without a card has none of.
  const without = METRIC_NAMES.filter((name) => !page.samples.some((sample) => sample.name.startsWith(name)));
  assert.deepEqual(without, [
    "rayvisor_guest_memory_available_bytes",
    "rayvisor_guest_network_receive_bytes_total",
    "rayvisor_guest_network_transmit_bytes_total",
    "rayvisor_guest_network_receive_packets_total",
    "rayvisor_guest_network_transmit_packets_total",
  ]);
}

/** A QEMU that is stopped by a signal answers nothing, as one that hangs in its main loop. */
async function hungQemu({ client, socket, ids }: Herd): Promise<void> {
  const [id = "", other = ""] = ids;
  const { pid } = await client.perform<GuestDetail>("vm.show", { id });
  assert.ok(pid);
  Deno.kill(pid, "SIGSTOP");
  try {
    const sample = await follow(socket, ({ sums }, nth) => sums.stale === 1 && nth > 3);
    const hung = figuresOf(sample, id), well = figuresOf(sample, other);
    assert.ok(hung.stale && hung.block && (hung.age_ms ?? 0) > 1_000, `${hung.age_ms} ms`);
    assert.ok(!well.stale && (well.age_ms ?? Infinity) < 1_000, `${well.age_ms} ms`);
    assert.ok((sample.interval_ms ?? Infinity) < 5_000, "the others' figures go on");
    assert.equal(valueOf(await metrics(socket), "rayvisor_guest_figures_stale", { vm: id }), 1);
    const status = await client.perform<StatusView>("status", {}, AbortSignal.timeout(9_000)); // less than a QMP time-out
    assert.equal(status.guests.length, GUESTS);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
  await follow(socket, ({ sums }) => sums.stale === 0);
}

async function pausedGuest({ client, socket, ids }: Herd): Promise<void> {
  const [id = ""] = ids;
  await client.perform("vm.pause", { id });
  const sample = await follow(
    socket,
    (sample, nth) =>
      nth > 2 && figuresOf(sample, id).block?.every(({ rates }) => rates?.read_bytes_per_s === 0) === true,
  );
  const paused = figuresOf(sample, id);
  assert.deepEqual([paused.state, paused.stale, paused.cpu?.vcpu_percent], ["paused", false, 0]);
  await client.perform("vm.resume", { id });
}

async function badClients({ client, socket, ids }: Herd): Promise<void> {
  const bad: RawClient[] = [];
  for (let i = 0; i < 40; i++) {
    const each = await RawClient.connect(socket);
    if (i % 4 === 1) await each.send("GET /v1/sta");
    if (i % 4 === 2) await each.send(requestText("GET", i % 8 === 2 ? "/v1/live" : "/v1/events")); // and reads nothing
    if (i % 4 === 3) {
      await each.send("POST /v1/vms/g01/kill HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
    }
    bad.push(each);
  }
  const seen: string[] = [];
  const over = new AbortController();
  const events = await client.events(undefined, over.signal);
  const watching = (async () => {
    for await (const { event, fields } of events) {
      if (event === "RAYOS_VM:pause" || event === "RAYOS_VM:resume") seen.push(`${event} ${fields.vm}`);
      if (seen.length === 2 * GUESTS) return;
    }
  })();
  const { statuses } = await flood(socket, "/v1/status", { requests: 1_000, inFlight: 100 });
  assert.deepEqual(statuses, { 200: 1_000 });
  await eachOf(ids, (id) => client.perform("vm.pause", { id }));
  await eachOf(ids, (id) => client.perform("vm.resume", { id }));
  await watching;
  over.abort();
  const expected = ids.flatMap((id) => [`RAYOS_VM:pause ${id}`, `RAYOS_VM:resume ${id}`]);
  assert.deepEqual(seen.sort(), expected.sort());
  for (const each of bad) each.close();
}

Deno.test("a dozen guests: figures, metrics, a hung QEMU, a paused guest, a flood and clients that behave badly", async (t) => {
  await withHerd(GUESTS, async (herd) => {
    await eachOf(herd.ids, (id) => herd.client.perform("vm.start", { id }));
    await t.step("status, live figures and metrics tell of all of them", () => looksRight(herd));
    await t.step("a QEMU that hangs delays nobody, and its figures are marked", () => hungQemu(herd));
    await t.step("a paused guest has its figures, and they stand still", () => pausedGuest(herd));
    await t.step("a flood and slow and half-open clients harm no one", () => badClients(herd));
    await t.step("all of them are right afterwards", async () => {
      await eachOf(herd.ids, (id) => herd.client.perform("vm.stop", { id, grace_s: 0 }));
      const { states, sums } = await herd.client.perform<StatusView>("status");
      assert.deepEqual([states, sums.running, sums.memory_mib], [{ stopped: GUESTS }, 0, 0]);
      const page = await metrics(herd.socket);
      for (const vm of herd.ids) assert.equal(valueOf(page, "rayvisor_guest_crashes_total", { vm }), 0);
      await herd.rig.ok("audit", "verify");
    });
  });
});
