/** The screen `preflight`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { INIT } from "./state.ts";
import { View } from "./view.tsx";

export const SCREEN: Screen<"preflight"> = {
  id: "preflight",
  title: "Preflight",
  init: INIT,
  keys: [],
  reduce: (state) => ({ state }),
  View,
};
