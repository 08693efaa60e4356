/** The screen `guests`: what it is made of. */
import type { Screen } from "../../screen.ts";
import { INIT } from "./state.ts";
import { View } from "./view.tsx";

export const SCREEN: Screen<"guests"> = {
  id: "guests",
  title: "Guests",
  init: INIT,
  keys: [],
  reduce: (state) => ({ state }),
  View,
};
