/** A policy's value as TOML in any of the forms that mean the same: order, dotted keys and inline tables vary. */
import { isTable } from "../../src/core/shape.ts";
import type { Choices } from "../../src/dev/fuzz_random.ts";
import type { Value } from "./policy_arbitrary.ts";

const keyText = (key: string) => /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isTable(value)) {
    return `{ ${Object.entries(value).map(([k, v]) => `${keyText(k)} = ${inline(v)}`).join(", ")} }`;
  }
  return JSON.stringify(value);
}

function shuffled<T>(list: readonly T[], choices: Choices): T[] {
  const rest = [...list], made: T[] = [];
  while (rest.length > 0) made.push(...rest.splice(choices.below(rest.length), 1));
  return made;
}

/** The text of a policy. The choices decide its form, never its meaning. */
export function textOf(policy: Value, choices: Choices): string {
  const blocks: string[] = [];
  const lines = (table: Value, path: readonly string[], prefix: string): string[] =>
    shuffled(Object.entries(table), choices).flatMap(([key, value]) => {
      const name = `${prefix}${keyText(key)}`;
      if (!isTable(value)) return [`${name} = ${inline(value)}`];
      // Three forms of a table: inline, dotted keys, a header of its own. Dotted ones can't be mixed with a header.
      const form = choices.below(4);
      if (form === 0) return [`${name} = ${inline(value)}`];
      if (
        form === 1 && Object.keys(value).length > 0 && Object.values(value).every((inner) => !isTable(inner))
      ) {
        return lines(value, path, `${name}.`);
      }
      if (prefix !== "") return [`${name} = ${inline(value)}`];
      const inner = [...path, key];
      const body = lines(value, inner, "");
      blocks.push([`[${inner.map(keyText).join(".")}]`, ...body].join("\n"));
      return [];
    });
  const top = lines(policy, [], "");
  return [top.join("\n"), ...shuffled(blocks, choices)].join(choices.oneIn(2) ? "\n" : "\n\n# x\n") + "\n";
}
