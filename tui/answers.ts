/**
 * Answers of a supervisor that may be of another version, looked at before they enter the model: what the frame itself is made of
 * must be there. What screens make of the rest may fail, and then the screen says so (`frame.ts`).
 */
import type { StatusView } from "../src/actions/views.ts";
import { isObject } from "../src/core/json.ts";

/** The answer as a status; undefined: it is none that this program understands. */
export function statusOf(value: unknown): StatusView | undefined {
  if (!isObject(value)) return undefined;
  const { supervisor, policy, audit, sums, storage, guests, provisioning } = value;
  const isWhole = isObject(supervisor) && typeof supervisor.version === "string" &&
    isObject(policy) && typeof policy.revision === "string" && isObject(audit) &&
    isObject(sums) && typeof sums.memory_mib === "number" &&
    areObjects(storage) && areObjects(provisioning) &&
    areObjects(guests) &&
    guests.every(({ id, state }) => typeof id === "string" && typeof state === "string");
  return isWhole ? value as unknown as StatusView : undefined; // the rest is what a supervisor of this version sends
}

function areObjects(value: unknown): value is readonly Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isObject);
}
