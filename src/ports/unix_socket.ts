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
 * Connects to a socket that another process is about to make: waits for the folder to change (inotify), not for a time
 * to pass. Between bind(2) and listen(2) of the other side a connect is refused; that gap of microseconds has no event,
 * so a refusal is tried again. Failure `outcome_unknown` after `timeoutMs`; the reason of `signal` when it aborts (for
 * example because the other process died).
 */
export async function connectWhenReady(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ByteStream> {
  checkSocketPath(path);
  using watcher = Deno.watchFs(dirname(path), { recursive: false });
  const stop = () => {
    try {
      watcher.close();
    } catch { /* closed already */ }
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const events = watcher[Symbol.asyncIterator]();
    while (true) {
      signal?.throwIfAborted();
      if (timedOut) fail("outcome_unknown", `${path} did not appear within ${timeoutMs / 1000} s`, { path });
      try {
        return await connectUnix(path);
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused && await exists(path)) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          continue;
        }
        if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)) {
          throw error;
        }
      }
      if ((await events.next()).done) continue; // stopped: the checks above say why
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stop();
  }
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
