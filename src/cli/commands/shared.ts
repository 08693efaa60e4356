/** What the command files share. */
import type { ApiClient } from "../../api/client.ts";
import type { Terminal } from "../../ports/terminal.ts";
import { connect } from "../connect.ts";
import { type Context, contextOf, type GlobalFlags } from "../context.ts";

/** Makes the context of a command from its flags and those of its parents. */
export type MakeContext = (command: RunningCommand) => Context;

/** What is asked of a command of the command line's library. */
interface RunningCommand {
  optsWithGlobals(): object;
  name(): string;
  readonly parent: RunningCommand | null;
}

export function contextMaker(terminal: Terminal): MakeContext {
  // The flags are declared on the program.
  return (command) => contextOf(terminal, command.optsWithGlobals() as GlobalFlags, wordsOf(command));
}

/** `vm start`, without the program's own name. */
function wordsOf(command: RunningCommand): string {
  return command.parent ? `${wordsOf(command.parent)} ${command.name()}`.trim() : "";
}

/** Runs `use` with a client of the supervisor, which is started when there is none. */
export async function withSupervisor<T>(
  context: Context,
  use: (client: ApiClient) => Promise<T>,
): Promise<T> {
  const client = await connect(context);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
