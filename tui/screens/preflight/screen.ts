/** The screen `preflight`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { KEYS } from "./keys.ts";
import { preflightRows } from "./lines.ts";
import { INIT, reduce } from "./state.ts";

export const SCREEN: Screen<"preflight"> = {
  id: "preflight",
  title: "Preflight",
  init: INIT,
  keys: KEYS,
  reduce,
  work: async (work, host) => await (await import("./effects.ts")).preflightWork(work, host),
  view: preflightRows,
};
