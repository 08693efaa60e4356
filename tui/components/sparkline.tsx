/** The last figures as a line of bars. */
import { sparkline } from "../sparkline.ts";
import type { Tone } from "../theme.ts";
import { Say, usePrefs } from "./say.tsx";

/** `max`: the value of a full bar; absent: the largest that is shown. */
export function Sparkline({ values, width, max, tone = "accent" }: {
  readonly values: readonly number[];
  readonly width: number;
  readonly max?: number;
  readonly tone?: Tone;
}) {
  return <Say tone={tone}>{sparkline(values, width, usePrefs(), max)}</Say>;
}
