/** JSON values, and one canonical text for each of them. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Whether a parsed value is a JSON object (not null, not an array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Canonical JSON in the manner of RFC 8785: keys sorted by UTF-16 code units, no white space, ECMAScript number and
 * string forms. Members that are `undefined` are left out. Throws a TypeError on what JSON can't hold.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`canonicalJson: ${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((v) => canonicalJson(v === undefined ? null : v)).join(",")}]`;
  }
  if (isObject(value)) {
    const members = Object.keys(value).sort()
      .filter((key) => value[key] !== undefined)
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
    return `{${members.join(",")}}`;
  }
  throw new TypeError(`canonicalJson: a ${typeof value} is not JSON`);
}

// Characters that JSON leaves as they are but that a terminal obeys, that end a line for some programs, or that hide or
// reorder text: DEL and the C1 controls, U+2028 and U+2029, bidi controls, zero-width characters, BOM.
const UNSAFE =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\u{e0001}|[\u{e0020}-\u{e007f}]/gu;

/** The same JSON with every character escaped that a terminal or a reader of lines might take for something else. */
export function escapeUnsafe(json: string): string {
  return json.replace(
    UNSAFE,
    (char) =>
      Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}

/** JSON text on one line that is harmless for a terminal. */
export function jsonLine(value: unknown): string {
  return escapeUnsafe(JSON.stringify(value));
}
