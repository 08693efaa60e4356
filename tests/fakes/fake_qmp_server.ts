/**
 * A QMP server on a real unix socket, with scripted answers. One client at a time, the next waits in the backlog, as
 * with QEMU. Its good behaviour is held to that of QEMU by `tests/contract/qmp_contract_test.ts`.
 *
 * Faults it shows that a real QEMU can't be made to show:
 * - an event before the greeting, and between the greeting and the answer to the negotiation;
 * - silence: no greeting, no answer to one command while others are answered, a late answer at a chosen moment;
 * - a message cut at every byte, two messages in one write, garbage, JSON that is no object, more than the cap;
 * - answers with an unknown id, twice, without id; a second greeting; a refused negotiation;
 * - the stream ending between a command and its answer.
 * Nothing here waits for a time: held answers go out when the test says `release()`.
 */
import type { Json, JsonObject } from "../../src/core/json.ts";
import { encodeMessage, Framer } from "../../src/qmp/framing.ts";

/** What the server does about one command. */
export type FakeAnswer =
  | { readonly kind: "return"; readonly value: Json; readonly events?: readonly JsonObject[] }
  | { readonly kind: "error"; readonly class: string; readonly desc: string }
  /** Kept back until `release()`. */
  | { readonly kind: "hold"; readonly value: Json }
  | { readonly kind: "silence" }
  /** `$ID` in the text stands for the id of the command, as JSON. */
  | { readonly kind: "raw"; readonly text: string }
  | { readonly kind: "disconnect" };

export type FakeHandler = FakeAnswer | ((args: JsonObject) => FakeAnswer);

export interface FakeQmpScript {
  /** `null`: no greeting at all. */
  readonly greeting?: JsonObject | null;
  /** Raw text before the greeting. */
  readonly preamble?: string;
  /** Sent after the greeting, before any answer. */
  readonly afterGreeting?: readonly JsonObject[];
  /** Replaces or adds to the built-in commands, by name. */
  readonly answers?: Readonly<Record<string, FakeHandler>>;
  /** Writes go out in pieces of so many bytes. */
  readonly pieceBytes?: number;
}

export const FAKE_GREETING: JsonObject = {
  QMP: {
    version: { qemu: { micro: 22, minor: 2, major: 7 }, package: "fake" },
    capabilities: ["oob"],
  },
};

export function fakeEvent(event: string, data?: JsonObject): JsonObject {
  return {
    timestamp: { seconds: 1_700_000_000, microseconds: 250_000 },
    event,
    ...(data ? { data } : {}),
  };
}

export function returns(value: Json, events: readonly JsonObject[] = []): FakeAnswer {
  return { kind: "return", value, events };
}

interface Held {
  readonly command: string;
  readonly id: Json | undefined;
  readonly value: Json;
}

interface Waiter {
  readonly command: string;
  readonly resolve: () => void;
}

export class FakeQmpServer {
  /** Every message that came, in order, over all clients. */
  readonly received: JsonObject[] = [];
  /** Resolves when the server is gone: by `quit`, `crash()` or `close()`. */
  readonly ended: Promise<void>;
  #conn: Deno.Conn | undefined;
  #writing: Promise<void> = Promise.resolve();
  #negotiated = false;
  #running = false;
  #held: Held[] = [];
  #waiters: Waiter[] = [];
  readonly #answers: Readonly<Record<string, FakeHandler>>;

  private constructor(
    readonly path: string,
    readonly script: FakeQmpScript,
    private readonly listener: Deno.Listener,
  ) {
    this.#answers = { ...this.#builtIn(), ...script.answers };
    this.ended = this.#serve();
  }

  static listen(path: string, script: FakeQmpScript = {}): FakeQmpServer {
    return new FakeQmpServer(path, script, Deno.listen({ transport: "unix", path }));
  }

  /** Sends messages to the client that is connected. */
  async emit(...messages: readonly JsonObject[]): Promise<void> {
    for (const message of messages) await this.#write(encodeMessage(message));
  }

  async emitRaw(text: string | Uint8Array): Promise<void> {
    await this.#write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Answers what is held, all of it or that of one command, in the order in which it came. */
  async release(command?: string): Promise<void> {
    const out = this.#held.filter((h) => command === undefined || h.command === command);
    this.#held = this.#held.filter((h) => !out.includes(h));
    for (const { id, value } of out) await this.emit(reply({ return: value }, id));
  }

  /** Resolves when `command` has come, at once when it came before. */
  got(command: string): Promise<void> {
    if (this.received.some((m) => m.execute === command)) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ command, resolve }));
  }

  /** Ends as a killed QEMU does: the stream closes, no event. */
  async crash(): Promise<void> {
    closeQuietly(this.listener);
    if (this.#conn) closeQuietly(this.#conn);
    await this.ended;
  }

  async close(): Promise<void> {
    await this.crash();
    await Deno.remove(this.path).catch(() => {});
  }

  async #serve(): Promise<void> {
    while (true) {
      try {
        this.#conn = await this.listener.accept();
      } catch {
        return; // closed
      }
      await this.#serveClient(this.#conn).catch(() => {}); // the client has gone
      closeQuietly(this.#conn);
    }
  }

  async #serveClient(conn: Deno.Conn): Promise<void> {
    this.#negotiated = false;
    if (this.script.preamble !== undefined) await this.emitRaw(this.script.preamble);
    if (this.script.greeting !== null) await this.emit(this.script.greeting ?? FAKE_GREETING);
    await this.emit(...this.script.afterGreeting ?? []);
    const framer = new Framer();
    const buffer = new Uint8Array(65536);
    while (true) {
      const n = await conn.read(buffer);
      if (n === null) return;
      for (const item of framer.feed(buffer.subarray(0, n))) {
        if (item.kind === "message") await this.#handle(item.message);
        else await this.emit(reply(errorOf("GenericError", "JSON parse error, stray"), undefined));
      }
    }
  }

  async #handle(message: JsonObject): Promise<void> {
    this.received.push(message);
    const command = String(message.execute);
    const answer = this.#decide(command, message);
    await this.#act(answer, command, message.id);
    this.#waiters = this.#waiters.filter((w) => {
      if (w.command === command) w.resolve();
      return w.command !== command;
    });
  }

  #decide(command: string, message: JsonObject): FakeAnswer {
    if (!this.#negotiated && command !== "qmp_capabilities") {
      const desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
      return { kind: "error", class: "CommandNotFound", desc };
    }
    const handler = Object.hasOwn(this.#answers, command) ? this.#answers[command] : undefined;
    if (!handler) {
      const desc = `The command ${command} has not been found`;
      return { kind: "error", class: "CommandNotFound", desc };
    }
    const args = message.arguments;
    // A JSON object by the check; the cast only drops the array that typeof can't rule out.
    const object = typeof args === "object" && args !== null && !Array.isArray(args)
      ? args as JsonObject
      : {};
    return typeof handler === "function" ? handler(object) : handler;
  }

  async #act(answer: FakeAnswer, command: string, id: Json | undefined): Promise<void> {
    switch (answer.kind) {
      case "return":
        await this.emit(...answer.events ?? [], reply({ return: answer.value }, id));
        if (command === "qmp_capabilities") this.#negotiated = true;
        if (command === "quit") closeQuietly(this.listener);
        if (command === "quit" && this.#conn) closeQuietly(this.#conn);
        return;
      case "error":
        return await this.emit(reply(errorOf(answer.class, answer.desc), id));
      case "hold":
        this.#held.push({ command, id, value: answer.value });
        return;
      case "raw":
        return await this.emitRaw(answer.text.replaceAll("$ID", JSON.stringify(id ?? null)));
      case "disconnect":
        if (this.#conn) closeQuietly(this.#conn);
        return;
      case "silence":
        return;
    }
  }

  /** What a `-machine none` answers. */
  #builtIn(): Readonly<Record<string, FakeHandler>> {
    const status = () => ({
      status: this.#running ? "running" : "prelaunch",
      singlestep: false,
      running: this.#running,
    });
    const run = (running: boolean, event: string) => () => {
      const changed = this.#running !== running;
      this.#running = running;
      return returns({}, changed ? [fakeEvent(event)] : []);
    };
    return {
      "qmp_capabilities": returns({}),
      "query-status": () => returns(status()),
      "query-version": returns({ qemu: { micro: 22, minor: 2, major: 7 }, package: "fake" }),
      "query-name": returns({}),
      "cont": run(true, "RESUME"),
      "stop": run(false, "STOP"),
      "set_link": (args) =>
        typeof args.name !== "string"
          ? { kind: "error", class: "GenericError", desc: "Parameter 'name' is missing" }
          : { kind: "error", class: "DeviceNotFound", desc: `Device '${args.name}' not found` },
      "quit": returns({}, [fakeEvent("SHUTDOWN", { guest: false, reason: "host-qmp-quit" })]),
    };
  }

  #write(bytes: Uint8Array): Promise<void> {
    const conn = this.#conn;
    if (!conn) return Promise.resolve();
    const step = this.script.pieceBytes ?? bytes.length;
    this.#writing = this.#writing.then(async () => {
      for (let from = 0; from < bytes.length; from += step) {
        for (let at = from; at < Math.min(from + step, bytes.length);) {
          at += await conn.write(bytes.subarray(at, Math.min(from + step, bytes.length)));
        }
      }
    }).catch(() => {}); // the client has gone
    return this.#writing;
  }
}

function reply(body: JsonObject, id: Json | undefined): JsonObject {
  return id === undefined ? body : { ...body, id };
}

function errorOf(name: string, desc: string): JsonObject {
  return { error: { class: name, desc } };
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch { /* closed already */ }
}
