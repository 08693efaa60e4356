/** What the terminal library says of a key, as keys by our names. Pure. */
import { type Key, named } from "./key.ts";

/** The part of Ink's description of a key that is used. */
export interface TerminalKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly home: boolean;
  readonly end: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly tab: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly meta: boolean;
  readonly eventType?: "press" | "repeat" | "release" | undefined;
}

const SPECIAL: readonly (readonly [keyof TerminalKey, string])[] = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "page-up"],
  ["pageDown", "page-down"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "esc"],
  ["backspace", "backspace"],
  ["delete", "delete"],
];

/** The keys of one event; several where a terminal sent several characters at once. */
export function keysOf(input: string, key: TerminalKey): Key[] {
  if (key.eventType === "release") return [];
  const special = SPECIAL.find(([flag]) => key[flag]);
  if (special !== undefined) return [named(special[1])];
  if (key.tab) return [named(key.shift ? "shift-tab" : "tab")];
  if (key.ctrl) return /^[a-z]$/.test(input) ? [named(`ctrl-${input}`)] : [];
  const keys = [...input].flatMap(ofCharacter);
  // Escape and a key right after it look the same as that key with Alt, which no row has.
  return key.meta ? [named("esc"), ...keys] : keys;
}

const CONTROL: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x1b": "esc",
  "\x7f": "backspace",
  "\b": "backspace",
  " ": "space",
};

function ofCharacter(char: string): Key[] {
  const name = CONTROL[char];
  if (name !== undefined) return [named(name)];
  const code = char.codePointAt(0) ?? 0;
  if (code >= 1 && code <= 26) return [named(`ctrl-${String.fromCharCode(code + 96)}`)];
  return code < 32 || (code >= 0x80 && code < 0xa0) ? [] : [named(char)];
}
