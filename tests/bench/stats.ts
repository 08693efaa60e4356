/** Figures of repeated measurements: pure. */

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many measurements there were. */
  readonly n: number;
}

/** Middle value; the mean of the two middle ones when their number is even. Throws on an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError("no values, so no median");
  return (lower + upper) / 2;
}

export function summarize(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), n: values.length };
}

/** Smallest value that at least `percent` of all values do not exceed. Throws on an empty list. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * percent / 100) - 1)];
  if (value === undefined) throw new RangeError("no values, so no percentile");
  return value;
}

/** A program against its yardstick, pair by pair, both taken one right after the other. */
export interface Comparison {
  readonly subject: Summary;
  readonly yardstick: Summary;
  /** Of subject minus yardstick within each pair. */
  readonly difference: Summary;
  /** Of subject over yardstick within each pair. */
  readonly ratio: Summary;
}

/** Throws when the lists differ in length or are empty. */
export function compare(subject: readonly number[], yardstick: readonly number[]): Comparison {
  if (subject.length !== yardstick.length) {
    throw new RangeError(`${subject.length} measurements can't be paired with ${yardstick.length}`);
  }
  const pairs = subject.map((value, i) => [value, yardstick[i] ?? NaN] as const);
  return {
    subject: summarize(subject),
    yardstick: summarize(yardstick),
    difference: summarize(pairs.map(([a, b]) => a - b)),
    ratio: summarize(pairs.map(([a, b]) => a / b)),
  };
}

/**
 * Order in which `count` sides are measured in a round: each round begins one side further on, so that what a side
 * leaves behind (warm caches, dirty pages) does not always meet the same next one.
 */
export function orderOf(round: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (round + i) % count);
}
