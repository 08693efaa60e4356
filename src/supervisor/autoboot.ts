/** Guests that start with the supervisor, where policy says so: hidden, one after the other, each decided as any start. */
import type { GuestKind } from "../core/ids.ts";
import { GUEST_KINDS } from "../core/ids.ts";
import type { Guest } from "./guest.ts";
import { inForce, rightsInForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

const CAUSE = { trigger: "autoboot" } as const;
const ACTOR = { kind: "supervisor" } as const;

/**
 * Starts what policy names, in the order of the kinds. One that fails or is refused keeps none of the others from starting;
 * that it did is on record. In safe mode nothing is tried.
 */
export async function autoboot(s: Supervisor): Promise<void> {
  if (s.policy.mode !== "normal") return;
  for (const kind of GUEST_KINDS) {
    const guest = meant(s, kind);
    const rights = guest?.record && rightsInForce(s.policy, guest.record)?.rights;
    // One that was found running, or that crashed a moment ago, is none to start.
    if (!guest || !rights?.autoboot || (guest.state !== "stopped" && guest.state !== "suspended")) continue;
    try {
      await s.perform("vm.start", { id: guest.id }, ACTOR, CAUSE);
      if (rights.presentOnBoot) await s.perform("vm.present", { id: guest.id }, ACTOR, CAUSE);
    } catch { /* on record, with the reason */ }
  }
}

/** The guest that the policy means by a kind. */
function meant(s: Supervisor, kind: GuestKind): Guest | undefined {
  const id = inForce(s.policy)?.policy[kind].vm_id;
  const guest = id === undefined ? undefined : s.guests.get(id);
  return guest?.kind === kind ? guest : undefined;
}
