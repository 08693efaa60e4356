/** The registry's last known state of a guest. */
import { hasProcess } from "../lifecycle/states.ts";
import { problemOf } from "../core/problem.ts";
import type { RegistryState } from "../../registry/types.ts";
import type { Guest } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

/** What could not be written is tried again after so long: nothing tells of room on a disk. */
const RETRY_MS = 5_000;

/**
 * Writes the last known state into the registry. Never throws: what can't be written (a full disk) is put on record, tried
 * again, and looked at afresh by the next supervisor, which believes no state. Returns what the operator should know of it.
 */
export async function remember(s: Supervisor, guest: Guest, state: RegistryState): Promise<string[]> {
  const { record } = guest;
  const isRetry = guest.unwritten !== undefined;
  forgetUnwritten(guest);
  if (!record || record.state === state || s.guests.get(guest.id) !== guest) return [];
  guest.record = { ...record, state };
  try {
    await s.parts.store.put(guest.record);
    return [];
  } catch (error) {
    // What the file says counts, or the next change might seem to be there already.
    if (guest.record?.state === state) guest.record = { ...guest.record, state: record.state };
    guest.unwritten ??= s.parts.clock.after(RETRY_MS, () => void remember(s, guest, knownOf(guest)));
    const { code, message } = problemOf(error);
    if (!isRetry) s.putOnRecord("registry.unwritten", guest.id, { state, code, message });
    return [
      `the registry could not be written (${message}): it still says that ${guest.id} is ${record.state}`,
    ];
  }
}

/** Calls off what {@link remember} would try again. */
export function forgetUnwritten(guest: Guest): void {
  guest.unwritten?.();
  guest.unwritten = undefined;
}

function knownOf({ state }: Guest): RegistryState {
  if (state === "suspended") return "suspended";
  return hasProcess(state) ? "running" : "stopped";
}
