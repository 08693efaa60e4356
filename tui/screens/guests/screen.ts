/** The screen `guests`: what the operator lives in. */
import type { Screen } from "../../screen.ts";
import { KEYS } from "./keys.ts";
import { reduce } from "./reduce.ts";
import { INIT } from "./state.ts";
import { guestRows } from "./view.ts";

export const SCREEN: Screen<"guests"> = {
  id: "guests",
  title: "Guests",
  init: INIT,
  keys: KEYS,
  reduce,
  typing: (state) => state.typing,
  view: guestRows,
};
