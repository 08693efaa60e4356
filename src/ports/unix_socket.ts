/** Unix stream sockets, and waiting for one to appear. */
import { fail } from "../core/problem.ts";
import { dirname, exists } from "./files.ts";

/** Longest path that fits `sockaddr_un.sun_path` with its final NUL. unix(7) */
export const MAX_SOCKET_PATH = 107;

/** One end of a connection: bytes both ways. */
export interface ByteStream {
  /** Up to a buffer of bytes, or null at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all of `data`. */
  write(data: Uint8Array): Promise<void>;
  /** Idempotent. */
  close(): void;
}

export function streamOf(conn: Deno.Conn): ByteStream {
  let open = true;
  return {
    read: (buffer) => conn.read(buffer),
    async write(data) {
      for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
    },
    close() {
      if (!open) return;
      open = false;
      try {
        conn.close();
      } catch { /* closed by the other side */ }
    },
  };
}

/** Connects to a socket that is there. Lets Deno's errors through (NotFound, ConnectionRefused). */
export async function connectUnix(path: string): Promise<ByteStream> {
  return streamOf(await Deno.connect({ transport: "unix", path }));
}

/**
 * Waits until `attempt` gives a value, asking it first at once and then each time something changes in `folder`
 * (inotify), not after a time. Failure `outcome_unknown` after `timeoutMs`, naming `what`; the reason of `signal` when
 * that aborts (for example because the process that was to make the file died).
 */
async function whenFolderShows<T>(
  folder: string,
  what: string,
  attempt: () => Promise<T | undefined>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T> {
  const watcher = Deno.watchFs(folder, { recursive: false });
  let timedOut = false;
  const stop = () => {
    try {
      watcher.close();
    } catch { /* closed already */ }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const events = watcher[Symbol.asyncIterator]();
    while (true) {
      signal?.throwIfAborted();
      if (timedOut) {
        fail("outcome_unknown", `${what} did not appear within ${timeoutMs / 1000} s`, { path: what });
      }
      const value = await attempt();
      if (value !== undefined) return value;
      await events.next(); // its end means stopped: the checks above say why
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** Waits until something is at `path`, whose folder must be there. Failures as {@link connectWhenReady}. */
export async function waitForPath(path: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  await whenFolderShows(dirname(path), path, async () => await exists(path) || undefined, timeoutMs, signal);
}

/**
 * Connects to a socket that another process is about to make. Between bind(2) and listen(2) of the other side a
 * connect is refused; that gap of microseconds has no event, so a refusal by a socket that is there is tried again.
 * Failure `outcome_unknown` after `timeoutMs`; the reason of `signal` when that aborts.
 */
export async function connectWhenReady(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ByteStream> {
  checkSocketPath(path);
  const deadline = performance.now() + timeoutMs;
  const attempt = async (): Promise<ByteStream | undefined> => {
    while (performance.now() < deadline && !signal?.aborted) {
      try {
        return await connectUnix(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    return undefined;
  };
  return await whenFolderShows(dirname(path), path, attempt, timeoutMs, signal);
}

/** A socket that waits for its one client. */
export interface OneClientSocket {
  /** The client, once it has connected; the socket is gone from then on. Rejects when the socket is closed before. */
  readonly client: Promise<ByteStream>;
  /** Ends the waiting and removes the socket; a client that is connected stays. Idempotent. */
  close(): void;
}

/**
 * Listens at `path` for one client; what was there before is replaced. Whoever may enter the folder may connect, so it must
 * be a private one. Failure `usage` when the path is too long.
 */
export async function listenForOne(path: string): Promise<OneClientSocket> {
  checkSocketPath(path);
  await Deno.remove(path).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const listener = Deno.listen({ transport: "unix", path });
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    listener.close(); // removes the socket too
  };
  const client = listener.accept().then(streamOf).finally(close);
  client.catch(() => {}); // whoever waits for it hears of it
  return { client, close };
}

/** Failure `usage` when a socket's path would be cut off by the kernel. */
export function checkSocketPath(path: string): void {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MAX_SOCKET_PATH) {
    fail("usage", `socket path is ${bytes} bytes long, the kernel's limit is ${MAX_SOCKET_PATH}: ${path}`, {
      hint: "choose a data root with a shorter path (--root)",
      path,
    });
  }
}
