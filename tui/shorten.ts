/** Long texts of others in little room. Pure. */

/** Where a text can end without its rest. */
const ENDS = [": ", "; ", ". ", ", ", " ("] as const;
const MIN_SHORT = 24;

/** What of a text fits into `most` characters, up to the end of a thought, else of a word; all of it where it does. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const at = Math.max(...ENDS.map((end) => text.lastIndexOf(end, most - 1)));
  const end = at >= MIN_SHORT ? at : text.lastIndexOf(" ", most - 1);
  return text.slice(0, end > 0 ? end : most);
}
