/** The last line of the frame. */
import { footerSpans } from "../footer.ts";
import type { Model } from "../model.ts";
import type { AllScreens } from "../screens/all.ts";
import { Line } from "./say.tsx";

export function Footer({ model, screens, width }: {
  readonly model: Model;
  readonly screens: AllScreens;
  readonly width: number;
}) {
  return <Line spans={footerSpans(model, screens, width)} width={width} />;
}
