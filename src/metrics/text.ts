/** Prometheus' text format, version 0.0.4: pure. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { type LabelsOf, METRIC_NAMES, type MetricName, metricSpec } from "./table.ts";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One line: a metric's value for one set of labels. */
interface Measured {
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** How often something took how long. */
export interface Histogram {
  /** Upper bounds of the buckets, rising, and how many were at most that. */
  readonly buckets: readonly (readonly [atMost: number, count: number])[];
  readonly count: number;
  readonly sum: number;
}

export class MetricsPage {
  readonly #measured = new Map<MetricName, Measured[]>();

  /** Adds a value; nothing when it is not known. */
  add<N extends MetricName>(name: N, value: number | boolean | null | undefined, labels: LabelsOf<N>): void {
    if (value === null || value === undefined) return;
    this.#put(name, { suffix: "", labels, value: Number(value) });
  }

  histogram(name: MetricName, { buckets, count, sum }: Histogram): void {
    for (const [atMost, value] of buckets) {
      this.#put(name, { suffix: "_bucket", labels: { le: String(atMost) }, value });
    }
    this.#put(name, { suffix: "_bucket", labels: { le: "+Inf" }, value: count });
    this.#put(name, { suffix: "_sum", labels: {}, value: sum });
    this.#put(name, { suffix: "_count", labels: {}, value: count });
  }

  #put(name: MetricName, measured: Measured): void {
    const all = this.#measured.get(name);
    if (all) all.push(measured);
    else this.#measured.set(name, [measured]);
  }

  /** The page, in the order of the table. */
  text(): string {
    return METRIC_NAMES.map((name) => {
      const { type, help } = metricSpec(name);
      const lines = (this.#measured.get(name) ?? []).map(({ suffix, labels, value }) =>
        `${name}${suffix}${labelsText(labels)} ${value}\n`
      );
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    }).join("");
  }
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A carriage return or a lone surrogate is legal in neither a line nor UTF-8, whatever the format says. */
function escapeLabel(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    .replaceAll("\r", "\\\\r");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
