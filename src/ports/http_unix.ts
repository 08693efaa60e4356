/** HTTP over a unix socket, both sides. */

/**
 * The host name in requests. It never resolves: the socket is the destination. Deno asks for a network right on the
 * name of the URL, so the program is given just this one.
 */
export const SOCKET_HOST = "rayvisor.invalid";

export interface HttpServer {
  readonly finished: Promise<void>;
  /** Stops listening, lets answers that are under way be sent, and cuts off what is still open after `graceMs`. */
  shutdown(graceMs: number): Promise<void>;
}

/** Serves HTTP on a unix socket that is made with mode 0600 (the caller holds the folder 0700 and a umask of 077). */
export function serveUnix(
  path: string,
  handler: (request: Request) => Response | Promise<Response>,
): HttpServer {
  const abort = new AbortController();
  const server = Deno.serve({ path, signal: abort.signal, onListen() {} }, handler);
  Deno.chmodSync(path, 0o600);
  return {
    finished: server.finished,
    async shutdown(graceMs) {
      const timer = setTimeout(() => abort.abort(), graceMs);
      await server.shutdown();
      clearTimeout(timer);
    },
  };
}

export interface HttpClient {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  close(): void;
}

/** A client whose every request goes to one unix socket. */
export function connectHttpUnix(socket: string): HttpClient {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  return {
    fetch: (path, init) => fetch(`http://${SOCKET_HOST}${path}`, { ...init, client }),
    close: () => client.close(),
  };
}
