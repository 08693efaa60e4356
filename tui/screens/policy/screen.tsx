/** The screen `policy`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { INIT } from "./state.ts";
import { View } from "./view.tsx";

export const SCREEN: Screen<"policy"> = {
  id: "policy",
  title: "Policy",
  init: INIT,
  keys: [],
  reduce: (state) => ({ state }),
  View,
};
