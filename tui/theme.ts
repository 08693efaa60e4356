/** Colours and marks for what is shown. Nothing is told by colour alone: each tone has a mark or a word beside it. */
import type { Prefs } from "./prefs.ts";

export type Tone = "plain" | "dim" | "strong" | "good" | "warn" | "bad" | "accent" | "selected";

/** Properties of Ink's `Text`. */
export interface Look {
  readonly color?: string;
  readonly dimColor?: true;
  readonly bold?: true;
  readonly inverse?: true;
}

const DARK: Readonly<Record<Tone, Look>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  good: { color: "green" },
  warn: { color: "yellow" },
  bad: { color: "red", bold: true },
  accent: { color: "cyan" },
  selected: { inverse: true },
};
const LIGHT: Readonly<Record<Tone, Look>> = {
  ...DARK,
  warn: { color: "magenta" },
  accent: { color: "blue" },
};
const NONE: Readonly<Record<Tone, Look>> = {
  plain: {},
  dim: {},
  strong: { bold: true },
  good: {},
  warn: { bold: true },
  bad: { bold: true },
  accent: {},
  selected: { inverse: true },
};

export function lookOf(tone: Tone, { color, background }: Prefs): Look {
  return (color === "none" ? NONE : background === "light" ? LIGHT : DARK)[tone];
}

/** Marks, plain ASCII where Unicode can't be shown. */
export function marksOf({ unicode }: Prefs) {
  return unicode
    ? {
      on: "●",
      off: "○",
      marked: "✓",
      more: "…",
      cursor: "▸",
      good: "✓",
      warn: "!",
      bad: "✗",
      bars: "▁▂▃▄▅▆▇█",
    }
    : {
      on: "*",
      off: "-",
      marked: "x",
      more: "~",
      cursor: ">",
      good: "+",
      warn: "!",
      bad: "x",
      bars: "_.-=+*#@",
    };
}
