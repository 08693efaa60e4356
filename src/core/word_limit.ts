/** How often something may be said that an untrusted side can cause as often as it likes. Pure but for its own count. */
import type { Instant } from "./time.ts";

/** So many at once, and then one each interval; what is not said is counted. */
export class WordLimit {
  #left: number;
  #since: Instant | undefined;
  #unsaid = 0;

  constructor(private readonly burst: number, private readonly everyMs: number) {
    this.#left = burst;
  }

  /** How many were left unsaid before this one, which may be said; undefined: it may not. */
  take(now: Instant): number | undefined {
    const since = this.#since ?? now;
    const gained = Math.max(0, Math.floor((now - since) / this.everyMs));
    this.#left = Math.min(this.burst, this.#left + gained);
    // A clock that was set back begins anew.
    this.#since = this.#left === this.burst || now < since ? now : since + gained * this.everyMs;
    if (this.#left === 0) {
      this.#unsaid++;
      return undefined;
    }
    this.#left--;
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
}
