// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Makes docs/demo.svg from a real run of the demonstration: script(1) gives it a terminal, a terminal emulator reads what
 * it writes, and the screen is drawn. Usage: picture.ts [--columns N]
 */
import xterm from "@xterm/headless";
import { type StyledText, terminalSvg } from "./terminal_svg.ts";

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
  const lines = screen(terminal);
  terminal.dispose();
  await Deno.writeTextFile(
    `${root}docs/demo.svg`,
    terminalSvg(lines, COLUMNS, "What `rayvisor demo` prints"),
  );
  console.log(`picture: wrote docs/demo.svg, ${lines.length} lines`);
  return 0;
}

/** The lines of the screen up to the last one that is not empty, as runs of one style. */
function screen(terminal: InstanceType<typeof xterm.Terminal>): StyledText[][] {
  const buffer = terminal.buffer.active;
  const lines: StyledText[][] = [];
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y);
    const runs: StyledText[] = [];
    for (let x = 0; line && x < COLUMNS; x++) {
      const cell = line.getCell(x);
      if (!cell || cell.getWidth() === 0) continue;
      const style = {
        color: cell.isFgPalette() && cell.getFgColor() < 16 ? cell.getFgColor() : undefined,
        bold: cell.isBold() !== 0,
        dim: cell.isDim() !== 0,
      };
      const text = cell.getChars() || " ";
      const last = runs.at(-1);
      if (last && last.color === style.color && last.bold === style.bold && last.dim === style.dim) {
        runs[runs.length - 1] = { ...style, text: last.text + text };
      } else runs.push({ ...style, text });
    }
    lines.push(runs);
  }
  while (lines.length && lines.at(-1)?.every((run) => run.text.trim() === "")) lines.pop();
  return lines;
}

if (import.meta.main) Deno.exit(await main());
