// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Makes docs/demo.svg from a real run of the demonstration: script(1) gives it a terminal, a terminal emulator reads what
 * it writes, and the screen is drawn. Usage: picture.ts [--columns N]
 */
import xterm from "@xterm/headless";
import { styledLines } from "./terminal_screen.ts";
import { terminalSvg } from "./terminal_svg.ts";

const COLUMNS = 104;
const ROWS = 200;
const root = new URL("../../", import.meta.url).pathname;

async function main(): Promise<number> {
  const command =
    `stty cols ${COLUMNS} rows ${ROWS}; exec ${root}dist/rayvisor demo --guest-cache ${root}dist/guest`;
  const { code, stdout } = await new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", command, "/dev/null"],
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", NO_COLOR: "" },
    stdin: "null",
    stdout: "piped",
  }).output();
  if (code !== 0) {
    console.error(`picture: the demonstration ended with ${code}`);
    return 1;
  }
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(stdout, resolve));
  const lines = styledLines(terminal);
  terminal.dispose();
  await Deno.writeTextFile(
    `${root}docs/demo.svg`,
    terminalSvg(lines, COLUMNS, "What `rayvisor demo` prints"),
  );
  console.log(`picture: wrote docs/demo.svg, ${lines.length} lines`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
