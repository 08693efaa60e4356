/** What the screen `provision` shows, as rows, by its mode. Pure. */
import type { Model } from "../../model.ts";
import type { Row } from "../../line.ts";
import { askRows, idRows, passwordRows, saveRows } from "./ask_lines.ts";
import { planRows, reviewRows } from "./review_lines.ts";
import { listRows, runRows } from "./run_lines.ts";

export function provisionRows(model: Model, columns: number, height: number): Row[] {
  const { mode } = model.screens.provision;
  switch (mode.kind) {
    case "runs":
      return listRows(mode, model, columns, height);
    case "id":
      return idRows(mode, model.prefs, columns);
    case "ask":
      return askRows(mode, model.prefs, columns, height);
    case "review":
      return reviewRows(mode, model.prefs, columns, height);
    case "plan":
      return planRows(mode, model.prefs, columns, height);
    case "save":
      return saveRows(mode, model.prefs, columns);
    case "password":
      return passwordRows(mode, model.prefs, columns);
    case "run":
      return runRows(mode, model, columns, height);
  }
}
