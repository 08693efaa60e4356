/** What a QMP server does, proved on the fake and on a real QEMU alike: the fake may be trusted as far as this goes. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../src/core/json.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { type ByteStream, connectUnix } from "../../src/ports/unix_socket.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import { COMMANDS } from "../../src/qmp/commands.ts";
import { type QmpError, qmpErrorOf } from "../../src/qmp/errors.ts";
import { EVENTS } from "../../src/qmp/events.ts";
import { encodeMessage, Framer, RESYNC_BYTE } from "../../src/qmp/framing.ts";
import { FakeQmpServer } from "../fakes/fake_qmp_server.ts";
import { checkTables, parseReduced } from "./qmp_schema.ts";
import { RealQemu } from "./real_qemu.ts";
import { formatSchema, liveSchema } from "./record_qmp_schema.ts";

interface Subject {
  connect(): Promise<ByteStream>;
  /** Ends at once, without a word to anyone. */
  kill(): Promise<void>;
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

async function startFake(): Promise<Subject> {
  const folder = await Deno.makeTempDir();
  const server = FakeQmpServer.listen(`${folder}/qmp`);
  return {
    connect: () => connectUnix(server.path),
    kill: () => server.crash(),
    ended: server.ended,
    async close() {
      await server.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const SUBJECTS: readonly [string, () => Promise<Subject>][] = [
  ["the fake", startFake],
  ["QEMU", () => RealQemu.start()],
];

/** One test for each subject. */
function contract(what: string, test: (subject: Subject) => Promise<void>): void {
  for (const [name, start] of SUBJECTS) {
    Deno.test(`${name}: ${what}`, async () => {
      const subject = await start();
      try {
        await test(subject);
      } finally {
        await subject.close();
      }
    });
  }
}

interface Watched {
  readonly client: QmpClient;
  readonly seen: string[];
}

async function negotiate(stream: ByteStream): Promise<Watched> {
  const seen: string[] = [];
  const client = await QmpClient.negotiate(stream, {
    clock: systemClock,
    onEvent: (event) => seen.push(event.name === "other" ? event.wireName : event.name),
    onAnomaly: (anomaly) => seen.push(`anomaly:${anomaly.kind}`),
    onClosed: (reason) => seen.push(`closed:${reason.kind}`),
  });
  return { client, seen };
}

async function errorOf(promise: Promise<unknown>): Promise<QmpError> {
  try {
    await promise;
  } catch (error) {
    const qmp = qmpErrorOf(error);
    if (qmp) return qmp;
    throw error;
  }
  throw new Error("the call did not fail");
}

/** A client of bytes, for what QmpClient never does. */
class RawClient {
  readonly #framer = new Framer();
  readonly #ready: JsonObject[] = [];
  constructor(readonly stream: ByteStream) {}

  send(...messages: readonly JsonObject[]): Promise<void> {
    return this.sendText(messages.map((m) => new TextDecoder().decode(encodeMessage(m))).join(""));
  }

  sendText(text: string): Promise<void> {
    return this.stream.write(new TextEncoder().encode(text));
  }

  async next(): Promise<JsonObject> {
    const buffer = new Uint8Array(4096);
    while (true) {
      const message = this.#ready.shift();
      if (message) return message;
      const n = await this.stream.read(buffer);
      if (n === null) throw new Error("the stream ended");
      for (const item of this.#framer.feed(buffer.subarray(0, n))) {
        if (item.kind === "message") this.#ready.push(item.message);
      }
    }
  }
}

contract("greets with version 7.2 or later and negotiates", async (subject) => {
  const { client } = await negotiate(await subject.connect());
  const { version, capabilities } = client.greeting ?? {};
  assert.ok(version && (version.major > 7 || (version.major === 7 && version.minor >= 2)));
  assert.ok(capabilities?.includes("oob"));
  client.close();
});

contract(
  "says prelaunch until cont, and tells of cont and stop by events before the answer",
  async (subject) => {
    const { client, seen } = await negotiate(await subject.connect());
    assert.deepEqual(await client.execute("query-status"), { status: "prelaunch", running: false });
    await client.execute("cont");
    assert.deepEqual(seen, ["RESUME"]);
    assert.deepEqual(await client.execute("query-status"), { status: "running", running: true });
    await client.execute("stop");
    assert.deepEqual(seen, ["RESUME", "STOP"]);
    client.close();
  },
);

contract("refuses an unknown command as CommandNotFound", async (subject) => {
  const { client } = await negotiate(await subject.connect());
  assert.deepEqual(await errorOf(client.executeRaw("no-such-command")), {
    kind: "error",
    command: "no-such-command",
    class: "CommandNotFound",
    desc: "The command no-such-command has not been found",
  });
  client.close();
});

contract(
  "refuses a missing argument as GenericError and an unknown device as DeviceNotFound",
  async (subject) => {
    const { client } = await negotiate(await subject.connect());
    assert.deepEqual(await errorOf(client.executeRaw("set_link", {})), {
      kind: "error",
      command: "set_link",
      class: "GenericError",
      desc: "Parameter 'name' is missing",
    });
    const unknown = await errorOf(client.execute("set_link", { name: "nic9", up: false }));
    assert.deepEqual(unknown, {
      kind: "error",
      command: "set_link",
      class: "DeviceNotFound",
      desc: "Device 'nic9' not found",
    });
    client.close();
  },
);

contract("refuses a command before the negotiation and then goes on", async (subject) => {
  const raw = new RawClient(await subject.connect());
  assert.ok("QMP" in await raw.next());
  await raw.send({ execute: "query-status", id: 1 }, { execute: "qmp_capabilities", id: 2 });
  assert.deepEqual(await raw.next(), {
    id: 1,
    error: {
      class: "CommandNotFound",
      desc: "Expecting capabilities negotiation with 'qmp_capabilities'",
    },
  });
  assert.deepEqual(await raw.next(), { id: 2, return: {} });
  raw.stream.close();
});

contract("answers 0xFF with an error without id and is usable after it", async (subject) => {
  const raw = new RawClient(await subject.connect());
  await raw.next();
  await raw.stream.write(new Uint8Array([RESYNC_BYTE, 0x0a]));
  const { error, id } = await raw.next();
  assert.match(JSON.stringify(error), /JSON parse error, stray/);
  assert.equal(id, undefined);
  await raw.send({ execute: "qmp_capabilities", id: "x" });
  assert.deepEqual(await raw.next(), { id: "x", return: {} });
  raw.stream.close();
});

contract("answers 50 pipelined commands, each with its own id", async (subject) => {
  const { client, seen } = await negotiate(await subject.connect());
  const answers = await Promise.all(
    Array.from(
      { length: 50 },
      (_, i) =>
        i % 2 === 0
          ? client.execute("query-status").then((s) => s.status)
          : errorOf(client.executeRaw(`no-such-${i}`)).then((e) => e.kind === "error" ? e.desc : e.kind),
    ),
  );
  answers.forEach((answer, i) =>
    assert.equal(answer, i % 2 === 0 ? "prelaunch" : `The command no-such-${i} has not been found`)
  );
  assert.deepEqual(seen, []);
  client.close();
});

contract("lets a second client wait until the first has gone", async (subject) => {
  const first = await negotiate(await subject.connect());
  let second: Watched | undefined;
  const waiting = negotiate(await subject.connect()).then((w) => second = w);
  // The first is still served, so an answer proves that the server had its turn and did not greet the second.
  await first.client.execute("query-status");
  await first.client.execute("query-version");
  assert.equal(second, undefined);
  first.client.close();
  const { client } = await waiting;
  assert.equal((await client.execute("query-status")).status, "prelaunch");
  client.close();
});

contract("answers quit, tells of SHUTDOWN, and closes", async (subject) => {
  const { client, seen } = await negotiate(await subject.connect());
  await client.execute("quit");
  assert.deepEqual(await client.closed, { kind: "ended" });
  assert.deepEqual(seen, ["SHUTDOWN", "closed:ended"]);
  await subject.ended;
});

contract("when killed, ends the stream without an event, and every call settles", async (subject) => {
  const { client, seen } = await negotiate(await subject.connect());
  await client.execute("query-status");
  const kill = subject.kill();
  const calls = Array.from(
    { length: 5 },
    () => client.execute("query-status").then(() => "answered", () => "failed"),
  );
  assert.equal((await Promise.all(calls)).length, 5);
  await kill;
  assert.deepEqual(await client.closed, { kind: "ended" });
  assert.deepEqual(seen, ["closed:ended"]);
  const error = await errorOf(client.execute("query-status"));
  assert.ok(error.kind === "disconnected" && !error.sent);
});

Deno.test("QEMU: knows every command, argument, answer member and event of the tables", async () => {
  const live = await liveSchema();
  assert.deepEqual(checkTables(live, COMMANDS, EVENTS), []);
  const file = new URL(`../fixtures/qmp/schema-${live.qemu}.json`, import.meta.url);
  const recorded = await Deno.readTextFile(file).catch(() => undefined);
  // Another build of the same version may be configured otherwise: for it the check above has to do.
  if (recorded !== undefined && parseReduced(recorded).package === live.package) {
    assert.equal(recorded, formatSchema(live), "run tests/contract/record_qmp_schema.ts");
  }
});
