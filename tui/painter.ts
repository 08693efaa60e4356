/**
 * When a frame is drawn: after a key or the first answer at once, otherwise at most 4 times a second, and never when nothing has
 * changed. Nobody reads faster.
 */
import type { Clock } from "../src/ports/clock.ts";

export const FRAME_MS = 250;

export class Painter {
  #last = -Infinity;
  #cancel: (() => void) | undefined;
  #isDue = false;
  #isOver = false;

  constructor(readonly clock: Clock, readonly paint: () => void) {}

  request(urgent: boolean): void {
    if (this.#isOver) return;
    const wait = urgent ? 0 : this.#last + FRAME_MS - this.clock.monotonic();
    if (wait <= 0) return this.#soon();
    if (this.#cancel !== undefined || this.#isDue) return;
    this.#cancel = this.clock.after(wait, () => this.#now());
  }

  /** No frame is drawn any more. */
  stop(): void {
    this.#isOver = true;
    this.#isDue = false;
    this.#cancel?.();
  }

  /** After all that happens in this turn of the event loop: several changes are one frame. */
  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      if (this.#isDue) this.#now();
    });
  }

  #now(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#isDue = false;
    this.#last = this.clock.monotonic();
    this.paint();
  }
}
