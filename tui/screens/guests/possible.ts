/** Why an action is not possible now, from what is known without asking anybody. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import { type ActionId, actionSpec } from "../../../src/actions/table.ts";
import { hasProcess } from "../../../src/lifecycle/states.ts";
import type { Model } from "../../model.ts";
import { targetsOf } from "./rows.ts";

/** Why `action` is not possible on any of the guests that it would be about; undefined: it is on one at least. */
export function whyNot(model: Model, action: ActionId): string | undefined {
  const changes = actionSpec(action).method !== "GET";
  if (changes && model.prefs.readOnly) return "the UI is read-only";
  if (model.connection.kind !== "connected") return "no supervisor answers";
  const targets = targetsOf(model);
  if (targets.length === 0) return "there is no guest";
  if (targets.length > 1 && ONE_ONLY[action]) return ONE_ONLY[action];
  const reasons = targets.map((guest) => whyNotOn(model, action, guest));
  if (reasons.some((reason) => reason === undefined)) return undefined;
  return targets.length === 1 ? reasons[0] : `not possible on any of the ${targets.length} marked guests`;
}

/** Actions that make sense on one guest alone, with why. */
const ONE_ONLY: Readonly<Partial<Record<ActionId, string>>> = {
  "vm.present": "one guest at most is presented: take the marks off",
  "net.set": "one guest's network at a time: take the marks off",
  "vm.argv": "one guest at a time: take the marks off",
};

/** Why it is not possible on this guest; undefined: as far as is known, it is. */
export function whyNotOn(model: Model, action: ActionId, guest: GuestView): string | undefined {
  return byState(action, guest) ?? refusalOf(model, action, guest);
}

function byState(action: ActionId, guest: GuestView): string | undefined {
  const { states } = actionSpec(action);
  if (states && !states.includes(guest.state)) {
    return `it is ${guest.state}; possible when ${inWords(states)}`;
  }
  switch (action) {
    case "vm.kill":
      return hasProcess(guest.state) || guest.pid !== null
        ? undefined
        : `it is ${guest.state}: there is nothing to end`;
    case "vm.pause":
      // One that stands still for a fault is paused on, by the operator's own wish.
      return guest.state === "paused" && guest.pause_reason === "operator"
        ? "it is paused already"
        : undefined;
    case "vm.present":
      return guest.presented ? "it is presented already" : undefined;
    case "vm.hide":
      return guest.presented ? undefined : "it is not presented";
    case "net.set":
      return guest.state === "broken" ? "it is broken" : undefined;
    default:
      return undefined;
  }
}

function inWords(states: readonly string[]): string {
  return states.length === 1 ? states[0] ?? "" : `${states.slice(0, -1).join(", ")} or ${states.at(-1)}`;
}

/** What policy would say, where it was asked and nothing has changed since. */
function refusalOf(model: Model, action: ActionId, guest: GuestView): string | undefined {
  const { explained } = model.screens.guests;
  if (explained?.vm !== guest.id || explained.basis !== basisOf(model, guest)) return undefined;
  return explained.refusals[action] ?? undefined;
}

/** Actions that policy is asked about before anybody wants them; the others it refuses hardly ever. */
export const EXPLAINED = [
  "vm.start",
  "vm.present",
  "vm.suspend",
  "vm.reset",
  "vm.delete",
  "baseline.create",
] as const satisfies readonly ActionId[];

/** Those of them that the guest's state allows: whether policy does is worth a question. */
export function worthAsking(guest: GuestView): readonly ActionId[] {
  return EXPLAINED.filter((action) => byState(action, guest) === undefined && guest.state !== "broken");
}

/** What decisions about a guest depend on: as long as it is the same, so are they. */
export function basisOf({ status }: Model, guest: GuestView): string {
  const sums = status?.sums;
  return [
    ...[status?.policy.revision, status?.policy.safe_mode, status?.presented, guest.state, guest.presented],
    ...[guest.policy_profile, sums?.running, sums?.vcpus, sums?.memory_mib, sums?.cpu_percent],
  ].join(" ");
}
