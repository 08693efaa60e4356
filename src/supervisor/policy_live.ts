/**
 * A policy that changes while guests run: it is read anew, put on record, and what it takes away from running guests is
 * taken away at once (`policy/narrowing.ts`).
 */
import { eventWord } from "../audit/line.ts";
import type { JsonObject } from "../core/json.ts";
import { problemOf } from "../core/problem.ts";
import { hasProcess } from "../lifecycle/states.ts";
import { type Narrowed, narrowing, type NarrowingStep, type RunningGuest } from "../../policy/narrowing.ts";
import type { PolicyState } from "../../policy/types.ts";
import type { Guest } from "./guest.ts";
import { reviewLimits } from "./limits.ts";
import { networkOff } from "./network.ts";
import { nextPolicyState, revisionOf } from "./policy_source.ts";
import { armRelease, hide } from "./presentation.ts";
import { tellReboot } from "./reacting.ts";
import type { Supervisor } from "./supervisor.ts";

const queues = new WeakMap<Supervisor, Promise<unknown>>();

/** Runs `work` when everything before it that reads or writes the policy file has ended. */
export function whenPolicyIsStill<T>(s: Supervisor, work: () => Promise<T>): Promise<T> {
  const done = (queues.get(s) ?? Promise.resolve()).then(work);
  queues.set(s, done.catch(() => {})); // its failure is its caller's matter
  return done;
}

/** Reads the policy file again and goes by what it finds; a file that is as before changes nothing. */
export function reloadPolicy(s: Supervisor): Promise<void> {
  return whenPolicyIsStill(s, () => takePolicyFile(s));
}

/** As {@link reloadPolicy}, for whoever has the file still already. */
export async function takePolicyFile(s: Supervisor): Promise<void> {
  const before = s.policy;
  const next = await nextPolicyState(s.parts.layout, before);
  if (isSame(before, next)) return;
  s.policy = next;
  armRelease(s);
  tellPolicy(s, before);
  await reviewGuests(s);
}

function isSame(a: PolicyState, b: PolicyState): boolean {
  if (a.mode === "normal" && b.mode === "normal") {
    return a.loaded.revision === b.loaded.revision && a.signedBy === b.signedBy;
  }
  return a.mode === "safe" && b.mode === "safe" && a.reason.message === b.reason.message;
}

/** Says and puts on record which policy is in force now. `before` is absent at the start of the supervisor. */
export function tellPolicy(s: Supervisor, before?: PolicyState): void {
  const { policy } = s;
  const revision = revisionOf(policy);
  const from = before ? revisionOf(before) : "none";
  if (policy.mode === "safe") {
    const { reason } = policy;
    const fields = { revision, problems: reason.problems?.length ?? 1, file: reason.path ?? "" };
    s.observe("policy.rejected", { event: "RAYOS_POLICY:rejected", fields }, undefined, {
      from,
      to: revision,
      why: reason.message,
      rules: [...new Set((reason.reasons ?? []).map(({ rule }) => rule))],
    });
    s.emit({ event: "RAYOS_SAFE_MODE:on", fields: { reason: reason.message } });
    return;
  }
  s.parts.log.level = policy.loaded.policy.logging.level;
  const how = before ? "reloaded" : "loaded";
  s.observe(
    `policy.${how}`,
    { event: `RAYOS_POLICY:${how}`, fields: { revision, file: policy.loaded.file } },
    undefined,
    { from, to: revision, ...(policy.signedBy === undefined ? {} : { signed_by: policy.signedBy }) },
  );
  if (before?.mode === "safe") s.emit({ event: "RAYOS_SAFE_MODE:off", fields: { reason: "policy loaded" } });
}

/** What `policy` would take away from the guests that run now. */
export function consequencesOf(s: Supervisor, policy: PolicyState): readonly Narrowed[] {
  const { hostVcpus, hostMemoryMib, networkEnforcer } = s.policyFacts(undefined);
  return narrowing(policy, [...s.guests.values()].flatMap((guest) => runningGuest(s, guest)), {
    hostVcpus: Math.max(1, hostVcpus),
    // That the host can't be measured is no reason to take anything away from a guest that runs.
    hostMemoryMib: hostMemoryMib > 0 ? hostMemoryMib : Number.MAX_SAFE_INTEGER,
    networkEnforcer,
  });
}

function runningGuest(s: Supervisor, guest: Guest): RunningGuest[] {
  const { record, share, run } = guest;
  if (!record || !share || !hasProcess(guest.state)) return [];
  return [{
    guest: record,
    given: share,
    startedAt: run?.startedAt ?? s.parts.clock.now(),
    presented: s.presented === guest.id,
    network: guest.network?.profile ?? "off",
    provisioning: guest.network?.provisioning ?? false,
    kvm: run ? run.accelerator === "kvm" : true,
  }];
}

/** Compares every running guest with its effective rights, and takes away what is no longer granted. */
export async function reviewGuests(s: Supervisor): Promise<void> {
  await s.host().catch(() => {}); // see consequencesOf()
  const narrowed = new Map(consequencesOf(s, s.policy).map(({ vm, steps }) => [vm, steps]));
  for (const guest of s.guests.values()) {
    // A guest that is only starting is looked at when its start is over.
    if (guest.run) narrow(s, guest, narrowed.get(guest.id) ?? []);
  }
  await reviewLimits(s);
}

/** As {@link reviewGuests}, after something else than the policy changed: needed only where a guest is marked. */
export function reviewMarks(s: Supervisor): void {
  if (![...s.guests.values()].some(({ narrowed }) => narrowed.length > 0)) return;
  void reviewGuests(s);
}

function narrow(s: Supervisor, guest: Guest, steps: readonly NarrowingStep[]): void {
  const before = guest.narrowed;
  guest.narrowed = steps;
  guest.run?.agent.rightsChanged();
  tellReboot(s, guest);
  const isNew = (step: NarrowingStep) => !before.some((other) => sameStep(step, other));
  for (const step of steps) take(s, guest, step, isNew(step));
  for (
    const gone of before.filter((step) => isLasting(step) && !steps.some((other) => sameStep(step, other)))
  ) {
    s.putOnRecord("policy.mark_cleared", guest.id, { rule: gone.reason.rule });
  }
  // One that is being acted upon is looked at again when that is over.
  if (
    steps.some(({ kind }) => kind === "stop") && (guest.state === "running" || guest.state === "paused") &&
    !s.jobs.on(guest.id)
  ) {
    // Put on record as any other stop; that it failed is on record too.
    s.perform("vm.stop", { id: guest.id }, { kind: "supervisor" }).catch(() => {});
  }
}

function take(s: Supervisor, guest: Guest, step: NarrowingStep, isNew: boolean): void {
  const { kind, reason } = step;
  const detail: JsonObject = { step: kind, rule: reason.rule, why: reason.why, where: reason.where ?? null };
  if (kind === "hide") {
    hide(s, "policy", guest);
    s.putOnRecord("policy.narrowed", guest.id, detail, "RAYOS_PRESENTATION:off");
    return;
  }
  if (kind === "cpu_cap" && guest.share) guest.share = { ...guest.share, cpuPercent: step.toPercent };
  if (!isNew) return;
  if (isLasting(step)) {
    s.observe(
      "policy.narrowed",
      {
        event: `RAYOS_POLICY_VIOLATION:${eventWord(reason.rule)}:${eventWord(reason.where ?? "narrowed")}`,
        fields: { vm: guest.id, action: "policy.narrowed" },
      },
      guest.id,
      detail,
    );
    return;
  }
  if (kind === "network_off") {
    void networkOff(s, guest, "policy").catch((error: unknown) => {
      guest.problems = [...guest.problems, problemOf(error)];
    });
  }
  s.putOnRecord("policy.narrowed", guest.id, detail);
}

function isLasting({ kind }: NarrowingStep): boolean {
  return kind === "mark" || kind === "stop" || kind === "share_off";
}

function sameStep(a: NarrowingStep, b: NarrowingStep): boolean {
  return a.kind === b.kind && a.reason.rule === b.reason.rule && a.reason.why === b.reason.why;
}

/** What the operator is told of a guest that has more than policy allows. */
export function narrowedNotes(steps: readonly NarrowingStep[]): string[] {
  return steps.filter(isLasting).map(({ kind, reason }) => {
    const where = reason.where === undefined ? "" : ` (${reason.where})`;
    const then = kind === "stop" ? "it is being stopped" : "it goes on, but can't be started again so";
    return `policy: ${reason.rule}: ${reason.why}${where}; ${then}`;
  });
}
