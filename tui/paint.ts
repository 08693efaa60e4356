/**
 * Rows as what a terminal is sent: only the lines that look other than before. Pure. A frame is some 40 rows of text; laying it out
 * as a tree of components and composing that cell by cell costs tens of milliseconds, this costs less than one.
 */
import { fitSpans, type Row } from "./line.ts";
import type { Prefs } from "./prefs.ts";
import { lookOf, marksOf } from "./theme.ts";

/** A terminal that knows them draws what is between them at once. Synchronized output, DEC private mode 2026 */
const BEGIN = "\x1b[?2026h", END = "\x1b[?2026l";
const PLAIN = "\x1b[0m", ERASE_TO_END = "\x1b[K", ERASE_SCREEN = "\x1b[2J";

/** The whole terminal while the UI has it: another screen, no cursor, no wrapping, pasted text told from typed one. */
export const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h" + ERASE_SCREEN;
export const LEAVE = PLAIN + "\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";

/** Texts are made harmless where they come in; whatever slips through is no command to the terminal. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

/** One row over `columns` cells, with its looks. */
export function painted(row: Row, columns: number, prefs: Prefs): string {
  const parts = fitSpans(row, columns, marksOf(prefs).more);
  let text = "", look = "";
  for (const part of parts) {
    if (part.text === "") continue;
    const next = lookOf(part.tone, prefs);
    if (next !== look) text += next === "" ? PLAIN : `${look === "" ? "" : PLAIN}\x1b[${next}m`;
    text += part.text.replace(CONTROL, "?");
    look = next;
  }
  if (look !== "") return text + PLAIN;
  const short = text.trimEnd();
  // Behind a line that fills its row nothing is erased: the cursor would still stand on its last cell.
  return short === text ? text : short + ERASE_TO_END;
}

/** What makes a screen that shows `before` show `after`; undefined: what it shows is not known. Empty: nothing is to be sent. */
export function patch(before: readonly string[] | undefined, after: readonly string[]): string {
  let text = before === undefined ? ERASE_SCREEN : "";
  for (const [i, line] of after.entries()) {
    if (line !== before?.[i]) text += `\x1b[${i + 1};1H${line}`;
  }
  return text === "" ? "" : BEGIN + text + END;
}
