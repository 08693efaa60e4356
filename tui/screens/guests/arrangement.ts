/** Where details stand: by the terminal's size alone, so that nothing moves about when guests come and go. Pure. */
import type { Model } from "../../model.ts";

/** `alone`: the list or the details; `below`: details in two columns under the list; `beside`: to the right of it. */
export type Arrangement = "alone" | "below" | "beside";

/** From this width on the list has all its figures also with details beside it. */
const BESIDE_COLUMNS = 160;
/** From this size on there is room for all figures, and below them for what matters of one guest. */
const BELOW_COLUMNS = 100;
const BELOW_ROWS = 30;

export function arrangementOf({ columns, rows }: Model["size"]): Arrangement {
  if (columns >= BESIDE_COLUMNS) return "beside";
  return columns >= BELOW_COLUMNS && rows >= BELOW_ROWS ? "below" : "alone";
}

/** Whether details of the guest that the cursor is on can be seen. */
export function showsDetails({ size, screens }: Model): boolean {
  return screens.guests.details || arrangementOf(size) !== "alone";
}

/** Rows of the shell around a screen: title, tabs, a blank one, keys. */
const SHELL_ROWS = 4;
const MIN_BELOW = 14;
const MAX_BELOW = 20;

/** Rows of the list where details stand below it. Banners and toasts take theirs from the details: the list stays where it is. */
export function listHeight(size: Model["size"]): number {
  const rows = size.rows - SHELL_ROWS;
  return rows - Math.min(MAX_BELOW, Math.max(MIN_BELOW, Math.floor(rows / 2)));
}

/** From this width on details have two columns where they have the screen to themselves. */
export const PAIRED_COLUMNS = 100;
