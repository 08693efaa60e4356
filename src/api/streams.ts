/** Responses without end: what happens, as it happens, for clients that keep up. */
import { concatBytes } from "../core/bytes.ts";

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
  let queue: Uint8Array[] = [], queued = 0, skipped = 0;
  let over: { readonly error?: Error } | undefined;
  let stop = () => {}, wake = () => {};
  const finish = (error?: Error) => {
    if (over) return;
    over = error ? { error } : {};
    if (error) queue = [];
    stop();
    wake();
  };
  const put = (bytes: Uint8Array) => {
    queue.push(bytes);
    queued += bytes.length;
    wake();
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      if (queue.length === 0 && !over) await new Promise<void>((resolve) => wake = resolve);
      if (queue.length > 0) {
        controller.enqueue(concatBytes(queue)); // in one piece: a burst costs one write, not one for each event
        queue = [];
        queued = 0;
      } else if (over?.error) controller.error(over.error);
      else controller.close();
    },
    cancel: () => finish(),
  }, { highWaterMark: 0 });
  stop = start({
    send(bytes) {
      if (over) return;
      if (queued >= MAX_QUEUED) finish(new Error("the reader is too slow"));
      else put(bytes);
    },
    offer(bytes) {
      if (over) return;
      if (queued === 0) {
        skipped = 0;
        put(bytes);
      } else if (++skipped > MAX_SKIPPED) finish(new Error("nobody reads"));
    },
    end: () => finish(),
  });
  if (over) stop();
  const gone = () => finish(new Error("the client is gone"));
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
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
