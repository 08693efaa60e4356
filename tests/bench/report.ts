/** The figures as one document, as text, and against the goals: pure. */
import type { HerdReport, Percentiles } from "./herd.ts";
import type { ListReport } from "./list.ts";
import { type Load, LOADS, type Memory } from "./memory.ts";
import type { PolicyReport } from "./policy.ts";
import type { StartReport } from "./start.ts";
import { type Comparison, summarize, type Summary } from "./stats.ts";

export interface Report {
  readonly start: StartReport;
  readonly list: ListReport;
  readonly memory: Readonly<Record<Load, Memory>>;
  readonly policy: PolicyReport;
  readonly herd: HerdReport;
}

export interface Goal {
  readonly what: string;
  readonly unit: "ms" | "MiB" | "%" | "a second";
  /** The most that meets the goal; of a rate the least. */
  readonly limit: number;
  /** Its median is what counts. */
  readonly seen: Summary;
  readonly met: boolean;
}

/** What the product promises; times are differences within pairs. */
export function goalsOf({ start, list, memory, policy, herd }: Report): Goal[] {
  const goal = (what: string, unit: Goal["unit"], limit: number, seen: Summary): Goal => ({
    what,
    unit,
    limit,
    seen,
    met: unit === "a second" ? seen.median >= limit : seen.median <= limit,
  });
  return [
    goal("vm start over the API, beyond the script", "ms", 50, start.api.difference),
    goal("vm start as a command, beyond the script", "ms", 50, start.command.difference),
    goal("vm list --json, beyond an empty program", "ms", 60, list.empty.difference),
    ...LOADS.map((load) => goal(`RSS of the supervisor, ${load}`, "MiB", 90, memory[load].rss)),
    goal("decisions of the policy, one core", "a second", 200_000, policy.decisions),
    goal("load of a policy of 1 MiB, fresh program", "ms", 100, policy.fresh.difference),
    goal("load of a policy of 1 MiB, warm", "ms", 100, policy.warm),
    goal(`status over the API, ${herd.guests} guests`, "ms", 50, herd.status.subject),
    goal(`event from QEMU to a client, p99, ${herd.guests} guests`, "ms", 5, summarize([herd.event.p99])),
    goal(`RSS of the supervisor, ${herd.guests} guests, idle`, "MiB", 120, summarize([herd.idle.rssMib])),
    goal(
      `processor time of the supervisor, ${herd.guests} guests, idle`,
      "%",
      1,
      summarize([herd.idle.cpuPercent]),
    ),
  ];
}

/** For people: every figure as median (min to max), then a line for each goal. */
export function textOf(report: Report): string {
  const { start, list, memory, policy, herd } = report;
  const rows = [
    ["", "subject", "yardstick", "difference", "ratio", "pairs"],
    comparisonRow("vm start, API : script (ms)", start.api),
    comparisonRow("vm start, command : script (ms)", start.command),
    comparisonRow("vm list : empty program (ms)", list.empty),
    list.virsh
      ? comparisonRow("vm list : virsh list (ms)", list.virsh)
      : ["vm list : virsh list", "not measured: virsh is not installed, or its daemon does not run"],
    comparisonRow("policy of 1 MiB : a small one (ms)", policy.fresh),
    comparisonRow(`vm start, ${herd.guests} guests : 1 (ms)`, herd.start),
    comparisonRow(`vm stop --grace 0, ${herd.guests} : 1 (ms)`, herd.stop),
    comparisonRow(`status, API, ${herd.guests} : 1 (ms)`, herd.status),
    comparisonRow(`status, command, ${herd.guests} : 1 (ms)`, herd.statusCommand),
    [],
    [`event from QEMU (ms), ${herd.guests} guests`, "p50", "p99", "", "", "events"],
    percentilesRow("to a client of /v1/events", herd.event),
    percentilesRow("to a client of QEMU's own monitor", herd.monitor),
    [],
    ["policy", "", "", "", "", "rounds"],
    ["decisions a second", figure(policy.decisions, 0), "", "", "", String(policy.decisions.n)],
    [`load of ${policy.bytes} bytes, warm (ms)`, figure(policy.warm), "", "", "", String(policy.warm.n)],
    [],
    ["supervisor (MiB)", "RSS", "PSS", "", "", "starts"],
    ...LOADS.map((load) => {
      const { rss, pss } = memory[load];
      return [load, figure(rss), pss ? figure(pss) : "unknown", "", "", String(rss.n)];
    }),
  ];
  return [columns(rows), "", ...goalsOf(report).map(goalLine), ""].join("\n");
}

function percentilesRow(title: string, { p50, p99, n }: Percentiles): string[] {
  return [title, p50.toFixed(2), p99.toFixed(2), "", "", String(n)];
}

function comparisonRow(title: string, { subject, yardstick, difference, ratio }: Comparison): string[] {
  return [
    title,
    figure(subject),
    figure(yardstick),
    figure(difference),
    figure(ratio, 2),
    String(subject.n),
  ];
}

function figure({ median, min, max }: Summary, digits = 1): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

export function goalLine({ what, unit, limit, seen, met }: Goal): string {
  return `${met ? "met   " : "MISSED"}  ${what}: ${seen.median.toFixed(1)} ${unit}, goal at ${
    unit === "a second" ? "least" : "most"
  } ${limit} ${unit}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const aligned = rows.filter((row) => row.length !== 2); // a remark may be as long as it likes
  const width = (column: number) => Math.max(...aligned.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(width(i))).join("  ").trimEnd()).join("\n");
}
