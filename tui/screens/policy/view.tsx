/** What the screen `policy` shows. */
import type { ReactNode } from "react";
import { Say } from "../../components/say.tsx";
import type { Model } from "../../model.ts";

export function View(
  _: { readonly model: Model; readonly columns: number; readonly rows: number },
): ReactNode {
  return <Say tone="dim">Nothing here yet</Say>;
}
