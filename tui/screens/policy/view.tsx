/** The screen `policy`, drawn. What stands in it is in `lines.ts`. */
import { Sheet } from "../../components/sheet.tsx";
import type { Model } from "../../model.ts";
import { policyRows } from "./lines.ts";

export function View(
  { model, columns, rows }: { readonly model: Model; readonly columns: number; readonly rows: number },
) {
  return <Sheet rows={policyRows(model, columns, rows)} columns={columns} />;
}
