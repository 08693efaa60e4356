/** What a terminal emulator shows, as runs of one style. */
import type xterm from "@xterm/headless";
import type { StyledText } from "./terminal_svg.ts";

/** The lines of the screen up to the last one that is not empty. */
export function styledLines(terminal: InstanceType<typeof xterm.Terminal>): StyledText[][] {
  const buffer = terminal.buffer.active;
  const lines: StyledText[][] = [];
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y);
    const runs: StyledText[] = [];
    for (let x = 0; line && x < terminal.cols; x++) {
      const cell = line.getCell(x);
      if (!cell || cell.getWidth() === 0) continue;
      const style = {
        color: cell.isFgPalette() && cell.getFgColor() < 16 ? cell.getFgColor() : undefined,
        bold: cell.isBold() !== 0,
        dim: cell.isDim() !== 0,
        inverse: cell.isInverse() !== 0,
      };
      const text = cell.getChars() || " ";
      const last = runs.at(-1);
      if (last && isSame(last, style)) runs[runs.length - 1] = { ...style, text: last.text + text };
      else runs.push({ ...style, text });
    }
    lines.push(runs);
  }
  while (lines.length && lines.at(-1)?.every((run) => run.text.trim() === "")) lines.pop();
  return lines;
}

function isSame(a: Omit<StyledText, "text">, b: Omit<StyledText, "text">): boolean {
  return a.color === b.color && a.bold === b.bold && a.dim === b.dim && a.inverse === b.inverse;
}
