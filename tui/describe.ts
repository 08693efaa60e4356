/** An answer of the API as lines for a person. */

const MAX_LINES = 2000;

/** `key: value`, indented by depth; a list of words in one line, texts of several lines as they are. */
export function readable(value: unknown, indent = ""): string[] {
  if (typeof value !== "object" || value === null) return word(value).map((line) => indent + line);
  const entries = Array.isArray(value)
    ? value.map((one): [string, unknown] => ["-", one])
    : Object.entries(value);
  return entries.flatMap(([key, one]) => {
    const name = key === "-" ? "-" : `${key.replaceAll("_", " ")}:`;
    if (Array.isArray(one) && one.every((item) => typeof item !== "object")) {
      return [`${indent}${name} ${one.length === 0 ? "none" : one.map(String).join(" ")}`];
    }
    if (typeof one === "object" && one !== null) return [`${indent}${name}`, ...readable(one, `${indent}  `)];
    const [first = "", ...rest] = word(one);
    return rest.length === 0
      ? [`${indent}${name} ${first}`]
      : [`${indent}${name}`, ...[first, ...rest].map((line) => `${indent}  ${line}`)];
  }).slice(0, MAX_LINES);
}

function word(value: unknown): string[] {
  if (value === null || value === undefined) return ["-"];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  return String(value).split("\n");
}
