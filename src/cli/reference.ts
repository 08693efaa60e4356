/** The command line as a page of documentation, made from the tree of commands. */
import { EXIT_OF } from "../core/problem.ts";
import { type AnyCommand, shownCommands } from "./command.ts";

const EXIT_MEANS: Readonly<Record<number, string>> = {
  0: "done",
  1: "failed",
  2: "wrong usage",
  3: "denied by policy",
  4: "no such thing",
  5: "not possible in the present state",
  6: "timed out, outcome unknown",
  7: "something that it needs is missing on this host",
  8: "invalid policy, registry or answer file",
};

export function cliMarkdown(program: AnyCommand): string {
  const lines = [
    "# Command line",
    "",
    "Made from the commands of `src/cli` by `deno task docs`; do not edit.",
    "",
    "Global flags, before or after the command:",
    "",
    ...optionLines(program),
    "",
    "| exit code | meaning | error codes |",
    "|---|---|---|",
    ...Object.entries(EXIT_MEANS).map(([code, means]) =>
      `| ${code} | ${means} | ${codesOf(Number(code)).map((name) => `\`${name}\``).join(" ")} |`
    ),
    "",
  ];
  for (const command of shownCommands(program)) lines.push(...section(command, []));
  return lines.join("\n");
}

function codesOf(exit: number): string[] {
  return Object.entries(EXIT_OF).filter(([, code]) => code === exit).map(([name]) => name);
}

function section(command: AnyCommand, parents: readonly string[]): string[] {
  const path = [...parents, command.name()];
  const usage = command.commands.length ? "<command>" : command.usage().replace(/^\[options\] ?/, "");
  const own = [
    `${"#".repeat(Math.min(4, path.length + 1))} rayvisor ${path.join(" ")}`,
    "",
    `\`rayvisor ${path.join(" ")}${usage ? ` ${usage}` : ""}\`: ${command.description()}`,
    "",
    ...optionLines(command),
    ...(command.options.length ? [""] : []),
  ];
  return [...own, ...command.commands.flatMap((child) => section(child, path))];
}

function optionLines(command: AnyCommand): string[] {
  return command.options.map((option) => {
    const choices = option.argChoices ? ` (${option.argChoices.join(", ")})` : "";
    return `- \`${option.flags}\`: ${option.description}${choices}`;
  });
}
