/**
 * A guest agent on a real unix socket, with scripted answers: the host end of a virtio-serial port with a guest behind
 * it. Its good behaviour is held to that of qemu-ga by `tests/contract/agent_contract_test.ts`.
 *
 * Faults it shows that a real qemu-ga can't be made to show:
 * - an agent that hangs: reads and never answers, or does not read at all, and comes back later;
 * - the answer to a command that comes after its time, before or after a new synchronisation;
 * - an answer to a synchronisation of long ago, or with a wrong number;
 * - garbage, answers of a wrong shape, more than the cap, a flood of messages that nobody asked for;
 * - the stream ending between a command and its answer.
 * Nothing here waits for a time: held answers go out when the test says `release()`.
 */
import type { Json, JsonObject } from "../../src/core/json.ts";
import { encodeMessage, Framer, RESYNC_BYTE } from "../../src/qmp/framing.ts";

export type FakeAgentAnswer =
  | { readonly kind: "return"; readonly value: Json }
  | { readonly kind: "error"; readonly class: string; readonly desc: string }
  /** Kept back until `release()`. */
  | { readonly kind: "hold"; readonly value: Json }
  | { readonly kind: "silence" }
  | { readonly kind: "raw"; readonly bytes: Uint8Array }
  | { readonly kind: "disconnect" };

export type FakeAgentHandler = FakeAgentAnswer | ((args: JsonObject) => FakeAgentAnswer);

const SYNC = "guest-sync-delimited";

export class FakeAgent {
  /** Every command that came, in order; synchronisations too. */
  readonly received: JsonObject[] = [];
  readonly ended: Promise<void>;
  /** While true nothing is answered, synchronisations neither. */
  hung = false;
  /** Changes what a command does from now on. */
  readonly answers: Map<string, FakeAgentHandler>;
  #conn: Deno.Conn | undefined;
  #held: { readonly command: string; readonly value: Json }[] = [];
  #waiters: { readonly count: number; readonly resolve: () => void }[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    answers: Readonly<Record<string, FakeAgentHandler>>,
    private readonly listener: Deno.Listener,
  ) {
    this.answers = new Map(Object.entries({ ...builtIn(), ...answers }));
    this.ended = this.#serve();
  }

  static listen(path: string, answers: Readonly<Record<string, FakeAgentHandler>> = {}): FakeAgent {
    return new FakeAgent(path, answers, Deno.listen({ transport: "unix", path }));
  }

  async emit(message: JsonObject): Promise<void> {
    await this.emitRaw(encodeMessage(message));
  }

  emitRaw(bytes: Uint8Array | string): Promise<void> {
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    this.#writing = this.#writing.then(async () => {
      for (let at = 0; this.#conn && at < data.length;) at += await this.#conn.write(data.subarray(at));
    }).catch(() => {}); // the host has gone
    return this.#writing;
  }

  /** Answers what is held, in the order in which it came. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    for (const { value } of held) await this.emit({ return: value });
  }

  /** Resolves when `count` commands, synchronisations included, have come in all. */
  got(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count, resolve }));
  }

  /** Names of what came, synchronisations as `sync`. */
  get commands(): string[] {
    return this.received.map((m) => m.execute === SYNC ? "sync" : String(m.execute));
  }

  /** The number of the last synchronisation that came. */
  get lastSync(): Json | undefined {
    const args = this.received.findLast((m) => m.execute === SYNC)?.arguments;
    return objectOf(args).id;
  }

  async answerSync(id: Json | undefined): Promise<void> {
    await this.emitRaw(new Uint8Array([RESYNC_BYTE]));
    await this.emit({ return: id ?? null });
  }

  async close(): Promise<void> {
    closeQuietly(this.listener);
    if (this.#conn) closeQuietly(this.#conn);
    await this.ended;
    await Deno.remove(this.path).catch(() => {});
  }

  async #serve(): Promise<void> {
    while (true) {
      try {
        this.#conn = await this.listener.accept();
      } catch {
        return; // closed
      }
      await this.#serveHost(this.#conn).catch(() => {}); // the host has gone
      closeQuietly(this.#conn);
    }
  }

  async #serveHost(conn: Deno.Conn): Promise<void> {
    const framer = new Framer();
    const buffer = new Uint8Array(65536);
    while (true) {
      const n = await conn.read(buffer);
      if (n === null) return;
      for (const item of framer.feed(buffer.subarray(0, n))) {
        if (item.kind === "message") await this.#handle(item.message);
        else if (!this.hung) {
          const desc = "JSON parse error, stray '\uFFFD'";
          await this.emit({ error: { class: "GenericError", desc } });
        }
      }
    }
  }

  async #handle(message: JsonObject): Promise<void> {
    this.received.push(message);
    if (!this.hung) await this.#answer(String(message.execute), objectOf(message.arguments));
    this.#waiters = this.#waiters.filter(({ count, resolve }) => {
      if (this.received.length >= count) resolve();
      return this.received.length < count;
    });
  }

  async #answer(command: string, args: JsonObject): Promise<void> {
    const handler = this.answers.get(command);
    if (command === SYNC && !handler) return await this.answerSync(args.id);
    const answer: FakeAgentAnswer = typeof handler === "function" ? handler(args) : handler ?? {
      kind: "error",
      class: "CommandNotFound",
      desc: `The command ${command} has not been found`,
    };
    switch (answer.kind) {
      case "return":
        return await this.emit({ return: answer.value });
      case "error":
        return await this.emit({ error: { class: answer.class, desc: answer.desc } });
      case "hold":
        this.#held.push({ command, value: answer.value });
        return;
      case "raw":
        return await this.emitRaw(answer.bytes);
      case "disconnect":
        if (this.#conn) closeQuietly(this.#conn);
        return;
      case "silence":
        return;
    }
  }
}

function builtIn(): Readonly<Record<string, FakeAgentHandler>> {
  const value = (of: Json): FakeAgentAnswer => ({ kind: "return", value: of });
  const offered = ["guest-ping", "guest-info", "guest-get-osinfo", "guest-shutdown", "guest-exec"];
  return {
    "guest-ping": value({}),
    "guest-info": value({
      version: "7.2.22",
      supported_commands: offered.map((name) => ({
        name,
        enabled: true,
        "success-response": name !== "guest-shutdown",
      })),
    }),
    "guest-get-osinfo": value({ id: "debian", "kernel-release": "6.1.0", machine: "x86_64" }),
    "guest-get-host-name": value({ "host-name": "fake" }),
    "guest-get-time": value(1_700_000_000_123_456_789),
    "guest-get-vcpus": value([{ "logical-id": 0, online: true, "can-offline": false }]),
    "guest-get-fsinfo": value([
      { name: "vda", mountpoint: "/", type: "ext4", "used-bytes": 10, "total-bytes": 100, disk: [] },
    ]),
    "guest-network-get-interfaces": value([{
      name: "lo",
      "hardware-address": "00:00:00:00:00:00",
      "ip-addresses": [{ "ip-address": "127.0.0.1", "ip-address-type": "ipv4", prefix: 8 }],
      statistics: { "rx-bytes": 5, "tx-bytes": 6, "rx-packets": 1 },
    }]),
    "guest-get-users": value([]),
    "guest-get-cpustats": value([{ cpu: 0, user: 1, system: 2, idle: 3, type: "linux" }]),
    "guest-get-diskstats": value([
      { name: "vda", major: 254, minor: 0, stats: { "read-sectors": 2, "write-sectors": 3, "read-ios": 1 } },
    ]),
    "guest-fsfreeze-status": value("thawed"),
    "guest-fsfreeze-freeze": value(1),
    "guest-fsfreeze-thaw": value(1),
    "guest-shutdown": { kind: "silence" },
    "guest-exec": value({ pid: 42 }),
    "guest-exec-status": (args) =>
      args.pid === 42
        ? value({ exited: true, exitcode: 0, "out-data": btoa("hi\n") })
        : { kind: "error", class: "GenericError", desc: "Invalid parameter 'pid'" },
  };
}

function objectOf(value: Json | undefined): JsonObject {
  // A JSON object by the check; the cast only drops the array that typeof can't rule out.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as JsonObject : {};
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch { /* closed already */ }
}
