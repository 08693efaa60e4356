/** What the supervisor counts while it runs: kept in memory, and small however long it does. */
import { type MarkerName, MARKERS } from "../audit/markers.ts";
import type { Histogram } from "./text.ts";

/** Upper bounds of the delays of events, in seconds. */
const DELAYS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;

/** What is counted of a guest's life, and the event that says so. */
const LIFE = {
  starts: "RAYOS_VM:running",
  stops: "RAYOS_VM:stopped",
  crashes: "RAYOS_VM:crash",
} as const;
interface Life extends Record<keyof typeof LIFE, number> {
  /** Starts that policy asked for; no event tells them from others. */
  restarts: number;
}
const DELETED = "RAYOS_VM:delete";

/** What an event has that is counted. */
interface Counted {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class Counters {
  readonly events = new Map<string, number>();
  /** By action, then by outcome. */
  readonly requests = new Map<string, Map<string, number>>();
  readonly refused = { requests: 0, streams: 0 };
  /** Streams that are followed at the moment. */
  streams = 0;
  readonly #lives = new Map<string, Life>();
  readonly #delays = DELAYS_S.map(() => 0);
  #delayCount = 0;
  #delaySum = 0;

  event({ event, fields }: Counted): void {
    add(this.events, nameOf(event));
    const { vm } = fields;
    if (typeof vm !== "string") return;
    if (event === DELETED) this.#lives.delete(vm);
    for (const [what, name] of Object.entries(LIFE)) {
      if (event === name) this.#lifeOf(vm)[what as keyof typeof LIFE]++; // Object.entries forgets the literal types
    }
  }

  /** A guest is started because policy wants it after a crash. */
  restart(vm: string): void {
    this.#lifeOf(vm).restarts++;
  }

  life(vm: string): Readonly<Life> {
    return this.#lives.get(vm) ?? newLife();
  }

  #lifeOf(vm: string): Life {
    const life = this.#lives.get(vm) ?? newLife();
    this.#lives.set(vm, life);
    return life;
  }

  /** `outcome`: `ok`, or the code of the problem; both come from closed lists. */
  request(action: string, outcome: string): void {
    const outcomes = this.requests.get(action) ?? new Map<string, number>();
    add(outcomes, outcome);
    this.requests.set(action, outcomes);
  }

  /** An event of QEMU has been told, `ms` after QEMU's own time of it. A clock that was set back counts as no delay. */
  delay(ms: number): void {
    const seconds = Math.max(0, ms) / 1000;
    this.#delayCount++;
    this.#delaySum += seconds;
    DELAYS_S.forEach((atMost, i) => {
      if (seconds <= atMost) this.#delays[i] = (this.#delays[i] ?? 0) + 1;
    });
  }

  get delays(): Histogram {
    return {
      buckets: DELAYS_S.map((atMost, i) => [atMost, this.#delays[i] ?? 0] as const),
      count: this.#delayCount,
      sum: this.#delaySum,
    };
  }
}

function newLife(): Life {
  return { starts: 0, stops: 0, crashes: 0, restarts: 0 };
}

/** Names with free words behind them are counted without these. */
function nameOf(event: string): string {
  const name = event.split(":", 1)[0] ?? "";
  return "open" in (MARKERS[name as MarkerName] ?? {}) ? name : event; // whatever else it is, it is looked up
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
