/** What of the what-if can be changed. Pure. */
import { takesProfile } from "./asking.ts";
import { type Field, FIELDS, type PolicyState } from "./state.ts";

/** The network profile only where the action is about one. */
export function fieldsOf({ whatIf }: PolicyState): readonly Field[] {
  return FIELDS.filter((field) => field !== "profile" || takesProfile(whatIf.action));
}
