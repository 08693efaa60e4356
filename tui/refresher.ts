/** Status and jobs, asked for when something has changed, but never so often that asking is the work. */
import type { Clock } from "../src/ports/clock.ts";

/** Between two answers at least so many times what the last one took, within bounds. */
const SHARE = 40;
const MIN_GAP_MS = 80;
const MAX_GAP_MS = 1_000;

export class Refresher {
  #isBusy = false;
  #isWanted = false;
  #cancel = () => {};

  /** `fetch` asks and hands on the answer; it must not reject. */
  constructor(readonly clock: Clock, readonly fetch: () => Promise<void>) {}

  /** At once, or as soon as the pause after the one before is over. */
  ask(): void {
    this.#isWanted = true;
    if (!this.#isBusy) void this.#go();
  }

  async #go(): Promise<void> {
    this.#isBusy = true;
    this.#isWanted = false;
    const began = this.clock.monotonic();
    await this.fetch();
    const took = this.clock.monotonic() - began;
    const gap = Math.min(MAX_GAP_MS, Math.max(MIN_GAP_MS, took * SHARE));
    this.#cancel = this.clock.after(gap, () => {
      this.#isBusy = false;
      if (this.#isWanted) void this.#go();
    });
  }

  /** Forgets what is wanted. */
  stop(): void {
    this.#isWanted = false;
    this.#cancel();
    this.#isBusy = false;
  }
}
