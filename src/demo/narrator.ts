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
  if (output.json) return jsonNarrator(output);
  return output.terminal.outIsTerminal ? await movingNarrator(output) : plainNarrator(output);
}

/** JSON Lines: one for each beginning, detail, result and end. */
function jsonNarrator(output: Output): Narrator {
  let step = 0;
  const say = (what: Record<string, unknown>) =>
    output.terminal.out(JSON.stringify({ step, ...what }) + "\n");
  return {
    async step(title, work) {
      step++;
      say({ begin: title });
      const started = performance.now();
      const result = await work((detail) => say({ detail }));
      say({ end: title, seconds: Math.round(performance.now() - started) / 1000 });
      return result;
    },
    show: (text) => say({ shown: text }),
  };
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
  // A line that wraps can't be drawn over: it is cut to the terminal's width, less the spinner's own signs.
  const fit = (text: string) => sanitizeStyled(text, Math.max(20, output.terminal.columns - 8));
  const show = (text: string) => log.message(text.split("\n").map(fit).join("\n"));
  /** What a step shows comes after the line that ends it. */
  let held: string[] | undefined;
  return {
    async step(title, work) {
      const line = spinner();
      const started = performance.now();
      held = [];
      line.start(title);
      try {
        const result = await work((detail) => line.message(fit(`${title}: ${detail}`)));
        line.stop(`${title} ${output.style("dim", `(${formatDuration(performance.now() - started)})`)}`);
        return result;
      } catch (error) {
        line.error(title);
        throw error;
      } finally {
        for (const text of held) show(text);
        held = undefined;
      }
    },
    show: (text) => held ? void held.push(text) : show(text),
  };
}

/** A styled line cut to `max` visible characters, its styles ended. */
function sanitizeStyled(text: string, max: number): string {
  let visible = 0;
  let cut = "";
  // deno-lint-ignore no-control-regex -- the styles that this program itself sets
  for (const [piece] of text.matchAll(/\x1b\[\d+m|[\s\S]/gu)) {
    if (piece.length > 2 && piece.startsWith("\x1b")) cut += piece;
    else if (++visible < max) cut += piece;
    else return `${cut}…${cut.includes("\x1b") ? "\x1b[0m" : ""}`;
  }
  return cut;
}

function indent(text: string, by: string): string {
  return text.split("\n").map((line) => `${by}${line}`).join("\n");
}
