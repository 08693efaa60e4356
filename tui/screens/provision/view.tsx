/** What the screen `provision` shows. */
import type { ReactNode } from "react";
import { Sheet } from "../../components/sheet.tsx";
import type { Model } from "../../model.ts";
import { provisionRows } from "./lines.ts";

export function View({ model, columns, rows }: {
  readonly model: Model;
  readonly columns: number;
  readonly rows: number;
}): ReactNode {
  const shown = provisionRows(model, columns, rows).slice(0, rows).map((spans) => ({ spans }));
  return <Sheet rows={shown} columns={columns} />;
}
