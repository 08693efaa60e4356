/** The one place that shows and hides guests. At most one is presented, and only it may receive input. */
import { fail } from "../core/problem.ts";
import type { Guest } from "./guest.ts";
import { inForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

/** Calls off the hiding of the presented guest for want of input. */
const releases = new WeakMap<Supervisor, () => void>();

/**
 * Counts anew the time after which the presented guest is hidden because the operator has given it no input, where policy says
 * so (`presentation.release_after_s`). Called when it is presented, gets input, or the policy changes.
 */
export function armRelease(s: Supervisor): void {
  releases.get(s)?.();
  releases.delete(s);
  const seconds = inForce(s.policy)?.policy.presentation.release_after_s ?? 0;
  const guest = s.presented === null ? undefined : s.guests.get(s.presented);
  if (!guest || seconds === 0) return;
  releases.set(s, s.parts.clock.after(seconds * 1000, () => hide(s, "no_input", guest)));
}

/** Presents a guest. Policy has allowed it, which includes that no other one is presented. */
export function present(s: Supervisor, guest: Guest): void {
  if (s.presented === guest.id) return;
  if (s.presented !== null) fail("wrong_state", `${s.presented} is presented already`);
  s.presented = guest.id;
  s.emit({
    event: "RAYOS_PRESENTATION:on",
    fields: { vm: guest.id, kind: guest.kind ?? "linux", reason: "operator" },
  });
  armRelease(s);
}

/** Hides a guest, for whatever reason; nothing to do when it is not presented. */
export function hide(s: Supervisor, reason: string, guest: Guest): void {
  if (s.presented !== guest.id) return;
  s.presented = null;
  armRelease(s);
  s.emit({ event: "RAYOS_PRESENTATION:off", fields: { vm: guest.id, kind: guest.kind ?? "linux", reason } });
}
