/** Keys by one name each: what a terminal sends and what tables of keys name. */
import { sanitizeText } from "../src/core/sanitize.ts";

/**
 * A character as it is (`a`, `A`, `/`), or `enter`, `esc`, `tab`, `shift-tab`, `space`, `backspace`, `delete`, `up`, `down`,
 * `left`, `right`, `home`, `end`, `page-up`, `page-down`, `ctrl-a` ... `ctrl-z`. Text that was pasted comes as one.
 */
export type Key = { readonly name: string } | { readonly text: string };

export function named(name: string): Key {
  return { name };
}

/** The name of a key; undefined for pasted text. */
export function nameOf(key: Key): string | undefined {
  return "name" in key ? key.name : undefined;
}

/**
 * What a key types, as one line that can be laid out: pasted text may have in it whatever a terminal obeys. Undefined for a key
 * that types nothing.
 */
export function textOf(key: Key): string | undefined {
  const exact = exactTextOf(key);
  return exact && sanitizeText(exact).replace(/\n+$/, "").replace(/[\n\t]+/g, " ");
}

/** As it came: for what is never shown, and must not be changed. */
export function exactTextOf(key: Key): string | undefined {
  if ("text" in key) return key.text;
  if (key.name === "space") return " ";
  return [...key.name].length === 1 ? key.name : undefined;
}
