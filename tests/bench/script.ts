/** The shell script that a person would write to start the same programs: pure. */
import type { CommandView } from "../../src/actions/views.ts";
import { shellQuote } from "../../src/core/shell.ts";

export interface ScriptPlace {
  /** Data root of the printed command lines. */
  readonly from: string;
  /** What takes its place. */
  readonly to: string;
  /** Socket that swtpm makes, in the new place. */
  readonly tpmSocket: string;
}

/**
 * Starts the commands in their order, the last one (QEMU) without `-S`, and ends when they all have. In front of it stands
 * swtpm; its socket is looked for each millisecond. A SIGTERM ends them. Throws when QEMU's command line has no `-S` to
 * leave out.
 */
export function scriptOf(commands: readonly CommandView[], place: ScriptPlace): string {
  const qemu = commands.at(-1);
  if (!qemu?.args.includes("-S")) throw new Error("the last command line is not that of a QEMU with -S");
  const line = ({ program, args }: CommandView) =>
    [program, ...args].map((word) => shellQuote(word.replaceAll(place.from, place.to))).join(" ");
  const socket = shellQuote(place.tpmSocket);
  return [
    `trap 'kill $pids' TERM`,
    `rm -f ${socket}`,
    ...commands.slice(0, -1).flatMap((command) => [
      `${line(command)} & pids="$pids $!"`,
      `until [ -S ${socket} ]; do sleep 0.001; done`,
    ]),
    `${line({ ...qemu, args: qemu.args.filter((arg) => arg !== "-S") })} & pids="$pids $!"`,
    "wait",
    "",
  ].join("\n");
}
