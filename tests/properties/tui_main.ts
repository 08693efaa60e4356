// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task fuzz:tui`: random keys and random events for minutes. Usage: tui_main.ts [--minutes N] [--seed N]. What breaks a
 * promise is made small and printed with the seed that repeats it; then the exit code is 1.
 */
import fc from "fast-check";
import { steps, walk } from "./tui_walk.ts";

const RUNS = 50;

function flag(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(Deno.args[at + 1]);
  if (!Number.isFinite(value)) throw new RangeError(`--${name} needs a number`);
  return value;
}

const until = performance.now() + flag("minutes", 2) * 60_000;
let seed = flag("seed", Math.floor(Date.now() % 1e9)), count = 0;
while (performance.now() < until) {
  const property = fc.property(steps, fc.boolean(), (all, readOnly) => walk(all, readOnly));
  const found = fc.check(property, { seed, numRuns: RUNS });
  if (found.failed) {
    console.log(fc.defaultReportMessage(found));
    console.log(`BROKEN  seed ${seed}`);
    Deno.exit(1);
  }
  count += RUNS;
  seed++;
}
console.log(`${count} walks of up to 120 steps, nothing broken`);
