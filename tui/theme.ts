/** Colours and marks for what is shown. Nothing is told by colour alone: each tone has a mark or a word beside it. */
import type { Prefs } from "./prefs.ts";

export type Tone =
  | "plain"
  | "dim"
  | "strong"
  | "good"
  | "warn"
  | "bad"
  | "accent"
  | "selected"
  | "banner_bad"
  | "banner_warn";

/** Parameters of SGR, the sequence that says how what follows looks. ECMA-48, 8.3.117 */
type Look = string;

const INVERSE = "7";
const DARK: Readonly<Record<Tone, Look>> = {
  plain: "",
  dim: "2",
  strong: "1",
  good: "32",
  warn: "33",
  bad: "1;31",
  accent: "36",
  selected: INVERSE,
  banner_bad: `1;31;${INVERSE}`,
  banner_warn: `33;${INVERSE}`,
};
const LIGHT: Readonly<Record<Tone, Look>> = {
  ...DARK,
  warn: "35",
  accent: "34",
  banner_warn: `35;${INVERSE}`,
};
const NONE: Readonly<Record<Tone, Look>> = {
  plain: "",
  dim: "",
  strong: "1",
  good: "",
  warn: "1",
  bad: "1",
  accent: "",
  selected: INVERSE,
  banner_bad: `1;${INVERSE}`,
  banner_warn: `1;${INVERSE}`,
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
      up: "▴",
      down: "▾",
      good: "✓",
      warn: "!",
      bad: "✗",
      // The highest leaves a little room: pictures in rows one below the other stay apart.
      bars: "▁▂▃▄▅▆▇",
    }
    : {
      on: "*",
      off: "-",
      marked: "x",
      more: "~",
      cursor: ">",
      up: "^",
      down: "v",
      good: "+",
      warn: "!",
      bad: "x",
      bars: "_.-=+*#",
    };
}
