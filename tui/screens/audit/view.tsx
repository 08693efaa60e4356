/** The screen `audit`, drawn. What stands in it is in `lines.ts`. */
import { Sheet } from "../../components/sheet.tsx";
import type { Model } from "../../model.ts";
import { auditRows } from "./lines.ts";

export function View(
  { model, columns, rows }: { readonly model: Model; readonly columns: number; readonly rows: number },
) {
  return <Sheet rows={auditRows(model, columns, rows)} columns={columns} />;
}
