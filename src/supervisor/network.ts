/**
 * A guest's network: a card that is plugged in while policy grants it, and a gateway process that is all that the card
 * reaches. Off is: no card, no gateway.
 */
import { fail } from "../core/problem.ts";
import type { Guest } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

export interface NetworkWish {
  /** Name of a network profile of the policy. */
  readonly profile: string;
  /** In a word or two, for the marker: `provisioning`. */
  readonly reason: string;
  /** A provisioning run is under way, and turns the network off again at its end. */
  readonly provisioning: true;
}

/**
 * Plugs a network card into a guest that runs, with a NAT behind it that reaches the internet and nothing else. Asks policy
 * itself (`net.set`), and is on record as that. On already with the same profile: nothing is done.
 *
 * Failure `denied` when policy does not grant it, `wrong_state` when the guest does not run, `missing` when this QEMU has no
 * such network, `cancelled` (the signal's reason) when it is called off: then nothing of it is left.
 */
export function networkOn(
  _s: Supervisor,
  guest: Guest,
  _wish: NetworkWish,
  _signal: AbortSignal,
): Promise<void> {
  return fail("missing", `${guest.id} can't have a network yet`);
}

/**
 * Takes a guest's network away: the gateway ends first, then the card goes. Nothing passes from the first moment on. Does
 * nothing where there is none; never fails for what the guest does or does not do.
 */
export function networkOff(_s: Supervisor, _guest: Guest, _reason: string): Promise<void> {
  return Promise.resolve();
}
