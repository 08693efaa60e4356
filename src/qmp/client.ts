/**
 * The acting side of a QMP session: reads a stream, lets `step()` decide, carries its outputs out. Reading goes on as
 * long as the stream lives, whether or not anybody asks for anything, so QEMU is never blocked by an unread event.
 */
import type { JsonObject } from "../core/json.ts";
import { Failure } from "../core/problem.ts";
import { unreachable } from "../core/result.ts";
import { MIB } from "../core/units.ts";
import type { Clock } from "../ports/clock.ts";
import type { ByteStream } from "../ports/unix_socket.ts";
import { COMMANDS, type QmpArgs, type QmpCommandName, type QmpReturn, timeoutOf } from "./commands.ts";
import { describeAnomaly, describePhase, type QmpError, QmpFailure } from "./errors.ts";
import type { QmpEvent } from "./events.ts";
import { Framer } from "./framing.ts";
import {
  type Anomaly,
  type CloseReason,
  type Greeting,
  initialSession,
  type Outcome,
  type Reply,
  type SessionInput,
  type SessionOutput,
  type SessionState,
  step,
} from "./session.ts";

/** The answer to a command whose time was over. */
export interface LateReply {
  readonly id: string;
  readonly command: string;
  /** Milliseconds from the request to this answer. */
  readonly afterMs: number;
  readonly reply: Reply;
}

/** What became of a command that was sent or could not be. */
export interface ToldOutcome {
  readonly command: string;
  /** `done`, or what happened instead. */
  readonly outcome: string;
  readonly tookMs: number;
}

/**
 * Listeners are called one after the other, in the order in which QEMU sent, before the promises of later answers
 * settle. What a listener throws goes to `onListenerError` and stops nothing.
 */
export interface QmpListeners {
  readonly onEvent?: (event: QmpEvent) => void;
  readonly onLateReply?: (late: LateReply) => void;
  /** Before the promise of the command settles. */
  readonly onOutcome?: (told: ToldOutcome) => void;
  /** The last call of all; comes exactly once, also when the negotiation fails. */
  readonly onClosed?: (reason: CloseReason) => void;
  readonly onAnomaly?: (anomaly: Anomaly) => void;
  readonly onListenerError?: (error: unknown) => void;
}

export interface NegotiateOptions extends QmpListeners {
  readonly clock: Clock;
  /** Milliseconds for greeting and negotiation together; default 10,000. */
  readonly timeoutMs?: number;
}

export interface ExecuteOptions {
  /** Milliseconds; default: the command's own of the table in `commands.ts`. */
  readonly timeoutMs?: number;
}

type ExecuteParams<N extends QmpCommandName> = Record<never, never> extends QmpArgs<N>
  ? [args?: QmpArgs<N>, options?: ExecuteOptions]
  : [args: QmpArgs<N>, options?: ExecuteOptions];

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpFailure) => void;
  readonly timeoutMs: number;
  readonly at: number;
  readonly disarm: () => void;
}

/** More than this waiting to be written means that QEMU has stopped reading: further commands are not sent. */
const MAX_UNWRITTEN = MIB;

export class QmpClient {
  readonly closed: Promise<CloseReason>;
  #state: SessionState = initialSession();
  readonly #inputs: SessionInput[] = [];
  #stepping = false;
  #nextId = 1;
  readonly #calls = new Map<string, Call>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #writing: Promise<void> = Promise.resolve();
  #unwritten = 0;
  #sentAny = false;
  #lastAnomaly: Anomaly | undefined;
  readonly #running = Promise.withResolvers<Greeting>();
  readonly #closing = Promise.withResolvers<CloseReason>();

  private constructor(private readonly stream: ByteStream, private readonly options: NegotiateOptions) {
    this.closed = this.#closing.promise;
  }

  /**
   * Takes over a stream that was just connected to a QMP socket and negotiates. The stream is closed on failure:
   * `outcome_unknown` when QEMU stays silent (it serves one client a socket), else a {@link QmpFailure}.
   */
  static async negotiate(stream: ByteStream, options: NegotiateOptions): Promise<QmpClient> {
    const client = new QmpClient(stream, options);
    const timeoutMs = options.timeoutMs ?? 10_000;
    const disarm = options.clock.after(timeoutMs, () => {
      client.#running.reject(client.#negotiationTimedOut(timeoutMs));
      client.close();
    });
    void client.#read();
    try {
      await client.#running.promise;
      return client;
    } finally {
      disarm();
    }
  }

  /** What QEMU said of itself. */
  get greeting(): Greeting | undefined {
    return this.#state.phase === "running" ? this.#state.greeting : undefined;
  }

  get isClosed(): boolean {
    return this.#state.phase === "closed";
  }

  /** Runs a command of the table; a {@link QmpFailure} says what else happened. */
  async execute<N extends QmpCommandName>(name: N, ...params: ExecuteParams<N>): Promise<QmpReturn<N>> {
    const [args, options] = params;
    // Arguments are built from strings, numbers, booleans, lists and objects: JSON by their types.
    const value = await this.executeRaw(name, args as JsonObject | undefined, options);
    const parsed = COMMANDS[name].returns.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const why = `${issue?.path.join(".") || "answer"}: ${issue?.message}`;
      throw new QmpFailure({ kind: "unexpected_answer", command: name, why });
    }
    // The compiler can't follow that COMMANDS[name] parsed the answer of just this command.
    return parsed.data as QmpReturn<N>;
  }

  /** Runs any command by its wire name; the answer is as QEMU sent it. */
  executeRaw(name: string, args?: JsonObject, options: ExecuteOptions = {}): Promise<unknown> {
    if (this.#unwritten > MAX_UNWRITTEN) {
      const why = `QEMU does not read: ${this.#unwritten} bytes wait to be written`;
      return Promise.reject(new QmpFailure({ kind: "not_sent", command: name, why }));
    }
    const id = `c${this.#nextId++}`;
    const timeoutMs = options.timeoutMs ?? timeoutOf(name);
    return new Promise((resolve, reject) => {
      const disarm = this.options.clock.after(timeoutMs, () => this.#input({ kind: "timeout", id }));
      const at = this.options.clock.monotonic();
      this.#calls.set(id, { resolve, reject, timeoutMs, at, disarm });
      this.#input({ kind: "request", id, command: name, ...(args === undefined ? {} : { args }), at });
    });
  }

  /** Calls `listener` with every event from now on, after `onEvent`; the returned function ends it. */
  listen(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the session and settles every call. QEMU goes on. Idempotent. */
  close(): void {
    this.#input({ kind: "close", reason: { kind: "closed" } });
  }

  async #read(): Promise<void> {
    const framer = new Framer();
    const buffer = new Uint8Array(65536);
    try {
      while (!this.isClosed) {
        const n = await this.stream.read(buffer);
        if (n === null) break;
        const at = this.options.clock.monotonic();
        for (const item of framer.feed(buffer.subarray(0, n))) {
          if (item.kind === "message") this.#input({ kind: "message", message: item.message, at });
          else if (item.kind === "problem") this.#input({ kind: "problem", problem: item.problem });
        }
      }
      this.#input({ kind: "close", reason: { kind: "ended" } });
    } catch (error) {
      this.#input({ kind: "close", reason: endedBy(error) });
    }
  }

  /** A listener may ask for something while an output is carried out: inputs queue, outputs keep their order. */
  #input(input: SessionInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
        const { state, outputs } = step(this.#state, next);
        this.#state = state;
        for (const output of outputs) this.#carryOut(output);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(output: SessionOutput): void {
    switch (output.kind) {
      case "send":
        return this.#send(output.bytes);
      case "settle":
        return this.#settle(output.id, output.command, output.outcome);
      case "event":
        this.#tell(this.options.onEvent, output.event);
        for (const listener of [...this.#listeners]) this.#tell(listener, output.event);
        return;
      case "late":
        return this.#tell(this.options.onLateReply, output);
      case "running":
        return this.#running.resolve(output.greeting);
      case "anomaly":
        this.#lastAnomaly = output.anomaly;
        return this.#tell(this.options.onAnomaly, output.anomaly);
      case "closed":
        return this.#finish(output.reason);
      default:
        return unreachable(output);
    }
  }

  /** Writes are queued: two at a time could mix their bytes. */
  #send(bytes: Uint8Array): void {
    this.#sentAny = true;
    this.#unwritten += bytes.length;
    this.#writing = this.#writing.then(async () => {
      if (this.isClosed) return;
      try {
        await this.stream.write(bytes);
        this.#unwritten -= bytes.length;
      } catch {
        // A write fails when the other side is gone. What it sent before is still to be read; reading then ends by itself.
      }
    });
  }

  #settle(id: string, command: string, outcome: Outcome): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    call.disarm();
    const tookMs = this.options.clock.monotonic() - call.at;
    if (outcome.kind === "value") {
      this.#tell(this.options.onOutcome, { command, outcome: "done", tookMs });
      call.resolve(outcome.value);
    } else {
      const failure = new QmpFailure(errorOf(command, outcome, call.timeoutMs));
      this.#tell(this.options.onOutcome, { command, outcome: failure.message, tookMs });
      call.reject(failure);
    }
  }

  #finish(reason: CloseReason): void {
    this.stream.close();
    this.#running.promise.catch(() => {}); // nobody may be waiting any more
    const command = "qmp_capabilities";
    this.#running.reject(
      new QmpFailure(
        reason.kind === "refused"
          ? { kind: "error", command, class: reason.class, desc: reason.desc }
          : { kind: "disconnected", command, sent: this.#sentAny, reason },
      ),
    );
    this.#closing.resolve(reason);
    this.#tell(this.options.onClosed, reason);
  }

  #tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
    try {
      const result: unknown = listener?.(value);
      // An async function fits the type of a listener; what it rejects with must not end the program.
      if (result instanceof Promise) result.catch((error: unknown) => this.#listenerFailed(error));
    } catch (error) {
      this.#listenerFailed(error);
    }
  }

  #listenerFailed(error: unknown): void {
    try {
      this.options.onListenerError?.(error);
    } catch { /* the last resort has failed too */ }
  }

  #negotiationTimedOut(timeoutMs: number): Failure {
    const greeted = this.#state.phase === "negotiating";
    const seen = this.#lastAnomaly ? `; ${describeAnomaly(this.#lastAnomaly)}` : "";
    return new Failure({
      code: "outcome_unknown",
      message: `QEMU ${greeted ? "greeted but did not answer the negotiation" : "did not greet"} within ${
        timeoutMs / 1000
      } s on its QMP socket${seen}`,
      hint: "QEMU serves one client a socket: another program may hold this one",
    });
  }
}

function errorOf(command: string, outcome: Exclude<Outcome, { kind: "value" }>, timeoutMs: number): QmpError {
  switch (outcome.kind) {
    case "error":
      return { ...outcome, command };
    case "outcome_unknown":
      return { kind: "timeout", command, timeoutMs };
    case "disconnected":
      return { ...outcome, command };
    case "not_running":
      return { kind: "not_sent", command, why: describePhase(outcome.phase) };
  }
}

/** A peer that dies with unread bytes of ours in its buffer resets the connection: that is an end like any other. */
function endedBy(error: unknown): CloseReason {
  if (!(error instanceof Error)) return { kind: "broken", message: String(error) };
  return error.name === "ConnectionReset" ? { kind: "ended" } : { kind: "broken", message: error.message };
}
