/** The figures of the terminal UI as text, against the goals: pure. */
import type { TuiReport } from "./tui.ts";

interface Row {
  readonly what: string;
  readonly seen: number;
  readonly unit: string;
  /** The most that meets the goal; absent: there is none. */
  readonly goal?: number;
  readonly more?: string;
}

export function tuiRows(
  { processor, framesPerSecond, memory, keys, firstPaint, list, firstKey, ...rest }: TuiReport,
): Row[] {
  const [first, half, last] = memory;
  return [
    { what: "processor, of one core", seen: processor.median, unit: "%", goal: 5 },
    { what: "frames a second", seen: framesPerSecond.median, unit: "", goal: 30 },
    { what: "written a second", seen: rest.bytesPerSecond / 1024, unit: "KiB" },
    { what: "status asked for a second", seen: rest.statusPerSecond, unit: "" },
    { what: "memory at the end", seen: last, unit: "MiB", more: `from ${round(first)} over ${round(half)}` },
    {
      what: "key to paint, p95",
      seen: keys.p95,
      unit: "ms",
      goal: 50,
      more: `p50 ${round(keys.p50)} ms, ${keys.n} keys`,
    },
    {
      what: "first paint",
      seen: firstPaint.subject.median,
      unit: "ms",
      goal: 300,
      more: `--version ${round(firstPaint.yardstick.median)} ms, ${
        round(firstPaint.ratio.median)
      } times that`,
    },
    { what: "list of guests", seen: list.median, unit: "ms" },
    { what: "first key answered", seen: firstKey.median, unit: "ms" },
  ];
}

export function tuiText(report: TuiReport): string {
  const { guests, changesPerSecond } = report;
  return [
    `Terminal UI, ${guests} guests, ${changesPerSecond} changes a second:`,
    ...tuiRows(report).map(({ what, seen, unit, goal, more }) => {
      const met = goal === undefined
        ? ""
        : `  goal ${goal} ${unit}`.trimEnd() + (seen <= goal ? "" : "  MISSED");
      return `  ${what.padEnd(28)}${`${round(seen)} ${unit}`.trim().padStart(12)}${met}${
        more ? `  (${more})` : ""
      }`;
    }),
  ].join("\n");
}

function round(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}
