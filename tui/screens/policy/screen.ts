/** The screen `policy`: the file, what it grants each guest and why, what it would decide, what another would change. */
import { layoutOf } from "../../../registry/layout.ts";
import type { Screen } from "../../screen.ts";
import { KEYS } from "./keys.ts";
import { policyRows } from "./lines.ts";
import { reducePolicy } from "./reduce.ts";
import { INIT, type PolicyWork } from "./state.ts";

export const SCREEN: Screen<"policy"> = {
  id: "policy",
  title: "Policy",
  init: INIT,
  keys: KEYS,
  reduce: reducePolicy,
  typing: ({ typing }) => typing !== undefined,
  work: async (work, { root, dispatch, signal }) => {
    const { runPolicyWork } = await import("./effects.ts");
    await runPolicyWork(work as PolicyWork, layoutOf(root), dispatch, signal); // made by this screen's own state
  },
  view: policyRows,
};
