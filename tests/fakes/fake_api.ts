/** A supervisor's API that a test holds in its hands: streams that it feeds, answers that it gives. */
import type { LiveSample } from "../../src/actions/live_views.ts";
import type { ActionId } from "../../src/actions/table.ts";
import type { LoggedEvent } from "../../src/audit/log.ts";
import type { Api } from "../../tui/link.ts";

/** A stream that ends when it is told to, or `signal` aborts. */
export class Feed<T> {
  readonly #queue: T[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;

  push(one: T): void {
    this.#queue.push(one);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *read(signal: AbortSignal): AsyncGenerator<T> {
    signal.addEventListener("abort", () => this.end(), { once: true });
    while (true) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}

export class FakeApi implements Api {
  readonly feeds = { events: new Feed<LoggedEvent>(), live: new Feed<LiveSample>() };
  readonly asked: { readonly action: ActionId; readonly params: Readonly<Record<string, unknown>> }[] = [];
  closed = false;

  constructor(readonly answers: Partial<Record<ActionId, () => unknown>> = {}) {}

  perform<T>(action: ActionId, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
    this.asked.push({ action, params });
    return Promise.resolve().then(() => this.answers[action]?.() as T); // a test's own answer
  }
  events(_: string | undefined, signal: AbortSignal): Promise<AsyncIterable<LoggedEvent>> {
    return Promise.resolve(this.feeds.events.read(signal));
  }
  live(signal: AbortSignal): Promise<AsyncIterable<LiveSample>> {
    return Promise.resolve(this.feeds.live.read(signal));
  }
  serial(): Promise<AsyncIterable<string>> {
    return Promise.reject(new Error("no console here"));
  }
  close(): void {
    this.closed = true;
  }
}
