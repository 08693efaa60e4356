/** Command lines to be read: the program, then an option with its value on each line. Pure. */
import type { CommandView } from "../../../src/actions/views.ts";
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import { shellQuote } from "../../../src/core/shell.ts";

export function commandLines(commands: readonly CommandView[]): readonly string[] {
  return commands.flatMap(({ program, args }, i) => {
    const lines = [shellQuote(program)];
    for (const arg of args) {
      const isValue = !arg.startsWith("-") && lines.at(-1)?.startsWith("  -") &&
        !lines.at(-1)?.slice(2).includes(" ");
      if (isValue) lines[lines.length - 1] += ` ${shellQuote(arg)}`;
      else lines.push(`  ${shellQuote(arg)}`);
    }
    const clean = lines.map((line, at) => sanitizeLine(line, 4096) + (at < lines.length - 1 ? " \\" : ""));
    return i === 0 ? clean : ["", ...clean];
  });
}
