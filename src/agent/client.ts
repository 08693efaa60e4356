/**
 * The guest agent of one guest, over the host end of its virtio-serial port. Nothing here waits for ever: a call ends by
 * its answer, by its time-out, or because the stream ended.
 */
import type { z } from "zod";
import type { JsonObject } from "../core/json.ts";
import type { Instant } from "../core/time.ts";
import { MIB } from "../core/units.ts";
import { unreachable } from "../core/result.ts";
import type { Clock } from "../ports/clock.ts";
import { type Random, systemRandom } from "../ports/random.ts";
import type { ByteStream } from "../ports/unix_socket.ts";
import { Framer } from "../qmp/framing.ts";
import * as answers from "./answers.ts";
import { type AgentError, agentErrorOf, AgentFailure } from "./errors.ts";
import {
  type AgentCloseReason,
  type AgentInput,
  type AgentMode,
  type AgentOutcome,
  type AgentOutput,
  agentStep,
  initialAgentState,
} from "./session.ts";

/** Longest answer that is accepted from a guest. */
export const MAX_AGENT_MESSAGE = MIB;

/** Milliseconds from the call to its end, waiting for earlier calls included. */
export const AGENT_TIMEOUT_MS = 5_000;
/** Freezing waits for the guest's file systems to be flushed. */
export const FREEZE_TIMEOUT_MS = 60_000;

export interface AgentOptions {
  readonly clock: Clock;
  readonly random?: Random;
  /** The guest's id, for messages. */
  readonly guest: string;
  /** The last call of all, exactly once. */
  readonly onClosed?: (reason: AgentCloseReason) => void;
  /** Something unasked came from the guest; at most 1000 times in a row. */
  readonly onStray?: (what: string) => void;
}

export interface CallOptions {
  /** Milliseconds. */
  readonly timeoutMs?: number;
}

export interface ExecRequest {
  /** Program inside the guest. */
  readonly path: string;
  readonly args?: readonly string[];
  /** `NAME=value` */
  readonly env?: readonly string[];
  readonly stdin?: Uint8Array;
}

export interface ExecWaitOptions extends CallOptions {
  /** Each of output and error output is cut to so many bytes; default 64 KiB. */
  readonly maxOutputBytes?: number;
}

interface Call {
  readonly settle: (outcome: AgentOutcome) => void;
  readonly disarm: () => void;
}

/** How the asking for a shutdown went: `no_answer` is as good as `accepted`, the guest may be gone already. */
export type ShutdownAnswer = "accepted" | "no_answer";

export class GuestAgent {
  readonly closed: Promise<AgentCloseReason>;
  #state = initialAgentState();
  readonly #inputs: AgentInput[] = [];
  #stepping = false;
  #nextKey = 1;
  #drawn: number | undefined;
  #lastSync: number | undefined;
  readonly #calls = new Map<number, Call>();
  #writing: Promise<void> = Promise.resolve();
  readonly #closing = Promise.withResolvers<AgentCloseReason>();

  private constructor(private readonly stream: ByteStream, private readonly options: AgentOptions) {
    this.closed = this.#closing.promise;
  }

  /** Takes over a stream that was just connected to the agent's socket. Whether an agent listens shows with a call. */
  static attach(stream: ByteStream, options: AgentOptions): GuestAgent {
    const agent = new GuestAgent(stream, options);
    void agent.#read();
    return agent;
  }

  /** Agrees anew with the agent on whose turn it is. Every other call does this by itself when needed. */
  async sync(options?: CallOptions): Promise<void> {
    await this.#request("sync", "guest-sync-delimited", undefined, options?.timeoutMs);
  }

  /** Tells that the guest opened its port (VSERPORT_CHANGE with open): what was sent before is lost. */
  restarted(): void {
    this.#input({ kind: "restarted", nonce: this.#nonce() });
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#call("guest-ping", undefined, answers.nothing, options);
  }

  info(options?: CallOptions): Promise<answers.AgentInfo> {
    return this.#call("guest-info", undefined, answers.agentInfo, options);
  }

  osInfo(options?: CallOptions): Promise<answers.OsInfo> {
    return this.#call("guest-get-osinfo", undefined, answers.osInfo, options);
  }

  hostName(options?: CallOptions): Promise<string> {
    return this.#call("guest-get-host-name", undefined, answers.hostName, options);
  }

  /** The guest's own clock. */
  time(options?: CallOptions): Promise<Instant> {
    return this.#call("guest-get-time", undefined, answers.time, options);
  }

  vcpus(options?: CallOptions): Promise<answers.GuestVcpu[]> {
    return this.#call("guest-get-vcpus", undefined, answers.vcpus, options);
  }

  filesystems(options?: CallOptions): Promise<answers.GuestFilesystem[]> {
    return this.#call("guest-get-fsinfo", undefined, answers.filesystems, options);
  }

  networkInterfaces(options?: CallOptions): Promise<answers.GuestInterface[]> {
    return this.#call("guest-network-get-interfaces", undefined, answers.interfaces, options);
  }

  users(options?: CallOptions): Promise<answers.GuestUser[]> {
    return this.#call("guest-get-users", undefined, answers.users, options);
  }

  cpuStats(options?: CallOptions): Promise<answers.GuestCpuStats[]> {
    return this.#call("guest-get-cpustats", undefined, answers.cpuStats, options);
  }

  diskStats(options?: CallOptions): Promise<answers.GuestDiskStats[]> {
    return this.#call("guest-get-diskstats", undefined, answers.diskStats, options);
  }

  freezeStatus(options?: CallOptions): Promise<answers.FreezeStatus> {
    return this.#call("guest-fsfreeze-status", undefined, answers.freezeStatus, options);
  }

  /** Freezes the guest's file systems; resolves with their number. While frozen the agent refuses most commands. */
  freeze(options: CallOptions = {}): Promise<number> {
    return this.#call("guest-fsfreeze-freeze", undefined, answers.count, {
      timeoutMs: FREEZE_TIMEOUT_MS,
      ...options,
    });
  }

  thaw(options: CallOptions = {}): Promise<number> {
    return this.#call("guest-fsfreeze-thaw", undefined, answers.count, {
      timeoutMs: FREEZE_TIMEOUT_MS,
      ...options,
    });
  }

  /**
   * Asks the guest to shut down. That it does so shows by QMP's SHUTDOWN event, never here: the agent answers only to
   * refuse. Fails when the agent refuses, or when it was never reached.
   */
  async shutdown(mode: "powerdown" | "reboot" = "powerdown", options?: CallOptions): Promise<ShutdownAnswer> {
    const command = "guest-shutdown";
    const outcome = await this.#outcome("answer_on_error", command, { mode }, options?.timeoutMs);
    if (outcome.kind === "value") return "accepted";
    if (outcome.kind === "outcome_unknown" || (outcome.kind === "disconnected" && outcome.sent)) {
      return "no_answer";
    }
    throw this.#failure(command, outcome);
  }

  /** Starts a program in the guest; resolves with its pid there. */
  exec(request: ExecRequest, options?: CallOptions): Promise<number> {
    const args = {
      path: request.path,
      ...(request.args ? { arg: request.args } : {}),
      ...(request.env ? { env: request.env } : {}),
      ...(request.stdin ? { "input-data": request.stdin.toBase64() } : {}),
      "capture-output": true,
    };
    return this.#call("guest-exec", args, answers.execStarted, options);
  }

  /** State of a program that {@link exec} started. The agent forgets it once it has told of its end. */
  execStatus(pid: number, options?: CallOptions): Promise<answers.ExecStatus> {
    return this.#call("guest-exec-status", { pid }, answers.execStatus, options);
  }

  /**
   * Runs a program in the guest to its end. The agent has no event for that end, so it is asked again, at growing
   * distances. `timeoutMs` (default 60,000) over: `outcome_unknown`, and the program goes on in the guest.
   */
  async run(request: ExecRequest, options: ExecWaitOptions = {}): Promise<answers.ExecStatus> {
    const { clock } = this.options;
    const deadline = clock.monotonic() + (options.timeoutMs ?? 60_000);
    const max = options.maxOutputBytes ?? 65536;
    const left = () => Math.max(1, Math.min(AGENT_TIMEOUT_MS, deadline - clock.monotonic()));
    const overdue = () => this.#failure("guest-exec", { kind: "outcome_unknown", why: "timeout" });
    const pid = await this.exec(request, { timeoutMs: left() });
    for (let pause = 20;; pause = Math.min(pause * 2, 1000)) {
      const status = await this.execStatus(pid, { timeoutMs: left() }).catch((error: unknown) => {
        // The program was started: what became of it is unknown, whatever the question about it met.
        throw isNoAnswer(agentErrorOf(error)) ? overdue() : error;
      });
      if (status.exited) return cut(status, max);
      if (clock.monotonic() + pause > deadline) throw overdue();
      await new Promise<void>((resolve) => clock.after(pause, resolve));
    }
  }

  /** Settles every call; the guest goes on. Idempotent. */
  close(): void {
    this.#input({ kind: "close", reason: { kind: "closed" } });
  }

  async #call<T>(
    command: string,
    args: JsonObject | undefined,
    shape: z.ZodType<T>,
    options: CallOptions | undefined,
  ): Promise<T> {
    const value = await this.#request("answer", command, args, options?.timeoutMs);
    const parsed = shape.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const why = `${issue?.path.join(".") || "the answer"}: ${issue?.message}`;
    throw this.#failure(command, { kind: "bad_answer", why });
  }

  async #request(mode: AgentMode, command: string, args?: JsonObject, timeoutMs?: number): Promise<unknown> {
    const outcome = await this.#outcome(mode, command, args, timeoutMs);
    if (outcome.kind === "value") return outcome.value;
    throw this.#failure(command, outcome);
  }

  #outcome(
    mode: AgentMode,
    command: string,
    args: JsonObject | undefined,
    timeoutMs = AGENT_TIMEOUT_MS,
  ): Promise<AgentOutcome> {
    const key = this.#nextKey++;
    return new Promise((settle) => {
      const disarm = this.options.clock.after(
        timeoutMs,
        () => this.#input({ kind: "timeout", key, nonce: this.#nonce() }),
      );
      this.#calls.set(key, { settle, disarm });
      const request = { key, mode, command, ...(args === undefined ? {} : { args }) };
      this.#input({ kind: "request", request, nonce: this.#nonce() });
    });
  }

  #failure(command: string, error: AgentError): AgentFailure {
    return new AgentFailure(command, this.options.guest, error);
  }

  /** A number for the next synchronisation, drawn anew once it was used. */
  #nonce(): number {
    if (this.#drawn === undefined || this.#drawn === this.#lastSync) this.#drawn = this.#draw();
    return this.#drawn;
  }

  /** 48 random bits: exact in a double, and in the agent's int64. */
  #draw(): number {
    return (this.options.random ?? systemRandom).bytes(6).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  async #read(): Promise<void> {
    const framer = new Framer(MAX_AGENT_MESSAGE);
    const buffer = new Uint8Array(65536);
    try {
      while (!this.#state.closed) {
        const n = await this.stream.read(buffer);
        if (n === null) break;
        for (const item of framer.feed(buffer.subarray(0, n))) {
          if (this.#state.closed) break;
          if (item.kind === "resync") continue;
          this.#input({ ...item, nonce: this.#nonce() });
        }
      }
      this.#input({ kind: "close", reason: { kind: "ended" } });
    } catch (error) {
      this.#input({ kind: "close", reason: endedBy(error) });
    }
  }

  /** Inputs queue while outputs are carried out, as in the QMP client. */
  #input(input: AgentInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
        const { state, outputs } = agentStep(this.#state, next);
        this.#state = state;
        this.#lastSync = state.syncId ?? this.#lastSync;
        for (const output of outputs) this.#carryOut(output);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(output: AgentOutput): void {
    switch (output.kind) {
      case "send":
        return this.#send(output.bytes);
      case "settle": {
        const call = this.#calls.get(output.request.key);
        this.#calls.delete(output.request.key);
        call?.disarm();
        return call?.settle(output.outcome);
      }
      case "stray":
        return quietly(() => this.options.onStray?.(output.what));
      case "closed":
        this.stream.close();
        this.#closing.resolve(output.reason);
        return quietly(() => this.options.onClosed?.(output.reason));
      default:
        return unreachable(output);
    }
  }

  #send(bytes: Uint8Array): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#state.closed) return;
      // A write that fails means that the other side is gone; reading ends by itself then.
      await this.stream.write(bytes).catch(() => {});
    });
  }
}

function cut(status: answers.ExecStatus, max: number): answers.ExecStatus {
  const truncated = status.truncated || status.stdout.length > max || status.stderr.length > max;
  return { ...status, truncated, stdout: status.stdout.slice(0, max), stderr: status.stderr.slice(0, max) };
}

function isNoAnswer(error: AgentError | undefined): boolean {
  return error?.kind === "unresponsive" || error?.kind === "outcome_unknown";
}

/** What a listener throws is its own affair. */
function quietly(listener: () => void): void {
  try {
    listener();
  } catch { /* see above */ }
}

function endedBy(error: unknown): AgentCloseReason {
  if (!(error instanceof Error)) return { kind: "broken", message: String(error) };
  return error.name === "ConnectionReset" ? { kind: "ended" } : { kind: "broken", message: error.message };
}
