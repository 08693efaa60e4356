/** The registry's last known state of a guest. */
import { problemOf } from "../core/problem.ts";
import type { RegistryState } from "../../registry/types.ts";
import type { Guest } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * Writes the last known state into the registry. Never throws: what can't be written (a full disk) is put on record, and
 * looked at afresh by the next supervisor, which believes no state. Returns what the operator should know of it.
 */
export async function remember(s: Supervisor, guest: Guest, state: RegistryState): Promise<string[]> {
  const { record } = guest;
  if (!record || record.state === state || !s.guests.has(guest.id)) return [];
  guest.record = { ...record, state };
  try {
    await s.parts.store.put(guest.record);
    return [];
  } catch (error) {
    // What the file says counts, or the next change might seem to be there already.
    if (guest.record?.state === state) guest.record = { ...guest.record, state: record.state };
    const { code, message } = problemOf(error);
    s.putOnRecord("registry.unwritten", guest.id, { state, code, message });
    return [
      `the registry could not be written (${message}): it still says that ${guest.id} is ${record.state}`,
    ];
  }
}
