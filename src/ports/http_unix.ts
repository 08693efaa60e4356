/**
 * HTTP over a unix socket, both sides. The server is this program's own and not `Deno.serve`, because that one waits for
 * ever for a client that connects and is silent, and ends the program when those have used up the file descriptors.
 */
import { type Handler, HttpConnection, PATIENCE, type Patience } from "./http_connection.ts";

/**
 * The host name in requests. It never resolves: the socket is the destination. Deno asks for a network right on the
 * name of the URL, so the program is given just this one.
 */
export const SOCKET_HOST = "rayvisor.invalid";

/**
 * Connections at once. Each takes a file descriptor, of which a process often has no more than 1024, and a guest needs four.
 * One whose client takes nothing counts until that client goes.
 */
export const MAX_CONNECTIONS = 320;

/** A connection that was silent for so long may be closed for one that comes. */
const SILENT_MS = 500;
/** Longest pause before it is looked again whether there is room. */
const SHORTAGE_MS = 100;

export interface HttpServer {
  /** Connections that are open. */
  readonly connections: number;
  /** Stops listening, lets answers that are under way be sent, and cuts off what is still open after `graceMs`. */
  shutdown(graceMs: number): Promise<void>;
}

export interface ServeOptions {
  readonly maxConnections?: number;
  readonly patience?: Patience;
  readonly silentMs?: number;
}

/** Serves HTTP on a unix socket that is made with mode 0600 (the caller holds the folder 0700 and a umask of 077). */
export function serveUnix(path: string, handler: Handler, options: ServeOptions = {}): HttpServer {
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, 0o600);
  const pool = new Pool(options.maxConnections ?? MAX_CONNECTIONS, options.silentMs ?? SILENT_MS);
  const connection = { handler, patience: options.patience ?? PATIENCE, origin: `http://${SOCKET_HOST}` };
  const accepting = accept(listener, pool, (conn) => new HttpConnection(conn, connection));
  return {
    get connections() {
      return pool.size;
    },
    async shutdown(graceMs) {
      if (pool.stopped) return;
      pool.stop();
      listener.close();
      await accepting;
      await pool.end(graceMs);
    },
  };
}

/** The open connections of a server, a bounded number of them. */
class Pool {
  /** In the order in which they came. */
  readonly #open = new Set<HttpConnection>();
  #changed = Promise.withResolvers<void>();
  #stopped = false;

  constructor(private readonly most: number, private readonly silentMs: number) {}

  get size(): number {
    return this.#open.size;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  add(connection: HttpConnection): void {
    this.#open.add(connection);
    void connection.over.then(() => {
      this.#open.delete(connection);
      this.#change();
    });
  }

  /** Resolves when one more may be accepted: one has ended, or one that was silent long enough has made room. */
  async room(): Promise<void> {
    while (this.#open.size >= this.most && !this.#stopped) await this.makeRoom();
  }

  /** Closes one that waits without a request, one that has never sent any first; or waits until that is possible. */
  async makeRoom(): Promise<void> {
    const now = performance.now();
    const silent = [...this.#open].flatMap((connection) => {
      const { waitsSince, isNew } = connection;
      return waitsSince === undefined ? [] : [{ connection, isNew, left: waitsSince + this.silentMs - now }];
    });
    const ripe = silent.filter(({ left }) => left <= 0);
    const one = ripe.find(({ isNew }) => isNew) ?? ripe[0];
    const changed = this.#changed.promise;
    one?.connection.close();
    const soonest = one ? SHORTAGE_MS : Math.min(SHORTAGE_MS, ...silent.map(({ left }) => left));
    const waited = Promise.withResolvers<void>();
    const timer = setTimeout(waited.resolve, soonest);
    await Promise.race([changed, waited.promise]);
    clearTimeout(timer);
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  stop(): void {
    this.#stopped = true;
    this.#change();
  }

  async end(graceMs: number): Promise<void> {
    const all = [...this.#open];
    for (const connection of all) connection.drain();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      for (const connection of all) connection.close();
      late.resolve();
    }, graceMs);
    await Promise.race([late.promise, Promise.all(all.map(({ over }) => over))]);
    clearTimeout(timer);
  }
}

async function accept(
  listener: Deno.Listener,
  pool: Pool,
  take: (conn: Deno.Conn) => HttpConnection,
): Promise<void> {
  while (true) {
    await pool.room();
    if (pool.stopped) return;
    try {
      pool.add(take(await listener.accept()));
    } catch {
      if (pool.stopped) return;
      await pool.makeRoom(); // no file descriptor is left, or the client has gone before it was taken
    }
  }
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
