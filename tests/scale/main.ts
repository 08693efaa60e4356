// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task test:scale --guests 50 --minutes 3`: many guests on one supervisor, for minutes, under a flood and with clients
 * that behave badly. Behaviour is checked, and a fault ends with exit code 1; figures are printed against their goals, and a
 * goal that is missed is reported and is no failure.
 */
import assert from "node:assert/strict";
import type { StatusView } from "../../src/actions/views.ts";
import { connectHttpUnix } from "../../src/ports/http_unix.ts";
import { percentile } from "../bench/stats.ts";
import { ended } from "../e2e/rig.ts";
import { flood } from "./flood.ts";
import { eachOf, type Herd, usageOf, withHerd } from "./herd.ts";
import { eventLatencies, idleOf, timesOf } from "./measures.ts";
import { parseMetrics } from "./metrics_page.ts";
import { RawClient, requestText } from "./raw_http.ts";

const FLOOD = { requests: 10_000, inFlight: 100 };
const IDLE_SECONDS = 60;
/** Connections that this program's own client may have opened meanwhile and keeps. */
const KEPT = 6;

function numberOf(flag: string, fallback: number): number {
  const at = Deno.args.indexOf(flag);
  const value = at < 0 ? fallback : Number(Deno.args[at + 1]);
  if (!(value > 0)) throw new Error(`${flag} wants a number above 0`);
  return value;
}

function figure(what: string, value: number, unit: string, most?: number): void {
  const verdict = most === undefined ? "      " : value <= most ? "met   " : "MISSED";
  const goal = most === undefined ? "" : `, goal at most ${most} ${unit}`;
  console.log(`${verdict}  ${what}: ${value.toFixed(2)} ${unit}${goal}`);
}

/** Clients that connect and are silent, stop in the middle of a request, or take nothing of a stream. */
async function badClients(socket: string): Promise<RawClient[]> {
  const words = ["", "GET /v1/sta", requestText("GET", "/v1/live"), requestText("GET", "/v1/events")];
  const clients: RawClient[] = [];
  for (let i = 0; i < 60; i++) {
    const client = await RawClient.connect(socket);
    await client.send(words[i % words.length] ?? "");
    clients.push(client);
  }
  return clients;
}

async function flooded({ socket, pid, ids }: Herd): Promise<void> {
  for (const path of ["/v1/status", "/metrics"]) {
    const before = await usageOf(pid);
    const { statuses, ms } = await flood(socket, path, FLOOD);
    console.log(`        flood of ${path}: ${JSON.stringify(statuses)}`);
    const strange = Object.keys(statuses).filter((status) => !["200", "503"].includes(status));
    assert.deepEqual(strange, [], "every request is answered, or refused cleanly");
    figure(`a request of the flood, ${ids.length} guests`, ms / FLOOD.requests * FLOOD.inFlight, "ms");
    const { cpuSeconds, rssMib } = await usageOf(pid);
    figure("  processor time", (cpuSeconds - before.cpuSeconds) * 1000 / FLOOD.requests, "ms");
    figure("  RSS of the supervisor afterwards", rssMib, "MiB");
  }
}

/** Figures are followed, guests paused and resumed, and all of them looked at, until the time is over. */
async function busyMinutes({ client, socket, pid, ids }: Herd, minutes: number): Promise<void> {
  const http = connectHttpUnix(socket);
  const over = new AbortController();
  let samples = 0;
  const following = (async () => {
    const response = await http.fetch("/v1/live", { signal: over.signal });
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      samples += piece.split("event: live\n").length - 1;
    }
  })().catch(() => {}); // cut off at the end
  const until = performance.now() + minutes * 60_000;
  const before = await usageOf(pid), began = performance.now(), times: number[] = [];
  for (let round = 0; performance.now() < until; round++) {
    const some = ids.filter((_, i) => i % 5 === round % 5);
    await eachOf(some, (id) => client.perform("vm.pause", { id }));
    parseMetrics(await (await http.fetch("/metrics")).text());
    times.push(...await timesOf(5, () => client.perform("status")));
    await eachOf(some, (id) => client.perform("vm.resume", { id }));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  const seconds = (performance.now() - began) / 1000;
  over.abort();
  http.close();
  await following;
  assert.ok(samples > seconds / 3, `${samples} samples in ${seconds} s`);
  figure("status, p50", percentile(times, 50), "ms", 50);
  figure("status, p99", percentile(times, 99), "ms", 50);
  const { cpuSeconds } = await usageOf(pid);
  figure("processor time while followed and busy", (cpuSeconds - before.cpuSeconds) / seconds * 100, "%");
}

async function descriptorsOf(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}

/** Resolves when the supervisor has closed what it had opened; throws when it has not for a while. */
async function closesAll(pid: number, before: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (await descriptorsOf(pid) > before + KEPT) {
    assert.ok(
      performance.now() < deadline,
      `${await descriptorsOf(pid)} descriptors are open, ${before} were`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function main(): Promise<void> {
  const guests = numberOf("--guests", 50), minutes = numberOf("--minutes", 1);
  await withHerd(guests, async (herd) => {
    const { client, ids, pid, socket, rig } = herd;
    const descriptors = await descriptorsOf(pid);
    const began = performance.now();
    await eachOf(ids, (id) => client.perform("vm.start", { id }));
    figure(`start of ${guests} guests, each`, (performance.now() - began) / guests, "ms");
    const { guests: running } = await client.perform<StatusView>("status");
    const qemus = running.map((guest) => guest.pid ?? 0);
    figure("status command", (await timesOf(1, () => rig.ok("status")))[0] ?? NaN, "ms");
    const idle = await idleOf(pid, IDLE_SECONDS);
    figure(`idle for ${IDLE_SECONDS} s: processor`, idle.cpuPercent, "%", 1);
    figure(`idle for ${IDLE_SECONDS} s: RSS`, idle.rssMib, "MiB", 120);
    const { stream, monitor } = await eventLatencies(herd, 400);
    figure("event from QEMU to a client, p50", percentile(stream, 50), "ms");
    figure("event from QEMU to a client, p99", percentile(stream, 99), "ms", 5);
    figure("  to a client of QEMU's own monitor, p50", percentile(monitor, 50), "ms");
    figure("  to a client of QEMU's own monitor, p99", percentile(monitor, 99), "ms");
    const bad = await badClients(socket);
    await flooded(herd);
    await busyMinutes(herd, minutes);
    const after = await client.perform<StatusView>("status");
    assert.deepEqual(after.states, { running: guests }, "all guests are right");
    assert.deepEqual(after.guests.map((guest) => guest.pid), qemus, "and none was started anew");
    for (const each of bad) each.close();
    const rest = await idleOf(pid, 10);
    figure("idle afterwards: processor", rest.cpuPercent, "%", 1);
    figure("idle afterwards: RSS", rest.rssMib, "MiB", 120);
    const stopping = performance.now();
    await eachOf(ids, (id) => client.perform("vm.stop", { id, grace_s: 0 }));
    figure(`stop of ${guests} guests, each`, (performance.now() - stopping) / guests, "ms");
    for (const qemu of qemus) await ended(qemu);
    await closesAll(pid, descriptors);
    const left = (await Array.fromAsync(Deno.readDir(`${rig.root}/run/g`))).map(({ name }) => name);
    assert.deepEqual(left, [], "nothing of a guest is left in run/");
    await rig.ok("audit", "verify");
    console.log(`scale: ${guests} guests are right, nothing is left of them`);
  }, { monitors: true });
}

if (import.meta.main) await main();
