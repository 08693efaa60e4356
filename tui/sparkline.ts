/** Figures as bars, one cell each: pure, so that it can stand in a line with other text. */
import type { Prefs } from "./prefs.ts";
import { marksOf } from "./theme.ts";

/**
 * The newest `width` values, the newest on the right; spaces where there are none yet. `max` is the value of a full bar, by
 * default the largest that is shown. A value above nothing shows at least the lowest bar; nothing shows as a space.
 */
export function sparkline(values: readonly number[], width: number, prefs: Prefs, max?: number): string {
  if (width <= 0) return "";
  const bars = [...marksOf(prefs).bars];
  const shown = values.slice(-width);
  const top = max ?? Math.max(...shown, 0);
  const cells = shown.map((value) => {
    if (!(value > 0) || !(top > 0)) return " ";
    const level = Math.ceil((Math.min(value, top) / top) * bars.length);
    return bars[Math.max(1, level) - 1] ?? " ";
  });
  return cells.join("").padStart(width);
}
