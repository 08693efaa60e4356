/** Composition only: arguments in, exit code out. */
import { main } from "./src/cli/program.ts";
import { systemTerminal } from "./src/ports/terminal.ts";

Deno.umask(0o077); // everything this program makes is its user's alone
Deno.exit(
  await main(Deno.args, systemTerminal, async (context, flags) => {
    const { openTui } = await import("./tui/open.ts"); // loaded for it alone
    return await openTui(context, flags);
  }),
);
