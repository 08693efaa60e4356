/** Starting a guest again after a crash, where its profile says so: with a growing pause, and at most so often an hour. */
import * as z from "zod";
import { formatUtc, type Instant } from "../core/time.ts";
import { isNotFound, readTextBounded, writeFileAtomic } from "../ports/files.ts";
import type { Guest } from "./guest.ts";
import { forgetUnwritten } from "./remember.ts";
import { rightsInForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

const HOUR_MS = 3_600_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** The restarts that count at `now`, and the pause before one more: doubled with each of the last hour. Pure. */
export function restartPlan(
  earlier: readonly Instant[],
  now: Instant,
): { readonly recent: readonly Instant[]; readonly pauseMs: number } {
  // A clock that was set back leaves times in the future: they count, as if they were now, and so for an hour and not for ever.
  const recent = earlier.map((at) => Math.min(at, now)).filter((at) => at > now - HOUR_MS);
  return { recent, pauseMs: Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(recent.length, 20)) };
}

/**
 * Plans the restart of a guest that has crashed. Policy is asked when it comes, as for any start: that says no when it was
 * restarted too often.
 */
export async function planRestart(s: Supervisor, guest: Guest): Promise<void> {
  const rights = guest.record && rightsInForce(s.policy, guest.record)?.rights;
  if (rights?.restart !== "on-crash") return;
  const { clock } = s.parts;
  const { recent, pauseMs } = restartPlan(await readRestarts(s, guest), clock.now());
  const isLast = recent.length >= rights.maxRestarts;
  const count = `${recent.length + 1} of ${rights.maxRestarts} within an hour`;
  // One that policy will refuse is asked for at once: the refusal is what the operator must see.
  const at = clock.now() + (isLast ? 0 : pauseMs);
  const cancelTimer = clock.after(at - clock.now(), () => void restart(s, guest, recent));
  guest.restart?.cancel();
  guest.restart = {
    at,
    count,
    cancel() {
      cancelTimer();
      guest.restart = undefined;
    },
  };
  if (!isLast) s.putOnRecord("vm.restart_planned", guest.id, { at: formatUtc(at), count });
}

async function restart(s: Supervisor, guest: Guest, recent: readonly Instant[]): Promise<void> {
  guest.restart = undefined;
  if (guest.state !== "crashed" || s.guests.get(guest.id) !== guest) return;
  await writeRestarts(s, guest, [...recent, s.parts.clock.now()]);
  s.counters.restart(guest.id);
  await s.perform("vm.start", { id: guest.id }, { kind: "supervisor" }, {
    trigger: "recovery",
    restarts: recent.length,
  }).catch(() => {}); // that it was refused or failed is on record
}

/** Calls off what is planned of every guest: the supervisor goes. */
export function callOffPlans(s: Supervisor): void {
  for (const guest of s.guests.values()) {
    guest.restart?.cancel();
    forgetUnwritten(guest);
  }
}

const MAX_BYTES = 64 * 1024;
const schema = z.strictObject({ version: z.literal(0), at: z.array(z.number()) });

/** Kept on disk: a crash of guest and supervisor together must not begin the count anew. */
async function readRestarts(s: Supervisor, guest: Guest): Promise<readonly Instant[]> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readTextBounded(fileOf(s, guest), MAX_BYTES)));
    return parsed.success ? parsed.data.at : [];
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return [];
    throw error;
  }
}

async function writeRestarts(s: Supervisor, guest: Guest, at: readonly Instant[]): Promise<void> {
  // On a full disk the count in this file is short by one; the start itself is refused while the audit trail can't be written.
  await writeFileAtomic(fileOf(s, guest), JSON.stringify({ version: 0, at }) + "\n").catch(() => {});
}

function fileOf(s: Supervisor, guest: Guest): string {
  return s.parts.layout.guest(guest.kind ?? "linux", guest.id).restarts;
}
