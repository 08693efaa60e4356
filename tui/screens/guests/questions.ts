/** What the screen wants to know of the guest that the cursor is on, and asks for when it is worth it. Pure. */
import { actionSpec } from "../../../src/actions/table.ts";
import type { ActionId } from "../../../src/actions/table.ts";
import type { GuestView } from "../../../src/actions/views.ts";
import type { Effect, Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { showsDetails } from "./arrangement.ts";
import { basisOf, worthAsking } from "./possible.ts";
import { selectedOf } from "./rows.ts";
import type { GuestsState } from "./state.ts";

/** Details are asked for again when they are older. */
const FRESH_MS = 2_000;

/**
 * One question for details at a time: while keys move the cursor fast, only where it rests is asked about. What policy would
 * say is asked only where the cursor rests (`rests`).
 */
export function asks(state: GuestsState, model: Model, rests: boolean): Next<GuestsState> {
  const guest = selectedOf(model);
  if (guest === undefined || model.connection.kind !== "connected" || model.screen !== "guests") {
    return { state };
  }
  let next = state;
  const effects: Effect[] = [];
  if (wantsDetails(state, model, guest, rests)) {
    next = { ...next, asking: guest.id };
    effects.push({ do: "ask", tag: showTag(guest.id), action: "vm.show", params: { id: guest.id } });
  }
  const basis = basisOf(model, guest);
  if (rests && (state.explained?.vm !== guest.id || state.explained.basis !== basis)) {
    next = { ...next, explained: { vm: guest.id, basis, refusals: {} } };
    for (const action of worthAsking(guest)) {
      effects.push({
        do: "ask",
        tag: explainTag(guest.id, action, basis),
        action: "policy.explain",
        params: { id: guest.id, action: actionSpec(action).policy },
      });
    }
  }
  return { state: next, effects };
}

function wantsDetails(
  { shown, asking }: GuestsState,
  model: Model,
  guest: GuestView,
  rests: boolean,
): boolean {
  if (asking === guest.id || !showsDetails(model)) return false;
  // A guest whose QEMU hangs must not keep the others waiting.
  if (asking !== undefined && !rests) return false;
  return shown?.vm !== guest.id || model.now - shown.at >= FRESH_MS;
}

export function showTag(vm: string): string {
  return `guests:show:${vm}`;
}

export function firmwareTag(vm: string): string {
  return `guests:firmware:${vm}`;
}

export function explainTag(vm: string, action: ActionId, basis: string): string {
  return `guests:explain:${vm} ${action} ${basis}`;
}
