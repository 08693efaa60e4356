/** Responses without end: what happens, as it happens, for clients that keep up. */

/** A client that is so far behind is cut off, bytes: it can connect again, while a queue without bound takes all memory. */
const MAX_QUEUED = 1024 * 1024;

export interface Feed {
  /** Queues a piece. A client that is too far behind is cut off. */
  send(bytes: Uint8Array): void;
  /** Queues a piece that makes those before it old: it is left out as long as the client has not taken what is queued. */
  offer(bytes: Uint8Array): void;
  /** Ends the response in good order. */
  end(): void;
}

/** Pieces that may be left out in a row; then nobody reads any more. */
const MAX_SKIPPED = 30;

/**
 * A response that `start` feeds until its returned function is called: exactly once, when the client goes, is cut off, or the
 * feed ends.
 */
export function streamResponse(
  type: string,
  signal: AbortSignal,
  start: (feed: Feed) => () => void,
): Response {
  let finish: (error?: Error) => void = () => {};
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      let stop = () => {};
      let over = false, skipped = 0;
      finish = (error) => {
        if (over) return;
        over = true;
        stop();
        if (error) controller.error(error);
        else controller.close();
      };
      const put = (bytes: Uint8Array) => controller.enqueue(bytes as Uint8Array<ArrayBuffer>); // none is shared
      const room = () => controller.desiredSize ?? 0;
      stop = start({
        send(bytes) {
          if (over) return;
          if (room() <= 0) finish(new Error("the reader is too slow"));
          else put(bytes);
        },
        offer(bytes) {
          if (over) return;
          if (room() < MAX_QUEUED) {
            if (++skipped > MAX_SKIPPED) finish(new Error("nobody reads"));
          } else {
            skipped = 0;
            put(bytes);
          }
        },
        end: () => finish(),
      });
      if (over) stop();
      const gone = () => finish(new Error("the client is gone"));
      if (signal.aborted) gone();
      else signal.addEventListener("abort", gone, { once: true });
    },
    cancel: () => finish(),
  }, { highWaterMark: MAX_QUEUED, size: (bytes) => bytes.length });
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}

/** Makes of each value what goes out, once for all the clients that get it. */
export function onceForAll<T extends object>(make: (value: T) => string): (value: T) => Uint8Array {
  const utf8 = new TextEncoder();
  let last: T | undefined, made = new Uint8Array();
  return (value) => {
    if (value !== last) {
      made = utf8.encode(make(value));
      last = value;
    }
    return made;
  };
}
