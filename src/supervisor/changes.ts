/**
 * Actions that change something: each first looks and prepares without touching anything, and hands back what is put to
 * policy and how it is carried out.
 */
import type { ActionParams } from "../actions/params.ts";
import type { ActionId } from "../actions/table.ts";
import type { DoneView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { fail, Failure } from "../core/problem.ts";
import { formatDuration } from "../core/units.ts";
import { hasFailed, isBeyondResume } from "../lifecycle/pause.ts";
import { hasProcess } from "../lifecycle/states.ts";
import { removeTree } from "../ports/files.ts";
import { removeState } from "../suspend/files.ts";
import type { Decision, GuestAsk, PolicyRequest } from "../../policy/types.ts";
import { createBaseline } from "./baseline.ts";
import { defineGuest } from "./define_guest.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { importGuest } from "./import_guest.ts";
import { checkPausable, hold, release } from "./io_errors.ts";
import type { Intent } from "./journal.ts";
import { applyPolicy } from "./policy_apply.ts";
import { networkOff } from "./network.ts";
import { hide, present } from "./presentation.ts";
import { beginProvision, cancelProvision } from "./provision_begin.ts";
import { usable } from "./reads.ts";
import { killGuest, startGuest, stopGuest } from "./run_guest.ts";
import type { Supervisor } from "./supervisor.ts";
import { suspendGuest } from "./suspend_guest.ts";

export interface Change {
  /** Absent for what is about no guest. */
  readonly vm?: VmId;
  /** Absent for a guest that is only now being defined. */
  readonly guest?: Guest;
  /** What policy is told of the guest; absent where the record can't be used and the action needs none. */
  readonly ask?: GuestAsk;
  /** More of the request to policy. */
  readonly more?: Partial<
    Pick<PolicyRequest, "network" | "deviceModels" | "images" | "snapshot" | "diskBytes">
  >;
  /** What is put on record besides. */
  readonly detail?: JsonObject;
  /** What is left to do when the supervisor dies in the middle of it. */
  readonly intent?: Intent;
  /**
   * Carries it out. `signal` aborts when it is called off: then it undoes or ends itself and throws the signal's reason.
   * `tell` takes how far it has come, in words for people.
   */
  act(decision: Decision, signal: AbortSignal, tell: (progress: string) => void): Promise<DoneView>;
  /** What whoever asked waits for besides. The action is over by then: others may act on the guest meanwhile. */
  after?(done: DoneView): Promise<DoneView>;
}

type ChangeId = Extract<
  ActionId,
  | "vm.define"
  | "vm.import"
  | "vm.start"
  | "vm.stop"
  | "vm.kill"
  | "vm.suspend"
  | "vm.pause"
  | "vm.resume"
  | "vm.reset"
  | "vm.delete"
  | "vm.present"
  | "vm.hide"
  | "baseline.create"
  | "provision.begin"
  | "provision.cancel"
  | "net.set"
  | "policy.apply"
>;
type Changes = { readonly [A in ChangeId]: (s: Supervisor, params: ActionParams<A>) => Promise<Change> };

const DEFAULT_GRACE_S = 60;

export const CHANGES: Changes = {
  "vm.define": defineGuest,
  "vm.import": importGuest,
  "vm.start": (s, { id, wait, cold }) => startGuest(s, usable(s.guest(id)), wait ?? "running", cold ?? false),
  "vm.suspend": (s, { id }) => {
    const guest = usable(s.guest(id));
    refuseTpmLost(guest, "vm.suspend");
    refusePanicked(guest, "vm.suspend");
    return suspendGuest(s, guest);
  },
  "vm.stop": (s, { id, grace_s }) => {
    const guest = s.guest(id);
    const graceS = grace_s ?? DEFAULT_GRACE_S;
    return Promise.resolve({
      ...baseOf(guest),
      intent: { kind: "stop", vm: id, graceS },
      act: async (_decision, signal) => {
        const { step, tookMs } = await stopGuest(s, guest, graceS * 1000, signal);
        return {
          ...done("vm.stop", guest),
          ended_by: step,
          took_ms: Math.round(tookMs),
          notes: [`ended by: ${step}, after ${formatDuration(tookMs)}`],
        };
      },
    });
  },
  "vm.kill": (s, { id }) => {
    const guest = s.guest(id);
    if (nothingToKill(guest)) fail("wrong_state", `vm.kill is not possible: ${id} is ${guest.state}`);
    return Promise.resolve({
      ...baseOf(guest),
      intent: { kind: "kill", vm: id },
      act: async () => {
        await killGuest(s, guest);
        return done("vm.kill", guest);
      },
    });
  },
  "vm.pause": (s, { id }) => {
    checkPausable(s.guest(id));
    return withRun(s, id, "vm.pause", async (run, guest) => {
      await run.qmp.execute("stop");
      await hold(s, guest);
    });
  },
  "vm.resume": (s, { id }) => {
    refuseTpmLost(s.guest(id), "vm.resume");
    refusePanicked(s.guest(id), "vm.resume");
    return withRun(s, id, "vm.resume", async (run, guest) => {
      await run.qmp.execute("cont");
      await release(s, guest);
    });
  },
  "vm.reset": (s, { id }) => {
    refuseTpmLost(s.guest(id), "vm.reset");
    return withRun(s, id, "vm.reset", async (run, guest) => {
      const failed = hasFailed(guest.pauseReason);
      s.emit({ event: "RAYOS_VM:reset", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
      await run.qmp.execute("system_reset");
      if (failed) await run.qmp.execute("cont"); // it stood still because it had failed, not because it was asked to
    });
  },
  "vm.delete": (s, { id, disks }) => {
    const guest = s.guest(id);
    const { kind } = guest;
    return Promise.resolve({
      ...baseOf(guest),
      intent: { kind: "delete", vm: id, ...(kind ? { type: kind } : {}), folder: disks ?? false },
      act: () => deleteGuest(s, guest, disks ?? false),
    });
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
  "baseline.create": createBaseline,
  "provision.begin": beginProvision,
  "provision.cancel": cancelProvision,
  "policy.apply": applyPolicy,
  "net.set": (s, { id, profile }) => {
    const guest = usable(s.guest(id));
    return Promise.resolve({
      ...baseOf(guest),
      more: { network: { profile } },
      // Only `off` gets past policy: a network is turned on by a provisioning run alone.
      act: async () => {
        if (profile !== "off") fail("internal", `${id} would be given a network without a provisioning run`);
        await networkOff(s, guest, "operator");
        return done("net.set", guest);
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
  return onGuest(guest, async (_decision, signal) => {
    const run = guest.run ?? fail("wrong_state", `${id} has no QEMU process`);
    await orCalledOff(act(run, guest), action, signal);
    return done(action, guest);
  });
}

/** The answer to a command that can't be taken back, or `outcome_unknown` as soon as nobody waits for it any more. */
async function orCalledOff<T>(answer: Promise<T>, action: string, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    const message = `${action} was called off when QEMU had been asked already: it may still carry it out`;
    reject(new Failure({ code: "outcome_unknown", message }));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Ends nothing: no process of it runs, none is being started, and no restart is planned. */
function nothingToKill(guest: Guest): boolean {
  return !hasProcess(guest.state) && !guest.stray && !guest.restart;
}

/** A guest that was given a TPM never runs without it. */
function refuseTpmLost(guest: Guest, action: string): void {
  if (guest.pauseReason !== "tpm_lost") return;
  fail("wrong_state", `${action} is not possible: the TPM emulator of ${guest.id} has ended`, {
    hint: `end the guest and start it anew: \`rayvisor vm stop ${guest.id}\`, then \`vm start\``,
  });
}

/** QEMU would let it run on, to no end: its system is dead. */
function refusePanicked(guest: Guest, action: string): void {
  if (!isBeyondResume(guest.pauseReason)) return;
  fail(
    "wrong_state",
    `${action} is not possible: the system of ${guest.id} has panicked and would run on dead`,
    {
      hint: "`rayvisor vm reset` boots it anew, `rayvisor vm stop` ends it",
    },
  );
}

/** The registry comes last: as long as it names the guest, a delete that was cut off can be asked for again. */
export async function deleteGuest(s: Supervisor, guest: Guest, disks: boolean): Promise<DoneView> {
  const { layout, store } = s.parts;
  guest.restart?.cancel();
  if (guest.kind) {
    const { state, folder } = layout.guest(guest.kind, guest.id);
    await removeState(state); // it fits no other guest, and must not be taken for one of the same id
    if (disks) await removeTree(folder);
  }
  await removeTree(layout.runtime(guest.id).folder);
  await store.remove(guest.id);
  s.guests.delete(guest.id);
  if (!s.provisions.get(guest.id)?.driver) await s.provisions.forget(guest.id);
  s.emit({ event: "RAYOS_VM:delete", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
  return { done: "vm.delete", vm: guest.id };
}
