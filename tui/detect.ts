/** How things are to be shown, from the environment and the flags. Pure. */
import type { TuiFlags } from "../src/cli/commands/tui.ts";
import type { Prefs } from "./prefs.ts";

export type Environment = (name: string) => string | undefined;

export function prefsFrom(env: Environment, flags: TuiFlags): Prefs {
  const term = env("TERM") ?? "";
  // vt100 and vt220 have no colours; COLORTERM says that a terminal has, whatever its name.
  const hasNone = /^(dumb|vt\d+|.*-mono|.*-m)$/.test(term) && env("COLORTERM") === undefined;
  return {
    color: flags.mono || hasNone || env("NO_COLOR") !== undefined ? "none" : "full",
    background: backgroundOf(env("COLORFGBG")),
    unicode: !flags.ascii && isUtf8(env) && term !== "dumb" && term !== "linux-m",
    readOnly: flags.readOnly,
    screenReader: flags.screenReader,
  };
}

/** `15;0`, `0;default;15`: the last number is the background's, of the 16 colours. Dark where nothing is said. */
function backgroundOf(said: string | undefined): Prefs["background"] {
  const last = Number(said?.split(";").at(-1) ?? NaN);
  return last === 7 || (last >= 9 && last <= 15) ? "light" : "dark";
}

/** By the first of the variables that is set, as locale(7) has it. */
function isUtf8(env: Environment): boolean {
  const locale = env("LC_ALL") ?? env("LC_CTYPE") ?? env("LANG") ?? "";
  return /utf-?8/i.test(locale);
}
