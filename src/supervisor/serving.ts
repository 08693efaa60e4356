/** The control socket for as long as the supervisor lives, also when somebody tidies it away. */
import { exists, makeFolder, removeTree } from "../ports/files.ts";
import { type HttpServer, serveUnix } from "../ports/http_unix.ts";
import { watchFolder } from "../ports/watch.ts";

export interface Serving {
  /** Stops listening, lets answers that are under way be sent, and cuts off what is still open after `graceMs`. */
  shutdown(graceMs: number): Promise<void>;
}

/**
 * Serves on `socket` in `folder`; `made` are folders that must be there too. When the socket is removed it is made anew: a
 * supervisor that nobody can reach would hold the data root for ever.
 */
export async function keepServing(
  { folder, socket, made }: { folder: string; socket: string; made: readonly string[] },
  handler: (request: Request) => Response | Promise<Response>,
): Promise<Serving> {
  const servers: HttpServer[] = [];
  let ended = false;
  let unwatch = () => {};
  const begin = async () => {
    for (const path of [folder, ...made]) await makeFolder(path);
    await removeTree(socket); // of a dead supervisor: the lock says that nobody else serves
    if (ended) return;
    servers.push(serveUnix(socket, handler));
    unwatch = watchFolder(folder, () => void look().catch(() => {})); // the disk may do nothing: the next event tries again
  };
  const look = async () => {
    if (ended || await exists(socket)) return;
    unwatch();
    await begin();
  };
  await begin();
  return {
    async shutdown(graceMs) {
      ended = true;
      unwatch();
      await Promise.all(servers.map((server) => server.shutdown(graceMs)));
    },
  };
}
