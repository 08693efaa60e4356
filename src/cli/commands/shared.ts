/** What the command files share. */
import type { ApiClient } from "../../api/client.ts";
import type { Terminal } from "../../ports/terminal.ts";
import { connect } from "../connect.ts";
import { type Context, contextOf, type GlobalFlags } from "../context.ts";

/** Makes the context of a command from its flags and those of its parents. */
export type MakeContext = (command: { optsWithGlobals(): object }) => Context;

export function contextMaker(terminal: Terminal): MakeContext {
  return (command) => contextOf(terminal, command.optsWithGlobals() as GlobalFlags); // declared on the program
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
