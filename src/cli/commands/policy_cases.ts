/** `policy test`: an operator's own cases, tried without a supervisor. Nothing is changed and nobody is asked. */
import { type AnyCommand, Command } from "../command.ts";
import type { MakeContext } from "./shared.ts";

export function policyTestCommand(context: MakeContext): AnyCommand {
  return new Command("test").argument("<files...>")
    .description("try files of cases: a policy, a request, what is expected (docs/policy-cases.md)")
    .option(
      "--policy <file>",
      "policy of the cases that name none; default: that of their file, else the data root's",
    )
    .action(async (files, options, command) => {
      const c = context(command);
      const { tryCaseFiles } = await import("../try_cases.ts");
      await tryCaseFiles(c.output, c.layout, files, options.policy);
    });
}
