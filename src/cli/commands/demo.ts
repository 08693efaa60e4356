/** `rayvisor demo`. */
import { fail } from "../../core/problem.ts";
import { envVar, type Terminal } from "../../ports/terminal.ts";
import { type AnyCommand, Command } from "../command.ts";
import type { MakeContext } from "./shared.ts";

export function demoCommand(context: MakeContext, terminal: Terminal): AnyCommand {
  return new Command("demo")
    .description("the whole main job on a throw-away data root with a real small guest, told step by step")
    .option(
      "--guest-cache <dir>",
      "where the test guest's image is kept; default $XDG_CACHE_HOME/rayvisor/guest",
    )
    .option("--keep", "leave data root and supervisor for a look")
    .action(async (options, command) => {
      const c = context(command);
      const { demo } = await import("../../demo/demo.ts");
      await demo(terminal, c, {
        guestCache: options.guestCache ?? defaultCache(),
        keep: options.keep ?? false,
      });
    });
}

function defaultCache(): string {
  const base = envVar("XDG_CACHE_HOME") ?? (envVar("HOME") ? `${envVar("HOME")}/.cache` : undefined);
  return base
    ? `${base}/rayvisor/guest`
    : fail("usage", "neither XDG_CACHE_HOME nor HOME is set: give --guest-cache");
}
