/** The screen `provision`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { INIT } from "./state.ts";
import { View } from "./view.tsx";

export const SCREEN: Screen<"provision"> = {
  id: "provision",
  title: "Provision",
  init: INIT,
  keys: [],
  reduce: (state) => ({ state }),
  View,
};
