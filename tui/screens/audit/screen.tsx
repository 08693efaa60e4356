/** The screen `audit`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { INIT } from "./state.ts";
import { View } from "./view.tsx";

export const SCREEN: Screen<"audit"> = {
  id: "audit",
  title: "Audit",
  init: INIT,
  keys: [],
  reduce: (state) => ({ state }),
  View,
};
