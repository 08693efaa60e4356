/**
 * A clock that stands still until a test moves it. It shows what no real clock can: a time-out that fires exactly
 * between two messages, and an hour that passes at once.
 */
import type { Clock } from "../../src/ports/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get armed(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms` and fires what is due, the earliest first. */
  advance(ms: number): void {
    const until = this.#now + ms;
    while (true) {
      const due = [...this.#timers].filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = until;
  }
}
