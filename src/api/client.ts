/** Client of the control API: used by the command line and the terminal UI alike. */
import { type ActionId, actionSpec } from "../actions/table.ts";
import type { LiveSample } from "../actions/live_views.ts";
import type { LoggedEvent } from "../audit/log.ts";
import { Failure } from "../core/problem.ts";
import { connectHttpUnix, type HttpClient } from "../ports/http_unix.ts";
import { ownUid } from "../ports/paths.ts";
import { processId } from "../ports/terminal.ts";
import { CLIENT_HEADER, formatClaim } from "./claim.ts";
import { failureOf, SAFE_MODE_HEADER } from "./errors.ts";

export class ApiClient {
  readonly #http: HttpClient;

  /** Called once, with the reason, when an answer says that the supervisor is in safe mode. */
  #onSafeMode: ((reason: string) => void) | undefined;

  /** What this client says of itself to whoever reads the audit trail. */
  readonly #claim: string;

  /** `command`: words of the command that it serves, without arguments. */
  constructor(readonly socket: string, onSafeMode?: (reason: string) => void, command?: string) {
    this.#http = connectHttpUnix(socket);
    this.#onSafeMode = onSafeMode;
    this.#claim = formatClaim({ pid: processId, uid: ownUid(), ...(command ? { command } : {}) });
  }

  /**
   * Performs an action. Failure with the supervisor's own problem when it refuses; `no_supervisor` when nobody listens;
   * `outcome_unknown` when `signal` aborts by time or the connection is lost on the way.
   */
  async perform<T>(
    action: ActionId,
    params: Readonly<Record<string, unknown>> = {},
    signal?: AbortSignal,
  ): Promise<T> {
    const spec = actionSpec(action);
    const { id, ...rest } = params;
    const path = `/v1${spec.path.replace("{id}", encodeURIComponent(String(id)))}`;
    const inBody = spec.method === "POST";
    const query = new URLSearchParams();
    if (!inBody) {
      for (const [key, value] of Object.entries(rest)) if (value !== undefined) query.set(key, String(value));
    }
    const { response, text } = await this.#send(query.size ? `${path}?${query}` : path, {
      method: spec.method,
      ...(inBody ? { body: JSON.stringify(spec.path.includes("{id}") ? rest : params) } : {}),
      ...(signal ? { signal } : {}),
    });
    const body = parseBody(text);
    if (!response.ok) throw failureOf(response.status, body);
    return body as T; // the supervisor is of this same program; its answers are described in actions/views.ts
  }

  /** Events from now on, until `signal` aborts or the supervisor ends. The stream is open when this resolves. */
  async events(vm: string | undefined, signal: AbortSignal): Promise<AsyncIterable<LoggedEvent>> {
    const response = await this.#open(`/v1/events${vm ? `?vm=${encodeURIComponent(vm)}` : ""}`, { signal });
    if (!response.ok || !response.body) throw failureOf(response.status, undefined);
    return parseEvents<LoggedEvent>(response.body, signal);
  }

  /** Figures of all guests, one sample a second, until `signal` aborts or the supervisor ends. The stream is open when this resolves. */
  async live(signal: AbortSignal): Promise<AsyncIterable<LiveSample>> {
    const response = await this.#open("/v1/live", { signal });
    if (!response.ok || !response.body) throw failureOf(response.status, undefined);
    return parseEvents<LiveSample>(response.body, signal);
  }

  /** The guest's serial output as text, the last part first, until it ends or `signal` aborts. Not yet harmless. */
  async serial(vm: string, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const response = await this.#open(`/v1/vms/${encodeURIComponent(vm)}/serial`, { signal });
    if (!response.ok || !response.body) {
      throw failureOf(
        response.status,
        await response.json().catch(() => undefined),
      );
    }
    return textOf(response.body, signal);
  }

  /** Ends the supervisor; resolves when it has closed its socket, by the end of an event stream. */
  async stopped(): Promise<void> {
    const events = await this.events(undefined, new AbortController().signal);
    await this.perform("supervisor.stop");
    for await (const _ of events);
  }

  /** One request and its whole answer. */
  async #send(path: string, init: RequestInit): Promise<{ response: Response; text: string }> {
    try {
      const response = await this.#open(path, init);
      return { response, text: await response.text() };
    } catch (error) {
      throw error instanceof Failure ? error : this.#lost(init, error);
    }
  }

  /** One request whose answer has no end. */
  async #open(path: string, init: RequestInit): Promise<Response> {
    try {
      const response = await this.#http.fetch(path, { ...init, headers: { [CLIENT_HEADER]: this.#claim } });
      const why = response.headers.get(SAFE_MODE_HEADER);
      if (why !== null) {
        this.#onSafeMode?.(decodeURIComponent(why));
        this.#onSafeMode = undefined;
      }
      return response;
    } catch (error) {
      throw this.#lost(init, error);
    }
  }

  /** What a request that got no answer came to. Only a look is harmless: a change may have been carried out. */
  #lost(init: RequestInit, cause: unknown): Failure {
    const hint = "the action may still end well; look with `rayvisor status`";
    if (init.signal?.aborted) {
      const message = "timed out: the supervisor was asked, but has not answered yet";
      return new Failure({ code: "outcome_unknown", message, hint }, { cause });
    }
    if ((init.method ?? "GET") === "GET") {
      const message = `no supervisor answers at ${this.socket}`;
      return new Failure({ code: "no_supervisor", message, hint: "start one with `rayvisor serve`" }, {
        cause,
      });
    }
    const message = `the connection to the supervisor at ${this.socket} was lost before it answered`;
    return new Failure({ code: "outcome_unknown", message, hint }, { cause });
  }

  close(): void {
    this.#http.close();
  }
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* parseEvents<T>(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncIterable<T> {
  let rest = "";
  for await (const text of textOf(body, signal)) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6)) as T; // made by this same program
    }
  }
}

/**
 * The text of a response without end, until it ends, is cut off by the supervisor's end, or `signal` aborts. Aborting
 * the fetch alone does not wake a read that waits for the next piece: the reader is cancelled.
 */
async function* textOf(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncIterable<string> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  const text = new TextDecoder();
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return;
      yield text.decode(value, { stream: true });
    }
  } catch {
    /* cut off: the same as an end */
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
