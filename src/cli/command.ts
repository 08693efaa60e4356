/** The one place that imports the command-line library, so that another one can take its place. */
import type { CommandUnknownOpts as AnyCommand } from "command";
export type { AnyCommand };
export { Argument, Command, CommanderError, InvalidArgumentError, Option } from "command";

/** Ends a command that has said what it had to say, with an exit code that tells a script how it came out. */
export class ExitWith extends Error {
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}

/** The commands below this one that are for people. */
export function shownCommands(command: AnyCommand): readonly AnyCommand[] {
  const shown = command.createHelp().visibleCommands(command);
  return command.commands.filter((child) => shown.includes(child));
}
