/** `rayvisor baseline ...`: cold copies that a guest can be put back to. */
import { actionSpec } from "../../actions/table.ts";
import { type AnyCommand, Command } from "../command.ts";
import type { MakeContext } from "./shared.ts";
import { change } from "./vm.ts";

export function baselineCommand(context: MakeContext): AnyCommand {
  const baseline = new Command("baseline").description("cold copies that a guest can be put back to");
  baseline.command("create <id>").description(actionSpec("baseline.create").summary)
    .option("--name <name>", "what it is called; default win11-gate-clean")
    .action(async (id, options, command) =>
      await change(context(command), "baseline.create", {
        id,
        ...(options.name === undefined ? {} : { name: options.name }),
      })
    );
  return baseline;
}
