/** The API's bounds, over real sockets, with a supervisor that does as it is told. */
import assert from "node:assert/strict";
import type { LiveSample } from "../actions/live_views.ts";
import type { LoggedEvent } from "../audit/log.ts";
import { Counters } from "../metrics/counters.ts";
import { serveUnix } from "../ports/http_unix.ts";
import { flood } from "../../tests/scale/flood.ts";
import { RawClient, requestText } from "../../tests/scale/raw_http.ts";
import { ApiClient } from "./client.ts";
import { MAX_BODIES, MAX_REQUESTS, MAX_STREAMS } from "./gate.ts";
import { controlApi, type ControlTarget } from "./server.ts";

interface Rig {
  readonly socket: string;
  readonly counters: Counters;
  /** Followers at the moment. */
  readonly followers: Set<(event: LoggedEvent) => void>;
  readonly lookers: Set<(sample: LiveSample) => void>;
  /** What an action does, by its id; nothing when it is not there. */
  readonly acts: Map<string, () => Promise<unknown>>;
}

async function withApi(use: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-api-" });
  const counters = new Counters();
  const followers: Rig["followers"] = new Set(), lookers: Rig["lookers"] = new Set();
  const acts: Rig["acts"] = new Map(), endings = new Set<() => void>();
  const follow = <T>(all: Set<T>, listener: T, ended: () => void) => {
    all.add(listener);
    endings.add(ended);
    return () => {
      all.delete(listener);
      endings.delete(ended);
    };
  };
  const target: ControlTarget = {
    version: "0",
    safeMode: null,
    counters,
    perform: async (action) => await acts.get(action)?.() ?? { done: action },
    turnAway: () => {},
    listen: (listener, ended) => follow(followers, listener, ended),
    live: (listener, ended) => follow(lookers, listener, ended),
    followSerial: () => () => {},
    metrics: () => Promise.resolve("# page\n"),
  };
  const server = serveUnix(`${folder}/s`, controlApi(target));
  try {
    await use({ socket: `${folder}/s`, counters, followers, lookers, acts });
  } finally {
    for (const end of [...endings]) end();
    await server.shutdown(500);
    await Deno.remove(folder, { recursive: true });
  }
}

const eventOf = (n: number): LoggedEvent => ({
  time: "2026-01-31T12:00:00.000Z",
  level: "info",
  component: "test",
  event: "RAYOS_VM:pause",
  fields: { vm: "g1", n, padding: "x".repeat(400) },
});

/** Lets sockets be read and written until `done`. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function open(socket: string, path: string): Promise<RawClient> {
  const client = await RawClient.connect(socket);
  await client.send(requestText("GET", path));
  return client;
}

Deno.test("a client that does not read is cut off, and all others get every event", () =>
  withApi(async ({ socket, followers }) => {
    const slow = await open(socket, "/v1/events");
    const clients = Array.from({ length: 8 }, () => new ApiClient(socket));
    const over = new AbortController();
    const BURST = 6_000;
    const seen = clients.map(() => 0);
    const reading = clients.map(async (client, i) => {
      for await (const { fields } of await client.events(undefined, over.signal)) {
        assert.equal(fields.n, seen[i], "in order, none missing");
        seen[i] = Number(fields.n) + 1;
        if (seen[i] === BURST) return;
      }
    });
    await until(() => followers.size === 9);
    for (let n = 0; n < BURST; n++) {
      for (const tell of followers) tell(eventOf(n));
      // As fast as the slowest of those that read can take it.
      if (n % 200 === 199) await until(() => Math.min(...seen) > n - 800);
    }
    await Promise.all(reading);
    assert.ok(followers.size <= 8, "nothing more is kept for the one that does not read");
    over.abort();
    for (const client of clients) client.close();
    slow.close();
  }));

Deno.test("of live figures a slow client gets fewer, and one that never reads is cut off", () =>
  withApi(async ({ socket, lookers }) => {
    const client = await open(socket, "/v1/live");
    await until(() => lookers.size === 1);
    const sample = (time: string) => ({ time, padding: "x".repeat(300_000) }) as unknown as LiveSample; // only passed on
    const look = (time: string) => {
      for (const tell of lookers) tell(sample(time));
    };
    look("t0");
    assert.ok(await client.saw("t0"));
    for (let n = 1; n <= 20; n++) look(`t${n}`);
    assert.equal(lookers.size, 1, "it may still catch up");
    for (let n = 0; n < 60 && lookers.size > 0; n++) {
      look("again");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(lookers.size, 0);
    client.close();
  }));

Deno.test("streams beyond the most are refused with 503 and a problem, and there is room when one ends", () =>
  withApi(async ({ socket, counters, followers }) => {
    const open64 = await Promise.all(Array.from({ length: MAX_STREAMS }, () => open(socket, "/v1/events")));
    for (const client of open64) assert.ok(await client.saw(": connected"));
    const refused = await open(socket, "/v1/live");
    const answer = await refused.answer();
    assert.equal(answer?.status, 503);
    assert.match(answer.head, /^retry-after: 1$/im);
    assert.equal(JSON.parse(answer.body).error.code, "busy");
    assert.deepEqual([counters.streams, counters.refused.streams], [MAX_STREAMS, 1]);
    open64[0]?.close();
    await until(() => followers.size === MAX_STREAMS - 1);
    const next = await open(socket, "/v1/events");
    assert.ok(await next.saw(": connected"));
    for (const client of [...open64, refused, next]) client.close();
    await until(() => followers.size === 0);
    assert.equal(counters.streams, 0);
  }));

Deno.test("requests beyond the most are refused, but not those that end something", () =>
  withApi(async ({ socket, acts, counters }) => {
    const go = Promise.withResolvers<void>();
    let under = 0;
    acts.set("vm.start", async () => {
      under++;
      await go.promise;
    });
    const waiting = await Promise.all(Array.from({ length: MAX_REQUESTS }, async () => {
      const client = await RawClient.connect(socket);
      await client.send(requestText("POST", "/v1/vms/g1/start", "{}"));
      return client;
    }));
    await until(() => under === MAX_REQUESTS);
    const client = await RawClient.connect(socket);
    await client.send(requestText("GET", "/v1/status"));
    const refused = await client.answer();
    assert.deepEqual([refused?.status, JSON.parse(refused?.body ?? "").error.code], [503, "busy"]);
    await client.send(requestText("POST", "/v1/vms/g1/kill", "{}"));
    assert.equal((await client.answer())?.status, 200);
    go.resolve();
    for (const each of waiting) assert.equal((await each.answer())?.status, 200);
    await client.send(requestText("GET", "/v1/status"));
    assert.equal((await client.answer())?.status, 200);
    assert.deepEqual(Object.fromEntries(counters.requests.get("status") ?? []), { busy: 1, ok: 1 });
    for (const each of [...waiting, client]) each.close();
  }));

Deno.test("bodies that come slowly keep nobody from looking, and beyond the most they are refused", () =>
  withApi(async ({ socket }) => {
    const slow = await Promise.all(Array.from({ length: MAX_BODIES }, async () => {
      const client = await RawClient.connect(socket);
      await client.send(`POST /v1/vms/g1/start HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{`);
      return client;
    }));
    const client = await RawClient.connect(socket);
    await client.send(requestText("GET", "/v1/status"));
    assert.equal((await client.answer())?.status, 200);
    await client.send(requestText("POST", "/v1/vms/g1/start", "{}"));
    assert.equal((await client.answer())?.status, 503);
    for (const each of [...slow, client]) each.close();
  }));

Deno.test("a flood is answered, each request of it", () =>
  withApi(async ({ socket, counters }) => {
    const { statuses } = await flood(socket, "/v1/status", { requests: 3_000, inFlight: 100 });
    assert.deepEqual(statuses, { 200: 3_000 });
    assert.equal(counters.requests.get("status")?.get("ok"), 3_000);
  }));

Deno.test("silent and half-open clients keep nobody out", () =>
  withApi(async ({ socket }) => {
    const silent: RawClient[] = [];
    for (let i = 0; i < 100; i++) {
      const client = await RawClient.connect(socket);
      if (i % 2 === 0) await client.send("POST /v1/vms/g1/ki");
      silent.push(client);
    }
    const { statuses } = await flood(socket, "/v1/status", { requests: 200, inFlight: 20 });
    assert.deepEqual(statuses, { 200: 200 });
    for (const client of silent) client.close();
  }));
