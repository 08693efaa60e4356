/** What the UI begins with. */
import type { Instant } from "../src/core/time.ts";
import type { Model } from "./model.ts";
import type { Prefs } from "./prefs.ts";
import { type AllScreens, initialStates } from "./screens/all.ts";

export interface Beginning {
  readonly root: string;
  readonly version: string;
  readonly prefs: Prefs;
  readonly size: Model["size"];
  readonly now: Instant;
}

export function initialModel({ root, version, prefs, size, now }: Beginning, screens: AllScreens): Model {
  return {
    size,
    prefs,
    root,
    version,
    now,
    connection: { kind: "connecting", since: now },
    status: undefined,
    guests: [],
    provisioning: [],
    figures: new Map(),
    series: new Map(),
    events: [],
    jobs: [],
    screen: "guests",
    screens: initialStates(screens),
    overlays: [],
    toasts: [],
    nextToast: 1,
  };
}
