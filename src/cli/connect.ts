/** From a command to the supervisor of its data root, which is started in the background when there is none. */
import { ApiClient } from "../api/client.ts";
import { EXIT_OF, fail, Failure, type ProblemCode } from "../core/problem.ts";
import { isObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { announceOf, spawnSelf } from "../ports/self.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import { type Context, requireRoot } from "./context.ts";

const START_TIMEOUT_MS = 30_000;

/** Whether a supervisor takes connections on this root. */
export async function isServing(socket: string): Promise<boolean> {
  try {
    (await connectUnix(socket)).close();
    return true;
  } catch {
    return false;
  }
}

/** A client that tells a person when the supervisor is in safe mode. */
function clientOf({ layout, output, command }: Context): ApiClient {
  return new ApiClient(layout.socket, (reason) => {
    if (!output.json) {
      output.note(`${output.style("yellow", "warning:")} safe mode: ${sanitizeLine(reason, 300)}`);
    }
  }, command);
}

/** A client of the supervisor, started in the background when there is none. */
export async function connect(context: Context): Promise<ApiClient> {
  if (!await isServing(context.layout.socket)) {
    await requireRoot(context);
    await startInBackground(context);
  }
  return clientOf(context);
}

/**
 * Starts the supervisor and waits for its word that it takes requests. Gives its pid, or undefined when another command was
 * quicker: that one's supervisor will do.
 */
export async function startInBackground(context: Context): Promise<number | undefined> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (true) {
    const child = spawnSelf(["--root", context.root, "serve", "--foreground", "--announce"]);
    const announced = await announceOf(child, deadline - performance.now());
    const word: unknown = announced === undefined ? undefined : JSON.parse(announced);
    if (isObject(word) && word.ready === true) return child.pid;
    if (await isServing(context.layout.socket)) return undefined;
    const problem = isObject(word) && isObject(word.error) ? word.error : undefined;
    if (performance.now() > deadline) {
      fail("outcome_unknown", `the supervisor was not ready within ${START_TIMEOUT_MS / 1000} s`, {
        hint: `it may still become so; see ${context.layout.rayosLog}`,
      });
    }
    if (problem?.code === "busy") continue; // the one that was quicker has ended meanwhile
    if (problem && typeof problem.code === "string" && problem.code in EXIT_OF) {
      throw new Failure({ ...problem, code: problem.code as ProblemCode, message: String(problem.message) });
    }
    fail("failed", "the supervisor ended before it was ready", {
      hint: "run `rayvisor serve --foreground` to see why",
    });
  }
}
