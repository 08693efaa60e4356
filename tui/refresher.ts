/** Status and jobs, asked for when something has changed, but never so often that asking is the work. */
import type { Clock } from "../src/ports/clock.ts";

/** Between two answers at least so many times what the last one took, within bounds: it is the supervisor's time too. */
const SHARE = 100;
const MIN_GAP_MS = 80;
const MAX_GAP_MS = 1_000;

export class Refresher {
  #state: "idle" | "asking" | "pause" = "idle";
  #isWanted = false;
  #cancel = () => {};

  /** `fetch` asks and hands on the answer; it must not reject. */
  constructor(readonly clock: Clock, readonly fetch: () => Promise<void>) {}

  /** At once, or as soon as the pause after the one before is over; somebody who waits for it waits for no pause. */
  ask(urgent = false): void {
    this.#isWanted = true;
    if (this.#state === "idle" || (urgent && this.#state === "pause")) void this.#go();
  }

  async #go(): Promise<void> {
    this.#cancel();
    this.#state = "asking";
    this.#isWanted = false;
    const began = this.clock.monotonic();
    await this.fetch();
    const took = this.clock.monotonic() - began;
    const gap = Math.min(MAX_GAP_MS, Math.max(MIN_GAP_MS, took * SHARE));
    this.#state = "pause";
    this.#cancel = this.clock.after(gap, () => {
      this.#state = "idle";
      if (this.#isWanted) void this.#go();
    });
  }

  /** Forgets what is wanted. */
  stop(): void {
    this.#isWanted = false;
    this.#cancel();
    this.#state = "idle";
  }
}
