/** Lines across the whole width that must not be missed. */
import { Text } from "ink";
import { fit } from "../text.ts";
import { lookOf, marksOf } from "../theme.ts";
import type { Banner } from "../title.ts";
import { usePrefs } from "./say.tsx";

export function Banners({ banners, width }: { readonly banners: readonly Banner[]; readonly width: number }) {
  const prefs = usePrefs();
  return banners.map(({ text, tone }, i) => (
    <Text key={i} wrap="truncate" {...lookOf(tone, prefs)} inverse>
      {fit(` !! ${text}`, width, "left", marksOf(prefs).more)}
    </Text>
  ));
}
