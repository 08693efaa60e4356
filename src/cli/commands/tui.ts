/** `rayvisor tui`: the terminal UI, which is handed in, because nothing here may know it. */
import { fail } from "../../core/problem.ts";
import type { Terminal } from "../../ports/terminal.ts";
import { type AnyCommand, Command, ExitWith } from "../command.ts";
import type { Context } from "../context.ts";
import type { MakeContext } from "./shared.ts";

export interface TuiFlags {
  readonly readOnly: boolean;
  readonly screenReader: boolean;
  /** No colours. */
  readonly mono: boolean;
  /** Nothing but ASCII. */
  readonly ascii: boolean;
  /** Hides the presented guest when the UI ends, however it ends. */
  readonly hideOnExit: boolean;
}

/** Opens the UI; gives the exit code. */
export type OpenTui = (context: Context, flags: TuiFlags) => Promise<number>;

export function tuiCommand(context: MakeContext, terminal: Terminal, open: OpenTui | undefined): AnyCommand {
  return new Command("tui").description("the terminal UI; also opened by `rayvisor` alone on a terminal")
    .option("--read-only", "nothing can be changed")
    .option("--screen-reader", "lines in reading order, no frames")
    .option("--mono", "no colours; also with NO_COLOR set or --no-color")
    .option("--ascii", "nothing but ASCII; also where the locale is not UTF-8")
    .option("--hide-on-exit", "hide the presented guest when the UI ends, also when the connection is cut")
    .action(async (options, command) => {
      const c = context(command);
      if (!isInteractive(terminal) || open === undefined) {
        fail("usage", "the terminal UI needs a terminal", {
          hint: "for scripts there are commands: see `rayvisor --help`",
        });
      }
      const exitCode = await open(c, {
        readOnly: options.readOnly ?? false,
        screenReader: options.screenReader ?? false,
        mono: (options.mono ?? false) || isColorless(command),
        ascii: options.ascii ?? false,
        hideOnExit: options.hideOnExit ?? false,
      });
      if (exitCode !== 0) throw new ExitWith(exitCode);
    });
}

/** Whether somebody sits at it: both ways are a terminal. */
export function isInteractive(terminal: Terminal): boolean {
  return terminal.inIsTerminal && terminal.outIsTerminal;
}

/** `--no-color`, a flag of the program. */
function isColorless(command: { optsWithGlobals(): object }): boolean {
  const flags = command.optsWithGlobals();
  return "color" in flags && flags.color === false;
}
