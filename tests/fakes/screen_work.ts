/** A screen's work outside the API, run by a test: its messages are taken one after the other, as they come. */

export interface RunningWork<M> {
  /** Calls it off, and waits for its end. */
  readonly stop: () => Promise<void>;
  /** The next message that fits; those before it are left out. */
  readonly until: (fits: (message: M) => boolean) => Promise<M>;
}

export function runningWork<M>(
  begin: (send: (message: M) => void, signal: AbortSignal) => Promise<void>,
): RunningWork<M> {
  const stop = new AbortController();
  const waiting: M[] = [];
  let wake = Promise.withResolvers<void>();
  const done = begin((message) => {
    waiting.push(message);
    wake.resolve();
  }, stop.signal);
  return {
    stop: async () => {
      stop.abort();
      await done;
    },
    until: async (fits) => {
      while (true) {
        const message = waiting.shift();
        if (message && fits(message)) return message;
        if (message) continue;
        wake = Promise.withResolvers();
        await wake.promise;
      }
    },
  };
}
