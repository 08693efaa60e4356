import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { systemClock } from "../ports/clock.ts";
import { type ByteStream, connectUnix } from "../ports/unix_socket.ts";
import { fakeEvent, type FakeQmpScript, FakeQmpServer, returns } from "../../tests/fakes/fake_qmp_server.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { type LateReply, type NegotiateOptions, QmpClient } from "./client.ts";
import { qmpErrorOf, QmpFailure } from "./errors.ts";
import type { QmpEvent } from "./events.ts";
import { MAX_QMP_MESSAGE } from "./framing.ts";
import type { Anomaly, CloseReason } from "./session.ts";

interface Bench {
  readonly server: FakeQmpServer;
  readonly clock: ManualClock;
  readonly seen: string[];
  readonly anomalies: Anomaly[];
  readonly late: LateReply[];
  connect(options?: Partial<NegotiateOptions>): Promise<QmpClient>;
}

/** One fake server and a clock that stands still; whatever was made is gone afterwards. */
async function withServer(script: FakeQmpScript, test: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const server = FakeQmpServer.listen(`${folder}/qmp`, script);
  const clock = new ManualClock();
  const seen: string[] = [], anomalies: Anomaly[] = [], late: LateReply[] = [];
  const clients: QmpClient[] = [];
  try {
    await test({
      server,
      clock,
      seen,
      anomalies,
      late,
      async connect(options = {}) {
        const client = await QmpClient.negotiate(await connectUnix(server.path), {
          clock,
          onEvent: (event) => seen.push(nameOf(event)),
          onAnomaly: (anomaly) => anomalies.push(anomaly),
          onLateReply: (reply) => late.push(reply),
          onClosed: (reason) => seen.push(`closed:${reason.kind}`),
          ...options,
        });
        clients.push(client);
        return client;
      },
    });
    for (const client of clients) client.close();
    assert.equal(clock.armed, 0, "a timer was left armed");
  } finally {
    for (const client of clients) client.close();
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function nameOf(event: QmpEvent): string {
  return event.name === "other" ? event.wireName : event.name;
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

Deno.test("execute() returns the answer cut down to what is typed", () =>
  withServer({}, async ({ connect }) => {
    const client = await connect();
    assert.deepEqual(await client.execute("query-status"), { status: "prelaunch", running: false });
    assert.deepEqual(client.greeting?.version, { major: 7, minor: 2, micro: 22 });
  }));

Deno.test("events before the greeting and before the negotiation's answer are delivered in order", () =>
  withServer({
    preamble: JSON.stringify(fakeEvent("NIC_RX_FILTER_CHANGED", { path: "/n" })) + "\r\n",
    afterGreeting: [fakeEvent("RESUME"), fakeEvent("STOP")],
  }, async ({ connect, seen }) => {
    await connect();
    assert.deepEqual(seen, ["NIC_RX_FILTER_CHANGED", "RESUME", "STOP"]);
  }));

Deno.test("a server that writes single bytes is understood", () =>
  withServer({ pieceBytes: 1 }, async ({ connect, seen }) => {
    const client = await connect();
    await client.execute("cont");
    assert.deepEqual(await client.execute("query-status"), { status: "running", running: true });
    assert.deepEqual(seen, ["RESUME"]);
  }));

Deno.test("negotiate() with a server that never greets is outcome_unknown and closes the stream", () =>
  withServer({ greeting: null }, async ({ connect, clock, seen }) => {
    const failure = failureOf(connect({ timeoutMs: 500 }));
    await armed(clock);
    clock.advance(500);
    assert.equal((await failure).code, "outcome_unknown");
    assert.match((await failure).message, /did not greet within 0.5 s/);
    assert.deepEqual(seen, ["closed:closed"]);
  }));

Deno.test("negotiate() names what came instead of a greeting", () =>
  withServer({ greeting: null, preamble: "SSH-2.0-x\r\n" }, async ({ connect, clock, anomalies }) => {
    const got = Promise.withResolvers<void>();
    const failure = failureOf(connect({
      onAnomaly: (anomaly) => {
        anomalies.push(anomaly);
        got.resolve();
      },
    }));
    await got.promise;
    clock.advance(10_000);
    assert.match((await failure).message, /not JSON: "SSH-2.0-x"/);
  }));

Deno.test("negotiate() reports a refused negotiation with QEMU's words", () =>
  withServer({
    answers: { qmp_capabilities: { kind: "error", class: "GenericError", desc: "not today" } },
  }, async ({ connect }) => {
    const failure = await failureOf(connect());
    assert.equal(failure.code, "failed");
    assert.match(failure.message, /refused QMP command qmp_capabilities: not today/);
  }));

Deno.test("negotiate() with a server that hangs up says so", () =>
  withServer({ answers: { qmp_capabilities: { kind: "disconnect" } } }, async ({ connect }) => {
    const failure = await failureOf(connect());
    assert.deepEqual(qmpErrorOf(failure), {
      kind: "disconnected",
      command: "qmp_capabilities",
      sent: true,
      reason: { kind: "ended" },
    });
  }));

Deno.test("an error of QEMU is a failure with its class and text", () =>
  withServer({}, async ({ connect }) => {
    const client = await connect();
    const failure = await failureOf(client.execute("set_link", { name: "nic1", up: false }));
    assert.equal(failure.code, "failed");
    assert.deepEqual(qmpErrorOf(failure), {
      kind: "error",
      command: "set_link",
      class: "DeviceNotFound",
      desc: "Device 'nic1' not found",
    });
  }));

Deno.test("a time-out is outcome_unknown, and its answer is reported when it comes", () =>
  withServer({ answers: { "snapshot-save": { kind: "hold", value: {} } } }, async (bench) => {
    const { connect, clock, server, late } = bench;
    const client = await connect();
    const args = { "job-id": "j", tag: "t", vmstate: "v", devices: ["v"] };
    const failure = failureOf(client.execute("snapshot-save", args, { timeoutMs: 1000 }));
    await server.got("snapshot-save");
    clock.advance(1000);
    assert.equal((await failure).code, "outcome_unknown");
    assert.deepEqual(qmpErrorOf(await failure), {
      kind: "timeout",
      command: "snapshot-save",
      timeoutMs: 1000,
    });
    clock.advance(4000);
    await server.release();
    await client.execute("query-status"); // answered after the late one
    assert.deepEqual(late.map((l) => [l.command, l.afterMs, l.reply]), [
      ["snapshot-save", 5000, { kind: "value", value: {} }],
    ]);
  }));

Deno.test("a command without a time-out of its own gets the default, others that of the table", () =>
  withServer(
    { answers: { "query-status": { kind: "silence" }, "stop": { kind: "silence" } } },
    async (bench) => {
      const { connect, clock, server } = bench;
      const client = await connect();
      const quick = failureOf(client.execute("query-status"));
      const slow = failureOf(client.execute("stop"));
      await server.got("stop");
      clock.advance(10_000);
      assert.match((await quick).message, /within 10 s/);
      assert.equal(clock.armed, 1);
      clock.advance(50_000);
      assert.match((await slow).message, /within 60 s/);
    },
  ));

Deno.test("a disconnect settles every pending call, tells why, and later calls fail at once", () =>
  withServer(
    { answers: { "query-status": { kind: "silence" }, "stop": { kind: "disconnect" } } },
    async (bench) => {
      const { connect, seen } = bench;
      const client = await connect();
      const calls = [client.execute("query-status"), client.execute("stop"), client.execute("query-name")];
      const failures = await Promise.all(calls.map(failureOf));
      for (const failure of failures) {
        assert.equal(failure.code, "failed");
        const error = qmpErrorOf(failure);
        assert.ok(error?.kind === "disconnected" && error.sent && error.reason.kind === "ended");
      }
      assert.deepEqual(await client.closed, { kind: "ended" });
      assert.deepEqual(seen, ["closed:ended"]);
      const after = qmpErrorOf(await failureOf(client.execute("query-status")));
      assert.ok(after?.kind === "disconnected" && !after.sent);
    },
  ));

Deno.test("events that came before a disconnect are delivered before onClosed", () =>
  withServer({}, async ({ connect, seen }) => {
    const client = await connect();
    await client.execute("cont");
    await client.execute("quit");
    await client.closed;
    assert.deepEqual(seen, ["RESUME", "SHUTDOWN", "closed:ended"]);
  }));

Deno.test("close() is idempotent and settles what is pending", () =>
  withServer({ answers: { "query-status": { kind: "silence" } } }, async ({ connect, seen, server }) => {
    const client = await connect();
    const failure = failureOf(client.execute("query-status"));
    await server.got("query-status");
    client.close();
    client.close();
    assert.ok(client.isClosed);
    const error = qmpErrorOf(await failure);
    assert.ok(error?.kind === "disconnected" && error.reason.kind === "closed");
    assert.deepEqual(await client.closed, { kind: "closed" } satisfies CloseReason);
    assert.deepEqual(seen, ["closed:closed"]);
  }));

Deno.test("garbage, unknown ids and answers twice are reported, and the session goes on", () =>
  withServer({
    answers: {
      "query-name": {
        kind: "raw",
        text:
          'noise\r\n[]\r\n{"return":1,"id":"who"}\r\n{"error":{"class":"GenericError","desc":"stray"}}\r\n' +
          '{"return":{},"id":$ID}\r\n{"return":{},"id":$ID}\r\n',
      },
    },
  }, async ({ connect, anomalies }) => {
    const client = await connect();
    await client.execute("query-name");
    await client.execute("query-status");
    assert.deepEqual(anomalies.map((a) => a.kind), [
      "unreadable",
      "unreadable",
      "unknown_id",
      "error_without_id",
      "unknown_id",
    ]);
  }));

Deno.test("a message over the cap is skipped and reported, the session goes on", () =>
  withServer({
    answers: {
      "query-name": { kind: "raw", text: `"${"x".repeat(MAX_QMP_MESSAGE)}"\r\n{"return":{},"id":$ID}\r\n` },
    },
  }, async ({ connect, anomalies }) => {
    const client = await connect();
    await client.execute("query-name");
    assert.ok(anomalies[0]?.kind === "unreadable" && anomalies[0].problem.kind === "too_large");
  }));

Deno.test("an answer of the wrong shape is a failure that says where", () =>
  withServer(
    { answers: { "query-status": returns({ status: "running", running: "yes" }) } },
    async ({ connect }) => {
      const client = await connect();
      const failure = await failureOf(client.execute("query-status"));
      assert.equal(qmpErrorOf(failure)?.kind, "unexpected_answer");
      assert.match(failure.message, /running: /);
    },
  ));

Deno.test("a listener that throws, or rejects, disturbs neither later events nor calls", () =>
  withServer({}, async ({ connect }) => {
    const names: string[] = [], errors: unknown[] = [];
    const client = await connect({
      onEvent: (event) => {
        names.push(nameOf(event));
        if (event.name === "RESUME") throw new Error("listener");
        return Promise.reject(new Error("async listener"));
      },
      onListenerError: (error) => {
        errors.push(error instanceof Error ? error.message : error);
        throw new Error("and this one too");
      },
    });
    await client.execute("cont");
    await client.execute("stop");
    await client.execute("cont");
    assert.deepEqual(names, ["RESUME", "STOP", "RESUME"]);
    assert.deepEqual(errors, ["listener", "async listener", "listener"]);
  }));

Deno.test("a listener may run commands and close the client while it is called", () =>
  withServer({}, async ({ connect, server }) => {
    const answered = Promise.withResolvers<unknown>();
    const client: QmpClient = await connect({
      onEvent: (event) => {
        if (event.name === "RESUME") client.execute("query-status").then(answered.resolve, answered.reject);
        if (event.name === "STOP") client.close();
      },
    });
    await client.execute("cont");
    assert.deepEqual(await answered.promise, { status: "running", running: true });
    const failure = await failureOf(client.execute("stop"));
    assert.equal(qmpErrorOf(failure)?.kind, "disconnected");
    assert.deepEqual(server.received.map((m) => m.execute), [
      "qmp_capabilities",
      "cont",
      "query-status",
      "stop",
    ]);
  }));

Deno.test("commands that nobody reads are not piled up without end", async () => {
  const clock = new ManualClock();
  const greeting = '{"QMP":{}}\n{"return":{},"id":"negotiate"}\n';
  const never = new Promise<never>(() => {});
  let reads = 0;
  const stream: ByteStream = {
    read: (buffer) => {
      if (reads++ > 0) return never;
      return Promise.resolve(new TextEncoder().encodeInto(greeting, buffer).written);
    },
    write: () => never,
    close: () => {},
  };
  const client = await QmpClient.negotiate(stream, { clock });
  const big = failureOf(client.executeRaw("qom-set", { value: "x".repeat(1024 * 1024) }));
  const error = qmpErrorOf(await failureOf(client.execute("query-status")));
  assert.ok(error?.kind === "not_sent" && /does not read/.test(error.why));
  client.close();
  await big;
  assert.equal(clock.armed, 0);
});

Deno.test("a stream whose reading fails ends as broken, with the reason", async () => {
  const stream: ByteStream = {
    read: () => Promise.reject(new Error("bad cable")),
    write: () => Promise.resolve(),
    close: () => {},
  };
  const failure = await failureOf(QmpClient.negotiate(stream, { clock: systemClock }));
  assert.ok(failure instanceof QmpFailure);
  assert.match(failure.message, /was not sent: the connection to QEMU broke: bad cable/);
});

/** Lets the client get as far as setting its timer: the connect takes a turn of the event loop. */
async function armed(clock: ManualClock): Promise<void> {
  while (clock.armed === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("who listens hears every event after the one that was named at the start, until it has heard enough", () =>
  withServer({}, async ({ server, seen, connect }) => {
    const client = await connect();
    const heard: string[] = [];
    const stop = client.listen((event) => {
      heard.push(`${nameOf(event)} after ${seen.length}`);
      if (heard.length === 2) stop();
    });
    client.listen(() => {
      throw new Error("a listener that fails keeps nobody from hearing");
    });
    for (const name of ["STOP", "RESUME", "STOP"]) await server.emit(fakeEvent(name));
    await client.execute("query-status").catch(() => {}); // its answer comes after the events
    assert.deepEqual(heard, ["STOP after 1", "RESUME after 2"]);
    assert.deepEqual(seen, ["STOP", "RESUME", "STOP"]);
  }));
