/** Lines across the whole width: banners, which must not be missed, and toasts, which say what came of things. Pure. */
import type { Row } from "../line.ts";
import type { Toast } from "../model.ts";
import type { Prefs } from "../prefs.ts";
import { fit } from "../text.ts";
import { marksOf, type Tone } from "../theme.ts";
import type { Banner } from "../title.ts";

export function bannerText({ text }: Banner): string {
  return ` !! ${text}`;
}

export function bannerRow(banner: Banner, width: number, prefs: Prefs): Row {
  const tone: Tone = banner.tone === "bad" ? "banner_bad" : "banner_warn";
  return [{ text: fit(bannerText(banner), width, "left", marksOf(prefs).more), tone }];
}

export function toastRow({ text, tone }: Toast, prefs: Prefs): Row {
  const marks = marksOf(prefs);
  const looks: Readonly<Record<Toast["tone"], readonly [string, Tone]>> = {
    good: [marks.good, "good"],
    bad: [marks.bad, "bad"],
    plain: ["-", "plain"],
  };
  const [mark, look] = looks[tone];
  return [{ text: ` ${mark} ${text}`, tone: look }];
}
