/** A run that goes on: its markers and the last lines of its console. */
import type { GuestDetail } from "../../../src/actions/views.ts";
import type { LoggedEvent } from "../../../src/audit/log.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Message } from "../../messages.ts";
import type { Came, Effect, Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import type { Mode, Outcome, ProvisionState } from "./state.ts";

/** How often the console is asked for while its run is shown: nothing tells of its lines but a stream of their bytes. */
const LOOK_MS = 2_000;
const TAG = "provision.console:";

type Run = Extract<Mode, { readonly kind: "run" }>;

/** Asks for the console's last lines, where it is time to. */
export function watch(state: ProvisionState, now: Instant, model: Model): Next<ProvisionState> {
  const { mode } = state;
  if (mode.kind !== "run" || !wanted(mode, now, model)) return { state };
  return { state: { ...state, mode: { ...mode, looked: { at: now, open: true } } }, effects: [look(mode)] };
}

const look = ({ vm }: Run): Effect => ({
  do: "ask",
  tag: `${TAG}${vm}`,
  action: "vm.show",
  params: { id: vm },
});

function wanted({ vm, looked, outcome }: Run, now: Instant, model: Model): boolean {
  if (model.connection.kind !== "connected" || outcome || looked?.open) return false;
  if (!model.guests.some(({ id }) => id === vm)) return false;
  return looked === undefined || now - looked.at >= LOOK_MS;
}

/** What `vm.show` said. An answer that is late, or of another run, changes nothing. */
export function looked(
  state: ProvisionState,
  tag: string,
  result: Extract<Message, { readonly type: "answered" }>["result"],
): ProvisionState {
  const { mode } = state;
  if (mode.kind !== "run" || tag !== `${TAG}${mode.vm}` || !mode.looked) return state;
  const closed = { ...mode, looked: { ...mode.looked, open: false } };
  if (!result.ok) return { ...state, mode: closed };
  const { serial_tail } = result.value as GuestDetail; // the answer of `vm.show`
  return { ...state, mode: { ...closed, serial: serial_tail.length > 0 ? serial_tail : mode.serial } };
}

/** A marker of the run that is shown. At its end its console is looked at once more: the last lines say how it came to it. */
export function heard(state: ProvisionState, { event, fields }: LoggedEvent): Next<ProvisionState> {
  const { mode } = state;
  if (mode.kind !== "run" || fields.vm !== mode.vm) return { state };
  const outcome = outcomeOf(event, fields);
  if (outcome === null) {
    const { outcome: _over, ...rest } = mode;
    return { state: { ...state, mode: rest } };
  }
  if (outcome === undefined) return { state };
  return { state: { ...state, mode: { ...mode, outcome } }, effects: [look(mode)] };
}

/** The end of an action: an undo leaves nothing of the run that is shown. */
export function undone(state: ProvisionState, { action, params, result }: Came): ProvisionState {
  const { mode } = state;
  const isIt = action === "provision.cancel" && params.undo === true && result.ok;
  if (mode.kind !== "run" || !isIt || params.id !== mode.vm) return state;
  return { ...state, mode: { ...mode, outcome: { kind: "undone" }, serial: [] } };
}

/** Null where a marker says that the run goes on after all. */
function outcomeOf(event: string, fields: LoggedEvent["fields"]): Outcome | null | undefined {
  switch (event) {
    case "RAYOS_PROVISION:done":
      return { kind: "done", ...(fields.os === undefined ? {} : { os: String(fields.os) }) };
    case "RAYOS_PROVISION:failed":
      return { kind: "failed", why: String(fields.why ?? fields.reason ?? "") };
    case "RAYOS_PROVISION:begin":
      return null;
    default:
      return undefined;
  }
}
