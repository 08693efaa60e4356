/** A strict reader of Prometheus' text format 0.0.4: throws at the first line that is not of it. */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Page {
  readonly families: readonly { readonly name: string; readonly type: string }[];
  readonly samples: readonly Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = `([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\n"])*)"`;

export function parseMetrics(text: string): Page {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const families: { name: string; type: string }[] = [], samples: Sample[] = [];
  const seen = new Set<string>();
  let helped = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = new RegExp(`^# HELP (${NAME}) .+$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    if (help) helped = help[1] ?? "";
    else if (type) {
      assert.equal(type[1], helped, `help stands before the type: ${line}`);
      assert.ok(!families.some(({ name }) => name === type[1]), `twice: ${line}`);
      families.push({ name: type[1] ?? "", type: type[2] ?? "" });
    } else {
      const sample = sampleOf(line), family = families.at(-1);
      assert.ok(family, `a family stands before its samples: ${line}`);
      const names = family.type === "histogram"
        ? ["_bucket", "_sum", "_count"].map((suffix) => family.name + suffix)
        : [family.name];
      assert.ok(names.includes(sample.name), `${sample.name} stands below ${family.name}`);
      const key = JSON.stringify([sample.name, sample.labels]);
      assert.ok(!seen.has(key), `twice: ${line}`);
      seen.add(key);
      samples.push(sample);
    }
  }
  return { families, samples };
}

function sampleOf(line: string): Sample {
  const [whole, name = "", inside = "", value = ""] =
    new RegExp(`^(${NAME})(?:\\{((?:${LABEL},?)*)\\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$`).exec(line)?.filter(
      (_, i) => i < 3 || i === 5,
    ) ?? [];
  assert.ok(whole !== undefined, `not a line of the format: ${JSON.stringify(line)}`);
  const labels: Record<string, string> = {};
  for (const [, label = "", text = ""] of inside.matchAll(new RegExp(LABEL, "g"))) {
    labels[label] = text.replace(/\\(.)/g, (_, char: string) => char === "n" ? "\n" : char);
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}
