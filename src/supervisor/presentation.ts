/** The one place that shows and hides guests. At most one is presented, and only it may receive input. */
import { fail } from "../core/problem.ts";
import type { Guest } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

/** Presents a guest. Policy has allowed it, which includes that no other one is presented. */
export function present(s: Supervisor, guest: Guest): void {
  if (s.presented === guest.id) return;
  if (s.presented !== null) fail("wrong_state", `${s.presented} is presented already`);
  s.presented = guest.id;
  s.emit({
    event: "RAYOS_PRESENTATION:on",
    fields: { vm: guest.id, kind: guest.kind ?? "linux", reason: "operator" },
  });
}

/** Hides a guest, for whatever reason; nothing to do when it is not presented. */
export function hide(s: Supervisor, reason: string, guest: Guest): void {
  if (s.presented !== guest.id) return;
  s.presented = null;
  s.emit({ event: "RAYOS_PRESENTATION:off", fields: { vm: guest.id, kind: guest.kind ?? "linux", reason } });
}
