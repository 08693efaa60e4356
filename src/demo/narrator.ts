/** How the demonstration is told: with a moving line on a terminal, in plain lines without one. */
import type { Output } from "../cli/output.ts";
import { formatDuration } from "../core/units.ts";

export interface Narrator {
  /** Runs one step; `say` tells what it is at. The step's time is shown when it is over. */
  step<T>(title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T>;
  /** Shows what came of it. */
  show(text: string): void;
}

export async function narratorFor(output: Output): Promise<Narrator> {
  return output.terminal.outIsTerminal ? await movingNarrator(output) : plainNarrator(output);
}

function plainNarrator(output: Output): Narrator {
  let count = 0;
  return {
    async step(title, work) {
      const number = String(++count).padStart(2);
      output.print(`[${number}] ${title}`);
      const started = performance.now();
      const result = await work((detail) => output.print(`     ${detail}`));
      output.print(`     done in ${formatDuration(performance.now() - started)}`);
      return result;
    },
    show: (text) => output.print(indent(text, "     | ")),
  };
}

async function movingNarrator(output: Output): Promise<Narrator> {
  const { log, spinner } = await import("../cli/prompts.ts");
  return {
    async step(title, work) {
      const line = spinner();
      const started = performance.now();
      line.start(title);
      try {
        const result = await work((detail) => line.message(`${title}: ${detail}`));
        line.stop(`${title} ${output.style("dim", `(${formatDuration(performance.now() - started)})`)}`);
        return result;
      } catch (error) {
        line.error(title);
        throw error;
      }
    },
    show: (text) => log.message(text),
  };
}

function indent(text: string, by: string): string {
  return text.split("\n").map((line) => `${by}${line}`).join("\n");
}
