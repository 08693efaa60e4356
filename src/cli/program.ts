/** The command line: its tree of commands, and how a failure becomes an exit code. */
import { exitCodeOf, Failure } from "../core/problem.ts";
import { didYouMean } from "../core/suggest.ts";
import { keepNetRights, keepRunRights, type NetGroup, type ProgramGroup } from "../ports/self.ts";
import { envVar, type Terminal } from "../ports/terminal.ts";
import { type AnyCommand, Command, CommanderError, ExitWith, shownCommands } from "./command.ts";
import { auditCommand } from "./commands/audit.ts";
import { completionsCommand } from "./commands/completions.ts";
import { demoCommand } from "./commands/demo.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { eventsCommand, initCommand, serveCommand, statusCommand } from "./commands/host.ts";
import { isoCommand } from "./commands/iso.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { baselineCommand } from "./commands/baseline.ts";
import { provisionCommand } from "./commands/provision.ts";
import { preflightCommand } from "./commands/preflight.ts";
import { netCommand, policyCommand, registryCommand } from "./commands/rules.ts";
import { contextMaker } from "./commands/shared.ts";
import { isInteractive, type OpenTui, tuiCommand } from "./commands/tui.ts";
import { vmCommand } from "./commands/vm.ts";
import { outputOf } from "./context.ts";
import { versionLine } from "../ports/build_info.ts";

const USAGE_EXIT = 2;

/** `openTui` opens the terminal UI; without it there is none. */
export function buildProgram(terminal: Terminal, openTui?: OpenTui): AnyCommand {
  const program = new Command("rayvisor")
    .description("The supervisor of a RayOS host: guests that do what policy allows, and no more.")
    .version(versionLine(), "--version", "print version and base runtime")
    .option("--root <dir>", "data root; default $RAYOS_ROOT, else /var/rayos")
    .option("--json", "one JSON document on standard output (streams: JSON Lines)")
    .option("--quiet", "no remarks on standard error")
    .option("--no-color", "no colours; also with NO_COLOR set")
    .option("--timeout <seconds>", "give up waiting after so long: exit code 6, the outcome is unknown")
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: () => {} });
  const context = contextMaker(terminal);
  const commands = [
    initCommand(context),
    serveCommand(context),
    statusCommand(context),
    tuiCommand(context, terminal, openTui),
    demoCommand(context, terminal),
    preflightCommand(context),
    vmCommand(context),
    jobsCommand(context),
    provisionCommand(context),
    baselineCommand(context),
    netCommand(context),
    policyCommand(context),
    registryCommand(context),
    auditCommand(context),
    eventsCommand(context),
    isoCommand(context),
    completionsCommand(context, () => program),
  ];
  for (const command of commands) program.addCommand(command);
  program.addCommand(gatewayCommand(), { hidden: true });
  program.hook("preAction", (_program, command) => {
    keepRunRights(programsOf(command));
    keepNetRights(netsOf(command));
  });
  configure(program);
  return program;
}

/** The programs that a command starts. Every command may need to start the supervisor; only that one starts guests. */
function programsOf(command: AnyCommand): readonly ProgramGroup[] {
  switch (command.name()) {
    case "serve":
      return ["self", "guests"];
    case "demo":
      return ["self", "testGuest"];
    case "gateway":
      return [];
    case "preflight":
    case "provision":
    case "tui": // its screens look at this host themselves
      return ["self", "preflight"];
    default:
      return ["self"];
  }
}

/** The networks that a command reaches: only the gateway of a guest's network reaches any. */
function netsOf(command: AnyCommand): readonly NetGroup[] {
  return command.name() === "gateway" ? ["internet", "resolvers"] : ["control"];
}

/** Settings that commander does not hand down to commands that were made apart. */
function configure(program: AnyCommand): void {
  const visit = (command: AnyCommand) => {
    command.exitOverride().showSuggestionAfterError(true).copyInheritedSettings(program);
    for (const child of command.commands) visit(child);
  };
  program.exitOverride();
  for (const child of program.commands) visit(child);
}

/** Runs one command line (without the program's name). Returns the exit code of `cli.md`; never throws. */
export async function main(
  args: readonly string[],
  terminal: Terminal,
  openTui?: OpenTui,
): Promise<number> {
  const program = buildProgram(terminal, openTui);
  if (openTui && namesNoCommand(args) && isInteractive(terminal) && envVar("TERM") !== "dumb") {
    return await main([...args, "tui"], terminal, openTui);
  }
  if (args.length === 0) {
    terminal.err(program.helpInformation());
    return USAGE_EXIT;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof ExitWith) return error.exitCode;
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const beforeDash = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
    const output = outputOf(terminal, {
      json: beforeDash.includes("--json"),
      color: !beforeDash.includes("--no-color"),
    });
    if (error instanceof CommanderError) {
      output.failure(usageFailure(error, program, args));
      return USAGE_EXIT;
    }
    const problem = output.failure(error);
    if (envVar("RAYOS_DEBUG") && error instanceof Error) terminal.err(`${error.stack}\n`);
    return exitCodeOf(problem);
  }
}

/** Whether there are global flags at most, and none of those that answer by themselves. */
function namesNoCommand(args: readonly string[]): boolean {
  const withValue = ["--root", "--timeout"];
  return args.every((arg, i) =>
    withValue.includes(arg) || withValue.includes(args[i - 1] ?? "") || arg === "--no-color" ||
    withValue.some((name) => arg.startsWith(`${name}=`))
  );
}

function usageFailure(error: CommanderError, program: AnyCommand, args: readonly string[]): Failure {
  if (error.code === "commander.help") {
    return new Failure({ code: "usage", message: "a command is missing", hint: "see `rayvisor --help`" });
  }
  const message = error.message.replace(/^error: /, "").replace(/\n?\(Did you mean [\s\S]*\)$/, "");
  const near = error.code === "commander.unknownCommand" ? nearCommand(program, args) : undefined;
  const said = /\(Did you mean (.*)\?\)/.exec(error.message)?.[1];
  const suggestion = near ?? said;
  return new Failure({
    code: "usage",
    message,
    hint: suggestion ? `did you mean '${suggestion}'? see \`rayvisor --help\`` : "see `rayvisor --help`",
  });
}

function nearCommand(program: AnyCommand, args: readonly string[]): string | undefined {
  const word = args.find((arg) => !arg.startsWith("-"));
  return word === undefined
    ? undefined
    : didYouMean(word, shownCommands(program).map((command) => command.name()));
}
