/** Bounds on what is under way for clients, so that no number of them takes the supervisor's memory or its time. */
import type { Problem } from "../core/problem.ts";

/** Requests being carried out; whoever waits for a guest's readiness holds one all the time. */
export const MAX_REQUESTS = 128;
/** So many more for what takes something away or ends it: a kill must get through. */
export const MAX_URGENT = 16;
/** Streams being followed. */
export const MAX_STREAMS = 64;
/** Bodies being received, which a client may be slow with; fewer than connections, so that others can still look. */
export const MAX_BODIES = 192;

type Kind = "requests" | "urgent" | "streams" | "bodies";

const MOST: Readonly<Record<Kind, number>> = {
  requests: MAX_REQUESTS,
  urgent: MAX_REQUESTS + MAX_URGENT,
  streams: MAX_STREAMS,
  bodies: MAX_BODIES,
};

export class Gate {
  readonly #under = { requests: 0, streams: 0, bodies: 0 };

  /** Lets one more in; the returned function, to be called once, lets it out. Undefined when there are too many. */
  enter(kind: Kind): (() => void) | undefined {
    const room = kind === "urgent" ? "requests" : kind;
    if (this.#under[room] >= MOST[kind]) return undefined;
    this.#under[room]++;
    return () => void this.#under[room]--;
  }
}

/** What a client is told that is not let in. */
export function tooMany(kind: Kind): Problem {
  const what = kind === "streams" ? "streams are followed" : "requests are under way";
  return {
    code: "busy",
    message: `the supervisor is busy: ${MOST[kind]} ${what} already; nothing was done`,
    hint: "try again in a moment",
  };
}
