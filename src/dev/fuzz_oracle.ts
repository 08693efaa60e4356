/**
 * A second opinion on a policy that was loaded: another TOML parser reads the text, and every key, type and range is
 * compared with what `docs/policy.md` says in words. Slow and independent on purpose.
 */
import { getStaticTOMLValue, parseTOML } from "toml-positions";
import { schemaKeys } from "../../policy/schema.ts";

const WANTED = new Map(
  schemaKeys().map(([path, { shape }]) => [path, shape.fields ? "a table" : shape.want]),
);

/** Why this text should not have been loaded, or undefined. */
export function faultOfLoaded(text: string, root: string): string | undefined {
  let value: unknown;
  try {
    value = getStaticTOMLValue(parseTOML(text, { tomlVersion: "next" }));
  } catch (error) {
    return `loaded, but another parser refuses it: ${String(error).slice(0, 160)}`;
  }
  return faultOfTable(value, "", root) ??
    (Object(value).version === 0 ? undefined : "loaded without version = 0");
}

function faultOfTable(table: unknown, prefix: string, root: string): string | undefined {
  for (const [key, value] of Object.entries(Object(table) as Record<string, unknown>)) {
    const isNamed = prefix === "profiles." || prefix === "network_profiles.";
    const path = isNamed ? `${prefix}<name>` : `${prefix}${key}`;
    const want = isNamed ? "a table" : WANTED.get(path);
    if (want === undefined) return `loaded with the unknown key ${path}`;
    const fault = faultOfValue(value, want, root);
    if (fault !== undefined) return `loaded with ${path} ${fault}; allowed is ${want}`;
    const inner = Array.isArray(value)
      ? value.map((element) =>
        typeof element === "object" ? faultOfTable(element, `${path}[].`, root) : undefined
      )
      : typeof value === "object"
      ? [faultOfTable(value, `${path}.`, root)]
      : [];
    const first = inner.find((one) => one !== undefined);
    if (first !== undefined) return first;
  }
  return undefined;
}

function faultOfValue(value: unknown, want: string, root: string): string | undefined {
  const range = /^a whole number, (\d+) to (\d+)$/.exec(want);
  if (range) {
    const fits = Number.isSafeInteger(value) && Number(value) >= Number(range[1]) &&
      Number(value) <= Number(range[2]);
    return fits ? undefined : `= ${String(value)}`;
  }
  if (want === "true or false") return typeof value === "boolean" ? undefined : "that is no boolean";
  if (want.startsWith("only ")) {
    return String(value) === want.split(" ")[1] ? undefined : `= ${String(value)}`;
  }
  if (want.startsWith("a table")) {
    return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date)
      ? undefined
      : "that is no table";
  }
  if (want.startsWith("a list")) return Array.isArray(value) ? undefined : "that is no list";
  if (typeof value !== "string") return "that is no text";
  if (want === "a path below the data root") {
    const inside = value.startsWith("/") ? value.startsWith(`${root}/`) : value !== "";
    return inside && !value.split("/").includes("..") ? undefined : `= ${value}`;
  }
  const words = /^"[^"]*"(, "[^"]*")*$/.test(want) ? (JSON.parse(`[${want}]`) as string[]) : undefined; // a list of texts by the test
  return words === undefined || words.includes(value) ? undefined : `= ${value}`;
}
