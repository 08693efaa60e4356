/**
 * Actions that change something: each first looks and prepares without touching anything, and hands back what is put to
 * policy and how it is carried out.
 */
import type { ActionParams } from "../actions/params.ts";
import type { ActionId } from "../actions/table.ts";
import type { DoneView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { fail } from "../core/problem.ts";
import { removeTree } from "../ports/files.ts";
import type { Decision, GuestAsk, PolicyRequest } from "../../policy/types.ts";
import { defineGuest } from "./define_guest.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { applyPolicy } from "./policy_apply.ts";
import { hide, present } from "./presentation.ts";
import { usable } from "./reads.ts";
import { killGuest, startGuest, stopGuest } from "./run_guest.ts";
import type { Supervisor } from "./supervisor.ts";

export interface Change {
  /** Absent for what is about no guest. */
  readonly vm?: VmId;
  /** Absent for a guest that is only now being defined. */
  readonly guest?: Guest;
  /** What policy is told of the guest; absent where the record can't be used and the action needs none. */
  readonly ask?: GuestAsk;
  /** More of the request to policy. */
  readonly more?: Partial<Pick<PolicyRequest, "network" | "deviceModels" | "images">>;
  /** What is put on record besides. */
  readonly detail?: JsonObject;
  act(decision: Decision): Promise<DoneView>;
  /** What whoever asked waits for besides. The action is over by then: others may act on the guest meanwhile. */
  after?(done: DoneView): Promise<DoneView>;
}

type ChangeId = Extract<
  ActionId,
  | "vm.define"
  | "vm.start"
  | "vm.stop"
  | "vm.kill"
  | "vm.pause"
  | "vm.resume"
  | "vm.reset"
  | "vm.delete"
  | "vm.present"
  | "vm.hide"
  | "net.set"
  | "policy.apply"
>;
type Changes = { readonly [A in ChangeId]: (s: Supervisor, params: ActionParams<A>) => Promise<Change> };

const DEFAULT_GRACE_S = 60;

export const CHANGES: Changes = {
  "vm.define": defineGuest,
  "vm.start": (s, { id, wait }) => startGuest(s, usable(s.guest(id)), wait ?? "running"),
  "vm.stop": (s, { id, grace_s }) => {
    const guest = s.guest(id);
    return onGuest(guest, async () => {
      const step = await stopGuest(s, guest, (grace_s ?? DEFAULT_GRACE_S) * 1000);
      return { ...done("vm.stop", guest), notes: [`ended by: ${step}`] };
    });
  },
  "vm.kill": (s, { id }) => {
    const guest = s.guest(id);
    return onGuest(guest, async () => {
      await killGuest(s, guest);
      return done("vm.kill", guest);
    });
  },
  "vm.pause": (s, { id }) => withRun(s, id, "vm.pause", (run) => run.qmp.execute("stop")),
  "vm.resume": (s, { id }) => withRun(s, id, "vm.resume", (run) => run.qmp.execute("cont")),
  "vm.reset": (s, { id }) =>
    withRun(s, id, "vm.reset", async (run, guest) => {
      s.emit({ event: "RAYOS_VM:reset", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
      await run.qmp.execute("system_reset");
    }),
  "vm.delete": (s, { id, disks }) => {
    const guest = s.guest(id);
    return onGuest(guest, () => deleteGuest(s, guest, disks ?? false));
  },
  "vm.present": (s, { id }) => {
    const guest = s.guest(id);
    return onGuest(guest, () => {
      present(s, guest);
      return Promise.resolve(done("vm.present", guest));
    });
  },
  "vm.hide": (s, { id }) => {
    const guest = s.guest(id);
    return onGuest(guest, () => {
      hide(s, "operator", guest);
      return Promise.resolve(done("vm.hide", guest));
    });
  },
  "policy.apply": applyPolicy,
  "net.set": (s, { id, profile }) => {
    const guest = usable(s.guest(id));
    return Promise.resolve({
      ...baseOf(guest),
      more: { network: { profile } },
      // Only `off` gets past policy in this version, and no guest ever has a network device: nothing is left to do.
      act: () => {
        s.emit({ event: "RAYOS_NETWORK:off", fields: { vm: id, profile: "off", reason: "operator" } });
        return Promise.resolve(done("net.set", guest));
      },
    });
  },
};

export function isChange(action: ActionId): action is ChangeId {
  return action in CHANGES;
}

export function done(action: string, guest: Guest): DoneView {
  return { done: action, vm: guest.id, state: guest.state };
}

export function baseOf(guest: Guest): { vm: VmId; guest: Guest; ask?: GuestAsk } {
  return { vm: guest.id, guest, ...(guest.record ? { ask: guest.record } : {}) };
}

function onGuest(guest: Guest, act: Change["act"]): Promise<Change> {
  return Promise.resolve({ ...baseOf(guest), act });
}

/** A QMP command to a guest that runs. The state follows from QEMU's events, which come before its answer. */
function withRun(
  s: Supervisor,
  id: VmId,
  action: string,
  act: (run: GuestRun, guest: Guest) => Promise<unknown>,
): Promise<Change> {
  const guest = s.guest(id);
  return onGuest(guest, async () => {
    const run = guest.run ?? fail("wrong_state", `${id} has no QEMU process`);
    await act(run, guest);
    return done(action, guest);
  });
}

/** The registry comes last: as long as it names the guest, a delete that was cut off can be asked for again. */
async function deleteGuest(s: Supervisor, guest: Guest, disks: boolean): Promise<DoneView> {
  const { layout, store } = s.parts;
  if (disks && guest.kind) await removeTree(layout.guest(guest.kind, guest.id).folder);
  await removeTree(layout.runtime(guest.id).folder);
  await store.remove(guest.id);
  s.guests.delete(guest.id);
  s.emit({ event: "RAYOS_VM:delete", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
  return { done: "vm.delete", vm: guest.id };
}
