/** The one place that imports the command-line library, so that another one can take its place. */
export { Command, CommanderError, InvalidArgumentError, Option } from "command";
