/** What a run counts, and how it is told: pure. */
import type { Answer } from "./asks.ts";
import type { Hit } from "./faults.ts";

export interface Slowest {
  readonly ms: number;
  readonly round: number;
}

/** Figures of a run. */
export class Figures {
  rounds = 0;
  /** Findings looked for, all rounds together. */
  checks = 0;
  imagesChecked = 0;
  imagesMended = 0;
  records = 0;
  /** What the trail tells of, and how often. */
  told: ReadonlyMap<string, number> = new Map();
  supervisors = 0;
  slowestRecovery: Slowest = { ms: 0, round: 0 };
  slowestAnswer: Slowest & { readonly action: string } = { ms: 0, round: 0, action: "none" };
  readonly recoveries: number[] = [];
  readonly #answers = new Map<string, Map<string, number>>();
  /** What was said where something could not be done, without what differs each time. */
  readonly #words = new Map<string, number>();
  readonly #hits = new Map<string, { hit: number; miss: number }>();

  answered({ ask, outcome, message, tookMs }: Answer, round: number): void {
    if (["failed", "io", "missing"].includes(outcome)) {
      const words = `${ask.action}, ${outcome}: ${message.replace(/[0-9a-f]{8,}|\d+/g, "N").slice(0, 200)}`;
      this.#words.set(words, (this.#words.get(words) ?? 0) + 1);
    }
    const outcomes = this.#answers.get(ask.action) ?? new Map<string, number>();
    this.#answers.set(ask.action, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
    if (tookMs > this.slowestAnswer.ms) this.slowestAnswer = { ms: tookMs, round, action: ask.action };
  }

  hit({ kind, isMiss }: Hit): void {
    const count = this.#hits.get(kind) ?? { hit: 0, miss: 0 };
    count[isMiss ? "miss" : "hit"]++;
    this.#hits.set(kind, count);
  }

  recovered(ms: number, round: number): void {
    this.recoveries.push(ms);
    if (ms > this.slowestRecovery.ms) this.slowestRecovery = { ms, round };
  }

  text(): string {
    const total = (counts: Iterable<number>) => [...counts].reduce((sum, n) => sum + n, 0);
    const actions = [...this.#answers].sort(byName).map(([action, outcomes]) => [
      action,
      String(total(outcomes.values())),
      [...outcomes].sort((a, b) => b[1] - a[1]).map(([outcome, n]) => `${outcome} ${n}`).join(", "),
    ]);
    const faults = [...this.#hits].sort(byName).map(([kind, { hit, miss }]) => [
      kind,
      String(hit),
      miss > 0 ? `${miss} hit nothing` : "",
    ]);
    const told = [...this.told].sort(byName).map(([what, n]) => [String(n), what.slice(0, 120)]);
    const words = [...this.#words].sort(byName).map(([text, n]) => [String(n), text]);
    const { slowestAnswer, slowestRecovery } = this;
    const median = this.recoveries.toSorted((a, b) => a - b)[Math.floor(this.recoveries.length / 2)] ?? 0;
    const sums = [
      ["rounds", String(this.rounds)],
      ["supervisors started", String(this.supervisors)],
      ["recovery, median", seconds(median)],
      ["recovery, slowest", `${seconds(slowestRecovery.ms)} in round ${slowestRecovery.round}`],
      [
        "answer, slowest",
        `${seconds(slowestAnswer.ms)} to ${slowestAnswer.action} in round ${slowestAnswer.round}`,
      ],
      ["audit records", String(this.records)],
      ["invariants checked", String(this.checks)],
      [
        "images checked",
        `${this.imagesChecked}, of which ${this.imagesMended} had lost clusters after a kill`,
      ],
    ];
    return [
      columns([["action", "asked", "what came of it"], ...actions]),
      columns([["fault", "hit", ""], ...faults]),
      columns([["times", "on record"], ...told]),
      ...(words.length > 0 ? [columns([["times", "what failed"], ...words])] : []),
      columns(sums),
    ].join("\n\n");
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(width(i))).join("  ").trimEnd()).join("\n");
}
