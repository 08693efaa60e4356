/** The screen `provision`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { KEYS } from "./keys.ts";
import { provisionRows } from "./lines.ts";
import { reduce, typing } from "./reduce.ts";
import { INIT, unsaved } from "./state.ts";

export const SCREEN: Screen<"provision"> = {
  id: "provision",
  title: "Provision",
  init: INIT,
  keys: KEYS,
  reduce,
  typing,
  unsaved,
  work: async (work, host) => await (await import("./effects.ts")).provisionWork(work, host),
  view: provisionRows,
};
