/** All screens, by their ids. */
import type { ScreenId, ScreenStates } from "../model.ts";
import type { Screen } from "../screen.ts";
import { SCREEN as audit } from "./audit/screen.ts";
import { SCREEN as guests } from "./guests/screen.ts";
import { SCREEN as policy } from "./policy/screen.ts";
import { SCREEN as preflight } from "./preflight/screen.ts";
import { SCREEN as provision } from "./provision/screen.ts";

export type AllScreens = { readonly [K in ScreenId]: Screen<K> };

export const ALL_SCREENS: AllScreens = { guests, policy, preflight, provision, audit };

/** The states that screens begin with. */
export function initialStates(screens: AllScreens): ScreenStates {
  return {
    guests: screens.guests.init,
    policy: screens.policy.init,
    preflight: screens.preflight.init,
    provision: screens.provision.init,
    audit: screens.audit.init,
  };
}
