/** What came of things, one line each. */
import type { Toast } from "../model.ts";
import { marksOf, type Tone } from "../theme.ts";
import { Line, usePrefs } from "./say.tsx";

export function Toasts({ toasts, width }: { readonly toasts: readonly Toast[]; readonly width: number }) {
  const marks = marksOf(usePrefs());
  const looks: Readonly<Record<Toast["tone"], readonly [string, Tone]>> = {
    good: [marks.good, "good"],
    bad: [marks.bad, "bad"],
    plain: ["-", "plain"],
  };
  return toasts.map(({ id, text, tone }) => {
    const [mark, look] = looks[tone];
    return <Line key={id} width={width} spans={[{ text: ` ${mark} ${text}`, tone: look }]} />;
  });
}
