/** Text in a tone of the theme. */
import { Text } from "ink";
import { createContext, type ReactNode, useContext } from "react";
import { fitSpans, type Span } from "../line.ts";
import type { Prefs } from "../prefs.ts";
import { lookOf, marksOf, type Tone } from "../theme.ts";
import { fit } from "../text.ts";

export const PLAIN_PREFS: Prefs = {
  color: "full",
  background: "dark",
  unicode: true,
  readOnly: false,
  screenReader: false,
};

/** How things are to be shown; the root component gives it to all below. */
export const PrefsContext = createContext<Prefs>(PLAIN_PREFS);

export function usePrefs(): Prefs {
  return useContext(PrefsContext);
}

/** Text in one tone, cut where there is no more room. */
export function Say({ tone = "plain", children }: { readonly tone?: Tone; readonly children?: ReactNode }) {
  return <Text {...lookOf(tone, usePrefs())} wrap="truncate">{children}</Text>;
}

/** Text in exactly `width` cells, cut with a mark where it is longer. */
export function Cut({ text, width, tone = "plain", align = "left" }: {
  readonly text: string;
  readonly width: number;
  readonly tone?: Tone;
  readonly align?: "left" | "right";
}) {
  const prefs = usePrefs();
  return (
    <Text {...lookOf(tone, prefs)} wrap="truncate">
      {fit(text, width, align, marksOf(prefs).more)}
    </Text>
  );
}

/** One line of spans in exactly `width` cells; the last that fits is cut. With `tone`, all of it is in that tone. */
export function Line({ spans, width, tone }: {
  readonly spans: readonly Span[];
  readonly width: number;
  readonly tone?: Tone;
}) {
  const prefs = usePrefs();
  const mark = marksOf(prefs).more;
  const parts = fitSpans(spans, width, mark);
  return (
    <Text wrap="truncate" {...(tone ? lookOf(tone, prefs) : {})}>
      {parts.map((part, i) =>
        tone || part.tone === "plain"
          ? part.text
          : <Text key={i} {...lookOf(part.tone, prefs)}>{part.text}</Text>
      )}
    </Text>
  );
}
