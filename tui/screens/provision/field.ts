/** A line of text that is being typed. Pure. */
import type { Key } from "../../key.ts";
import { textOf } from "../../key.ts";

export interface Field {
  readonly text: string;
  /** Characters before the cursor. */
  readonly at: number;
}

export const EMPTY: Field = { text: "", at: 0 };

/** Longer than any path or key that is asked for. */
const MAX_LENGTH = 4096;

export function fieldOf(text: string): Field {
  return { text, at: [...text].length };
}

/** The field after a key; undefined when it means nothing to it. */
export function edited({ text, at }: Field, key: Key): Field | undefined {
  const characters = [...text];
  const typed = textOf(key);
  if (typed !== undefined) {
    const more = [...typed];
    if (characters.length + more.length > MAX_LENGTH) return { text, at };
    return { text: characters.toSpliced(at, 0, ...more).join(""), at: at + more.length };
  }
  const to = (place: number) => ({ text, at: Math.min(Math.max(place, 0), characters.length) });
  switch ("name" in key ? key.name : "") {
    case "left":
      return to(at - 1);
    case "right":
      return to(at + 1);
    case "home":
    case "ctrl-a":
      return to(0);
    case "end":
    case "ctrl-e":
      return to(characters.length);
    case "backspace":
      return at === 0 ? { text, at } : { text: characters.toSpliced(at - 1, 1).join(""), at: at - 1 };
    case "delete":
      return { text: characters.toSpliced(at, 1).join(""), at };
    case "ctrl-u":
      return { text: characters.slice(at).join(""), at: 0 };
    case "ctrl-k":
      return { text: characters.slice(0, at).join(""), at };
    default:
      return undefined;
  }
}
