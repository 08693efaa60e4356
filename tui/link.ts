/**
 * The connection to the supervisor: events and figures as messages for as long as somebody answers, and then again and again
 * until somebody does. What wakes a new attempt is a change in the socket's folder; a growing pause stands in where there is none.
 */
import type { LiveSample } from "../src/actions/live_views.ts";
import type { ActionId } from "../src/actions/table.ts";
import type { LoggedEvent } from "../src/audit/log.ts";
import { fail, problemOf } from "../src/core/problem.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Message } from "./messages.ts";
import { cleanAll } from "./text.ts";

/** What is used of the client of the control API. */
export interface Api {
  perform<T>(
    action: ActionId,
    params?: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<T>;
  events(vm: string | undefined, signal: AbortSignal): Promise<AsyncIterable<LoggedEvent>>;
  live(signal: AbortSignal): Promise<AsyncIterable<LiveSample>>;
  serial(vm: string, signal: AbortSignal): Promise<AsyncIterable<string>>;
  close(): void;
}

export interface LinkPorts {
  readonly clock: Clock;
  /** A client of a supervisor that answers; with `start` one is started where there is none. */
  readonly connect: (start: boolean) => Promise<Api>;
  /** Calls back when something has changed where the socket is; the returned function ends it. */
  readonly watch: (changed: () => void) => () => void;
}

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** A supervisor sends figures each second; one that has sent none for so long has hung. */
const SILENCE_MS = 15_000;

export class Link {
  /** The client, while somebody answers. */
  api: Api | undefined;
  #ended = new AbortController();
  #wake = () => {};
  #mayStart = true;

  constructor(readonly ports: LinkPorts, readonly dispatch: (message: Message) => void) {}

  /** Until {@link stop}. Never rejects. */
  async run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#ended.signal.aborted) {
      let why = "the supervisor has ended";
      try {
        const api = await this.ports.connect(this.#mayStart);
        this.#mayStart = false; // one that is stopped on purpose stays so, until it is asked for
        await this.#follow(api, () => pause = FIRST_PAUSE_MS);
      } catch (error) {
        why = problemOf(error).message;
      }
      if (this.#ended.signal.aborted) return;
      this.dispatch({ type: "lost", now: this.ports.clock.now(), why: cleanAll(why) });
      await this.#pause(pause);
      pause = Math.min(MAX_PAUSE_MS, pause * 2);
    }
  }

  /** Tries at once, and starts a supervisor where there is none. */
  reconnect(): void {
    this.#mayStart = true;
    this.#wake();
  }

  stop(): void {
    this.#ended.abort();
    this.#wake();
  }

  /** Resolves when one of the streams has ended, or nothing came for too long. */
  async #follow(api: Api, connected: () => void): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#ended.signal]);
    let cancelWatch = () => {};
    let isSilent = false;
    const heard = () => {
      cancelWatch();
      cancelWatch = this.ports.clock.after(SILENCE_MS, () => {
        isSilent = true;
        over.abort();
      });
    };
    try {
      heard();
      const events = await api.events(undefined, signal);
      const live = await api.live(signal);
      this.api = api;
      connected();
      this.dispatch({ type: "connected", now: this.ports.clock.now() });
      await Promise.race([
        each(events, (event) => this.dispatch({ type: "event", event: cleanAll(event) })),
        each(live, (sample) => {
          heard();
          this.dispatch({ type: "live", sample });
        }),
      ]);
      if (isSilent) fail("outcome_unknown", `the supervisor has said nothing for ${SILENCE_MS / 1000} s`);
    } finally {
      cancelWatch();
      over.abort();
      this.api = undefined;
      api.close();
    }
  }

  /** Until something changes where the socket is, somebody asks for it, or the time is over. */
  async #pause(ms: number): Promise<void> {
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    if (this.#ended.signal.aborted) return;
    const cancel = this.ports.clock.after(ms, woken.resolve);
    const unwatch = this.ports.watch(woken.resolve);
    await woken.promise;
    cancel();
    unwatch();
    this.#wake = () => {};
  }
}

async function each<T>(stream: AsyncIterable<T>, take: (one: T) => void): Promise<void> {
  for await (const one of stream) take(one);
}
