/**
 * The actions of the product as one table. The command line, the HTTP API and its description, the audit trail and
 * the terminal UI's keys and help all come from it. What an action does is in `src/supervisor`; here is what it is. What
 * it takes is in `params.ts`, apart, because clients load this file and have no use for schemas.
 */
import type { PolicyAction } from "../../policy/types.ts";
import type { GuestState } from "../lifecycle/states.ts";

export type Risk = "none" | "low" | "disruptive" | "destructive";

interface Spec {
  readonly title: string;
  readonly summary: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/v1`; `{id}` is the guest. */
  readonly path: string;
  /** States of the guest in which it makes sense; absent: it is about no guest, or any state will do. */
  readonly states?: readonly GuestState[];
  /** What policy is asked. Null: it only reads, policy is not asked and nothing is recorded. */
  readonly policy: PolicyAction | null;
  readonly risk: Risk;
  /**
   * While another action on the same guest is under way. `wait`: it begins when the other one has ended. `interrupt`: it
   * begins at once, and may end the other one. Absent: it is refused.
   */
  readonly whenBusy?: "wait" | "interrupt";
  /** Longest time that it may take, seconds; then it is called off. Absent for what only reads. */
  readonly timeoutS?: number;
}

/** Longest grace that a stop may give, seconds. */
export const MAX_GRACE_S = 3600;

const LIVE: readonly GuestState[] = ["running", "paused"];
const REST: readonly GuestState[] = ["stopped", "crashed", "suspended"];

export const ACTIONS = {
  "status": {
    title: "Status",
    summary: "supervisor, policy revision, safe mode, sums of resources, guests",
    method: "GET",
    path: "/status",
    policy: null,
    risk: "none",
  },
  "vm.list": {
    title: "List guests",
    summary: "all guests, also broken ones, with their observed state",
    method: "GET",
    path: "/vms",
    policy: null,
    risk: "none",
  },
  "vm.show": {
    title: "Show guest",
    summary: "one guest: record, effective rights, live figures, last console lines",
    method: "GET",
    path: "/vms/{id}",
    policy: null,
    risk: "none",
  },
  "vm.argv": {
    title: "Show command lines",
    summary: "the exact QEMU, swtpm and helper command lines; starts nothing",
    method: "GET",
    path: "/vms/{id}/argv",
    policy: null,
    risk: "none",
  },
  "vm.firmware": {
    title: "Show firmware",
    summary: "what can be proven from outside: firmware ran, Secure Boot is enforced, the TPM answered",
    method: "GET",
    path: "/vms/{id}/firmware",
    policy: null,
    risk: "none",
  },
  "vm.export": {
    title: "Export guest",
    summary: "the guest as a description that another tool reads: domain XML of libvirt's; changes nothing",
    method: "GET",
    path: "/vms/{id}/export",
    policy: null,
    risk: "none",
  },
  "vm.import": {
    title: "Import guest",
    summary: "enters a guest that another tool has described into the registry, with copies of its files",
    method: "POST",
    path: "/vms/import",
    policy: "vm.define",
    risk: "low",
    timeoutS: 24 * 3600,
  },
  "vm.define": {
    title: "Define guest",
    summary: "enters a guest into the registry and makes its disk, UEFI variables and TPM state",
    method: "POST",
    path: "/vms",
    policy: "vm.define",
    risk: "low",
    timeoutS: 300,
  },
  "vm.start": {
    title: "Start",
    summary:
      "starts the guest's TPM and QEMU and lets it run, hidden; a suspended guest goes on where it was",
    method: "POST",
    path: "/vms/{id}/start",
    states: REST,
    policy: "vm.start",
    risk: "low",
    timeoutS: 600,
  },
  "vm.stop": {
    title: "Stop",
    summary: "asks the guest to shut down: agent, then ACPI, then QMP quit, then SIGKILL",
    method: "POST",
    path: "/vms/{id}/stop",
    states: LIVE,
    policy: "vm.stop",
    risk: "disruptive",
    whenBusy: "wait",
    timeoutS: MAX_GRACE_S + 60,
  },
  "vm.kill": {
    title: "Kill",
    summary: "ends QEMU at once, without asking the guest",
    method: "POST",
    path: "/vms/{id}/kill",
    policy: "vm.kill",
    risk: "destructive",
    whenBusy: "interrupt",
    timeoutS: 60,
  },
  "vm.suspend": {
    title: "Suspend",
    summary: "saves the guest's memory, devices and TPM to disk and ends QEMU; start goes on from there",
    method: "POST",
    path: "/vms/{id}/suspend",
    states: LIVE,
    policy: "vm.suspend",
    risk: "disruptive",
    whenBusy: "wait",
    timeoutS: 3600,
  },
  "vm.pause": {
    title: "Pause",
    summary: "stops the guest's processors; one that waits for room on a disk then goes on only when resumed",
    method: "POST",
    path: "/vms/{id}/pause",
    states: LIVE,
    policy: "vm.pause",
    risk: "low",
    whenBusy: "wait",
    timeoutS: 90,
  },
  "vm.resume": {
    title: "Resume",
    summary: "lets a paused guest run on",
    method: "POST",
    path: "/vms/{id}/resume",
    states: ["paused"],
    policy: "vm.resume",
    risk: "low",
    whenBusy: "wait",
    timeoutS: 90,
  },
  "vm.reset": {
    title: "Reset",
    summary: "hard reset, as by the button",
    method: "POST",
    path: "/vms/{id}/reset",
    states: LIVE,
    policy: "vm.reset",
    risk: "destructive",
    whenBusy: "wait",
    timeoutS: 90,
  },
  "vm.delete": {
    title: "Delete",
    summary: "takes the guest out of the registry; with disks also its folder",
    method: "DELETE",
    path: "/vms/{id}",
    states: ["stopped", "crashed", "suspended", "broken"],
    policy: "vm.delete",
    risk: "destructive",
    timeoutS: 600,
  },
  "vm.present": {
    title: "Present",
    summary: "shows the guest to the operator; only it may receive input",
    method: "POST",
    path: "/vms/{id}/present",
    states: LIVE,
    policy: "vm.present",
    risk: "low",
    whenBusy: "wait",
    timeoutS: 30,
  },
  "vm.hide": {
    title: "Hide",
    summary: "ends presentation and input",
    method: "POST",
    path: "/vms/{id}/hide",
    policy: "vm.hide",
    risk: "none",
    whenBusy: "interrupt",
    timeoutS: 30,
  },
  "baseline.create": {
    title: "Keep baseline",
    summary: "copies disks, UEFI variables and TPM state of a stopped guest, all of it or none",
    method: "POST",
    path: "/vms/{id}/baseline",
    states: ["stopped"],
    policy: "snapshot.create",
    risk: "low",
    timeoutS: 6 * 3600,
  },
  "provision.plan": {
    title: "Plan provisioning",
    summary: "what a provisioning run would do and what policy says of it; does nothing",
    method: "POST",
    path: "/vms/{id}/provision/plan",
    policy: null,
    risk: "none",
  },
  "provision.begin": {
    title: "Provision",
    summary:
      "installs a guest by an answers file, unattended: media, disk, registry, installation, proof, baseline; or goes on with an interrupted run",
    method: "POST",
    path: "/vms/{id}/provision",
    policy: "provision.begin",
    risk: "low",
    timeoutS: 60,
  },
  "provision.cancel": {
    title: "Call provisioning off",
    summary:
      "ends a provisioning run and its guest; it can be gone on with, or all that it has made is taken away",
    method: "POST",
    path: "/vms/{id}/provision/cancel",
    policy: "vm.stop",
    risk: "destructive",
    whenBusy: "interrupt",
    timeoutS: 300,
  },
  "net.show": {
    title: "Show network",
    summary: "what a guest's network is, and what policy would allow",
    method: "GET",
    path: "/vms/{id}/net",
    policy: null,
    risk: "none",
  },
  "net.set": {
    title: "Set network",
    summary: "switches a guest's network to a profile, or off",
    method: "POST",
    path: "/vms/{id}/net",
    policy: "net.set",
    risk: "low",
    whenBusy: "wait",
    timeoutS: 60,
  },
  "policy.explain": {
    title: "Explain decision",
    summary: "what policy would decide about an action on a guest, layer by layer; does nothing",
    method: "GET",
    path: "/vms/{id}/explain",
    policy: null,
    risk: "none",
  },
  "policy.check": {
    title: "Check policy",
    summary: "what another policy would change: effective rights of each guest, and what runs; does nothing",
    method: "POST",
    path: "/policy/check",
    policy: null,
    risk: "none",
  },
  "policy.apply": {
    title: "Apply policy",
    summary: "validates another policy, shows what it changes, and installs it as one step",
    method: "POST",
    path: "/policy",
    policy: "policy.apply",
    risk: "disruptive",
    timeoutS: 60,
  },
  "job.list": {
    title: "List jobs",
    summary: "actions that are under way or wait for another one",
    method: "GET",
    path: "/jobs",
    policy: null,
    risk: "none",
  },
  "job.cancel": {
    title: "Call off",
    summary: "calls off an action that waits or is under way: it undoes or ends itself",
    method: "POST",
    path: "/jobs/cancel",
    policy: null,
    risk: "low",
    timeoutS: 10,
  },
  "supervisor.stop": {
    title: "Stop supervisor",
    summary: "ends the supervisor; guests go on",
    method: "POST",
    path: "/supervisor/stop",
    policy: null,
    risk: "low",
    timeoutS: 10,
  },
} as const satisfies Record<string, Spec>;

export type ActionId = keyof typeof ACTIONS;
export type ActionSpec = Spec;

/** The table's row, with the types that all rows share. */
export function actionSpec(id: ActionId): ActionSpec {
  return ACTIONS[id];
}

export const ACTION_IDS = Object.keys(ACTIONS) as ActionId[]; // Object.keys forgets the literal types
