/** What a run of `deno test` came to, read from its output line by line. */

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A test that did not run: it said so by a line `SKIP <test name>: <why>`, or is marked as ignored. */
export interface Skip {
  readonly test: string;
  readonly why: string;
}

const IGNORED = "marked as ignored, without a reason";

/** Reads the lines of one run. A skipped test has printed its line and returned, so Deno counted it as passed. */
export class TestOutput {
  readonly skips: Skip[] = [];
  #summary: { passed: number; failed: number; ignored: number } | undefined;

  line(text: string): void {
    // deno-lint-ignore no-control-regex -- colours of the terminal
    const plain = text.replace(/\x1b\[[0-9;]*m/g, "");
    const skip = /^SKIP (.+?): (.+)$/.exec(plain);
    if (skip?.[1] && skip[2]) this.skips.push({ test: skip[1], why: skip[2] });
    const ignored = /^ *(.+) \.\.\. ignored\b/.exec(plain);
    if (ignored?.[1]) this.skips.push({ test: ignored[1], why: IGNORED });
    const summary =
      /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/
        .exec(plain);
    if (summary) {
      this.#summary = {
        passed: Number(summary[1]),
        failed: Number(summary[2]),
        ignored: Number(summary[3] ?? 0),
      };
    }
  }

  /** The counts, or undefined when the run ended without a summary. */
  counts(): TestCounts | undefined {
    if (!this.#summary) return undefined;
    const { passed, failed, ignored } = this.#summary;
    const returned = this.skips.filter((skip) => skip.why !== IGNORED).length;
    return { passed: passed - returned, failed, skipped: ignored + returned };
  }
}
