/** A small writer of YAML: block mappings and sequences, every scalar in double quotes, so that none is ever read as something else. */

export type YamlValue = string | number | boolean | readonly YamlValue[] | {
  readonly [key: string]: YamlValue;
};

/** A document. Keys are words of ours; texts may be anything that is well-formed Unicode. */
export function yamlDocument(value: { readonly [key: string]: YamlValue }): string {
  return `${lines(value, "").join("\n")}\n`;
}

function lines(value: { readonly [key: string]: YamlValue }, indent: string): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) throw new Error(`${JSON.stringify(key)} is no plain key`);
    return under(`${indent}${key}:`, inner, `${indent}  `);
  });
}

/** `head` with a value behind it, or below it at `indent`. */
function under(head: string, value: YamlValue, indent: string): string[] {
  if (isList(value)) {
    if (value.length === 0) return [`${head} []`];
    // A list of texts is short: one line.
    if (value.every((item) => typeof item === "string")) return [`${head} [${value.map(scalar).join(", ")}]`];
    return [head, ...value.flatMap((item) => listItem(item, indent))];
  }
  if (typeof value !== "object") return [`${head} ${scalar(value)}`];
  return Object.keys(value).length === 0 ? [`${head} {}`] : [head, ...lines(value, indent)];
}

function listItem(item: YamlValue, indent: string): string[] {
  if (typeof item !== "object" || isList(item)) return under(`${indent}-`, item, `${indent}  `);
  const inner = lines(item, `${indent}  `);
  const [first = "{}", ...rest] = inner;
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

function isList(value: YamlValue): value is readonly YamlValue[] {
  return Array.isArray(value);
}

/** What must not stand unescaped in a double-quoted scalar. YAML 1.1, sections 5.1 and 5.7 */
const ESCAPED =
  // deno-lint-ignore no-control-regex
  /["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]/g;

function scalar(value: string | number | boolean | YamlValue): string {
  if (typeof value !== "string") return String(value);
  if (!value.isWellFormed()) throw new Error("a text has half a character");
  const inner = value.replace(ESCAPED, (found) => {
    if (found === '"' || found === "\\") return `\\${found}`;
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${inner}"`;
}
