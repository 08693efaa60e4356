// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Feeds mutated policies and registries to their readers and to the engine. Usage: fuzz.ts [--seconds N] [--inputs N] [--seed N].
 * What breaks a promise is made small and kept below dist/fuzz/; then the exit code is 1.
 */
import { POLICY_TEMPLATE } from "../../policy/template.ts";
import { type Input, Inputs, minimise, probe } from "./fuzz_policy.ts";
import { REGISTRY_SEED } from "./fuzz_seed.ts";

/** An input that takes longer is a hang. */
const SLOW_MS = 100;
const MOST_FINDINGS = 20;

interface Flags {
  readonly seconds: number;
  readonly inputs: number;
  readonly seed: number;
}

async function main(): Promise<number> {
  const flags = flagsOf(Deno.args);
  const folder = new URL("../../dist/fuzz/", import.meta.url);
  const cases = new URL("../../policy/cases/base/", import.meta.url);
  const texts = ["full", "published"].map((name) => Deno.readTextFileSync(new URL(`${name}.toml`, cases)));
  const inputs = new Inputs(
    [...texts, POLICY_TEMPLATE.replace(/^# (?=[a-z_]+ = |\[)/gm, "")],
    REGISTRY_SEED,
    flags.seed,
  );
  const run = new Run();
  const started = performance.now();
  let told = started;
  while (run.count < flags.inputs && performance.now() - started < flags.seconds * 1000) {
    for (let i = 0; i < 500 && run.count < flags.inputs; i++) run.one(inputs.next());
    if (performance.now() - told > 10_000) {
      told = performance.now();
      console.log(run.line(told - started));
    }
    if (run.findings.size >= MOST_FINDINGS) break;
  }
  console.log(`seed ${flags.seed}: ${run.line(performance.now() - started)}`);
  await run.save(folder);
  for (const [what, { bytes }] of run.findings) console.log(`BROKEN  ${what} (${bytes.length} bytes)`);
  return run.findings.size === 0 ? 0 : 1;
}

class Run {
  count = 0;
  private loaded = 0;
  private decisions = 0;
  private readonly counts = { policy: 0, registry: 0 };
  private slowest: { ms: number; input: Input } | undefined;
  readonly findings = new Map<string, Input>();

  one(input: Input): void {
    const start = performance.now();
    const outcome = probe(input, false);
    const ms = performance.now() - start;
    this.count++;
    this.counts[input.target]++;
    this.decisions += outcome.decisions;
    if (outcome.loaded) this.loaded++;
    const slowest = this.slowest?.ms ?? 0;
    const proven = ms > slowest ? Math.min(ms, timeOf(input)) : 0;
    if (proven > slowest) this.slowest = { ms: proven, input };
    if (ms > SLOW_MS && timeOf(input) > SLOW_MS) {
      this.keep(`takes longer than ${SLOW_MS} ms`, input, (shorter) => timeOf(shorter) > SLOW_MS);
    }
    const broken = outcome.broken ?? (outcome.loaded ? probe(input, true).broken : undefined);
    if (broken !== undefined) {
      const kind = kindOf(broken);
      this.keep(broken, input, (shorter) => kindOf(probe(shorter, true).broken ?? "") === kind);
    }
  }

  private keep(what: string, input: Input, same: (input: Input) => boolean): void {
    if ([...this.findings.keys()].some((known) => kindOf(known) === kindOf(what))) return;
    this.findings.set(what, minimise(input, same));
  }

  line(ms: number): string {
    const rate = Math.round(this.count / ms * 1000);
    return `${this.count} inputs (${this.counts.policy} policies, ${this.counts.registry} registries; ${rate}/s), ` +
      `${this.loaded} loaded, ${this.decisions} decisions, slowest ${
        (this.slowest?.ms ?? 0).toFixed(1)
      } ms, ` +
      `${this.findings.size} findings`;
  }

  async save(folder: URL): Promise<void> {
    await Deno.mkdir(folder, { recursive: true });
    const name = ({ target }: Input) => target === "policy" ? "toml" : "json";
    let index = 0;
    for (const input of this.findings.values()) {
      await Deno.writeFile(new URL(`finding-${++index}.${name(input)}`, folder), input.bytes);
    }
    if (!this.slowest) return;
    const { input, ms } = this.slowest;
    // A few milliseconds are the host's noise: only what lasts can be made smaller.
    const small = ms < 20 ? input : minimise(input, (shorter) => timeOf(shorter) > ms / 2);
    await Deno.writeFile(new URL(`slowest.${name(input)}`, folder), small.bytes);
  }
}

/** The best of three: what the input costs, not what else the host did. */
function timeOf(input: Input): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    probe(input, false);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Findings that differ only in names and numbers are one. */
function kindOf(what: string): string {
  return what.replace(/[\d"'`].*$/s, "").slice(0, 60);
}

function flagsOf(args: readonly string[]): Flags {
  const flag = (name: string, otherwise: number) => {
    const at = args.indexOf(`--${name}`);
    const value = at < 0 ? otherwise : Number(args[at + 1]);
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} needs a number`);
    return value;
  };
  const hasInputs = args.includes("--inputs");
  return {
    seconds: flag("seconds", hasInputs ? 86_400 : 60),
    inputs: flag("inputs", Number.MAX_SAFE_INTEGER),
    seed: flag("seed", Math.floor(Date.now() % 1e9)),
  };
}

if (import.meta.main) Deno.exit(await main());
