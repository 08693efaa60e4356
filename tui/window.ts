/** Which part of a long list is shown. Pure. */

export interface Window {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** `height` rows of `count` with the row `at` in the middle, as far as the ends allow. */
export function windowAround(count: number, at: number, height: number): Window {
  const shown = Math.max(0, Math.min(count, height));
  const from = Math.max(0, Math.min(count - shown, at - Math.floor(height / 2)));
  return { from, to: from + shown };
}

/** `height` rows from `scroll` on; the last page is full. */
export function windowFrom(count: number, scroll: number, height: number): Window {
  const from = Math.max(0, Math.min(scroll, count - height));
  return { from, to: Math.min(count, from + Math.max(0, height)) };
}
