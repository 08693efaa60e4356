/** The screen `audit`: what was asked, decided, begun and ended, and whether that record of it is whole. */
import { layoutOf } from "../../../registry/layout.ts";
import type { Screen } from "../../screen.ts";
import { KEYS } from "./keys.ts";
import { auditRows } from "./lines.ts";
import { type AuditWork, INIT, reduceAudit } from "./state.ts";

export const SCREEN: Screen<"audit"> = {
  id: "audit",
  title: "Audit",
  init: INIT,
  keys: KEYS,
  reduce: reduceAudit,
  typing: ({ typing }) => typing !== undefined,
  work: async (work, { root, dispatch, signal }) => {
    const { runAuditWork } = await import("./effects.ts");
    await runAuditWork(work as AuditWork, layoutOf(root), dispatch, signal); // made by this screen's own state
  },
  view: auditRows,
};
