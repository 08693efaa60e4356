/**
 * The supervisor of one data root: holds policy, registry and guests, and takes every request through the same gate:
 * asked, decided, on record, carried out, on record.
 */
import { paramsOf } from "../actions/params.ts";
import { type ActionId, ACTIONS, actionSpec } from "../actions/table.ts";
import type { DoneView } from "../actions/views.ts";
import { eventWord } from "../audit/line.ts";
import type { AuditLog, LoggedEvent } from "../audit/log.ts";
import type { Marker, MarkerEvent } from "../audit/markers.ts";
import type { Actor, AuditEntry, Phase } from "../audit/record.ts";
import type { ControlTarget } from "../api/server.ts";
import { hasProcess } from "../lifecycle/states.ts";
import type { VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import type { HostFacts } from "../host/facts.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { decide } from "../../policy/decide.ts";
import type { Decision, PolicyFacts, PolicyState } from "../../policy/types.ts";
import type { Layout } from "../../registry/layout.ts";
import type { RegistryStore } from "../../registry/store.ts";
import { type Change, CHANGES, isChange } from "./changes.ts";
import type { Guest } from "./guest.ts";
import { reviewGuests, reviewMarks } from "./policy_live.ts";
import { revisionOf } from "./policy_source.ts";
import { READS } from "./reads.ts";

export interface SupervisorParts {
  readonly root: string;
  readonly layout: Layout;
  readonly version: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuditLog;
  readonly store: RegistryStore;
  readonly hostFacts: () => Promise<HostFacts>;
  /** Asked once and kept; Failure `missing` when QEMU is not there. */
  readonly capabilities: () => Promise<HostCapabilities>;
  /** Ends the process in an orderly way. */
  readonly requestStop: () => void;
}

export class Supervisor implements ControlTarget {
  readonly guests = new Map<string, Guest>();
  readonly startedAt: number;
  policy: PolicyState;
  presented: VmId | null = null;
  /** The host as last looked at: memory and processors don't change while it runs. */
  #host: HostFacts | undefined;
  #kvm = false;
  /** What ends the streams that clients follow. */
  readonly #streams = new Set<() => void>();

  constructor(readonly parts: SupervisorParts, policy: PolicyState) {
    this.policy = policy;
    this.startedAt = parts.clock.now();
  }

  /** Why the policy can't be trusted; null in normal mode. */
  get safeMode(): string | null {
    return this.policy.mode === "safe" ? this.policy.reason.message : null;
  }

  get version(): string {
    return this.parts.version;
  }

  listen(listener: (event: LoggedEvent) => void, ended: () => void): () => void {
    const unlisten = this.parts.log.listen(listener);
    this.#streams.add(ended);
    return () => {
      unlisten();
      this.#streams.delete(ended);
    };
  }

  /** Ends every stream that a client follows: the supervisor goes. */
  endStreams(): void {
    for (const end of [...this.#streams]) end();
  }

  followSerial(vm: string, listener: (bytes: Uint8Array) => void, ended: () => void): () => void {
    const run = this.guest(vm as VmId).run ?? fail("wrong_state", `${vm} does not run`); // only looked up
    void run.gone.then(ended);
    const unfollow = run.serial.follow(listener);
    this.#streams.add(ended);
    return () => {
      unfollow();
      this.#streams.delete(ended);
    };
  }

  /**
   * Performs an action for somebody. Reading is done at once; everything else is put to policy and recorded. Throws a
   * Failure that says why not.
   */
  async perform(action: ActionId, params: unknown, actor: Actor): Promise<unknown> {
    const parsed = parseParams(action, params);
    if (isChange(action)) return await this.#change(action, parsed, actor);
    if (action === "supervisor.stop") return this.#stop(actor);
    // The table's schema has made of the parameters just what the action's handler takes.
    return await (READS[action] as (s: Supervisor, params: unknown) => Promise<unknown>)(this, parsed);
  }

  async #change(action: keyof typeof CHANGES, params: unknown, actor: Actor): Promise<unknown> {
    const corr = this.parts.random.uuid();
    const base = { corr, actor, action, policy: revisionOf(this.policy) };
    let change: Change;
    try {
      // As above: the schema made the parameters.
      change = await (CHANGES[action] as (s: Supervisor, params: unknown) => Promise<Change>)(this, params);
      this.#checkPossible(action, change.guest);
    } catch (error) {
      this.#refuse(base, problemOf(error), idIn(params));
      throw error;
    }
    const entry = change.vm ? { ...base, vm: change.vm } : base;
    await this.#learnHost();
    // From here to the start of the effect nothing is awaited: no other request can change what the decision rests on.
    const decision = decide(this.policy, {
      action: ACTIONS[action].policy,
      trigger: "operator",
      ...(change.ask ? { guest: change.ask } : {}),
      facts: this.policyFacts(change.guest),
      ...change.more,
    });
    if (decision.effect === "deny") {
      const problem = deniedProblem(action, change.vm, decision);
      this.#refuse(entry, problem, change.vm);
      throw new Failure(problem);
    }
    this.#checkPossible(action, change.guest); // somebody else may have been quicker
    const done = await this.#carryOut(entry, change, decision);
    return change.after ? await change.after(done) : done;
  }

  /** The record of beginning is on disk before anything is done; whatever happens then, an end follows it. */
  async #carryOut(
    entry: Omit<AuditEntry, "phase">,
    change: Change,
    decision: Decision,
  ): Promise<DoneView> {
    const { log } = this.parts;
    const reasons = decision.reasons;
    log.record(
      { ...entry, phase: "requested", ...(change.detail ? { detail: change.detail } : {}) },
      {
        ...entry,
        phase: "decided",
        reasons,
        ...(decision.obligations.length ? { detail: obligationsOf(decision) } : {}),
      },
      { ...entry, phase: "started" },
    );
    const guest = change.guest;
    const action = entry.action as ActionId; // made from one in #change
    const interrupts = actionSpec(action).interrupts === true;
    const policy = this.policy;
    if (guest && !interrupts) guest.busy = action;
    try {
      const done = await change.act(decision);
      const detail = { ...change.detail, ...(done.state ? { state: done.state } : {}) };
      this.#end({ ...entry, phase: "finished", ...(Object.keys(detail).length ? { detail } : {}) });
      this.#acknowledge(action, "ok", "done", change.vm);
      return done;
    } catch (error) {
      const problem = problemOf(error);
      const phase: Phase = problem.code === "outcome_unknown" ? "outcome_unknown" : "failed";
      this.#end({ ...entry, phase, detail: { code: problem.code, message: problem.message } });
      this.#acknowledge(action, "err", problem.code, change.vm);
      throw error;
    } finally {
      if (guest && !interrupts) guest.busy = undefined;
      // A guest that was being acted upon while the policy changed is looked at now.
      if (guest && policy !== this.policy) void reviewGuests(this);
      else reviewMarks(this);
    }
  }

  #end(entry: AuditEntry): void {
    try {
      this.parts.log.record(entry);
    } catch { /* it is done; that the trail can't be written is refused at the next request */ }
  }

  /** Puts a request that came to nothing on record. */
  #refuse(base: Omit<AuditEntry, "phase">, problem: Problem, vm: VmId | undefined): void {
    const entry = vm ? { ...base, vm } : base;
    const refused = problem.code === "denied" || problem.code === "path_escape";
    this.parts.log.record({ ...entry, phase: "requested" }, {
      ...entry,
      phase: refused ? "refused" : "failed",
      ...(problem.reasons ? { reasons: problem.reasons } : {}),
      detail: { code: problem.code, message: problem.message },
    });
    for (const reason of refused ? problem.reasons ?? [] : []) {
      this.emit({
        event: `RAYOS_POLICY_VIOLATION:${eventWord(reason.rule)}:${eventWord(reason.where ?? "refused")}`,
        fields: { ...(vm ? { vm } : {}), action: base.action },
      });
    }
    this.#acknowledge(base.action, "err", problem.reasons?.[0]?.rule ?? problem.code, vm);
  }

  #acknowledge(action: string, outcome: "ok" | "err", detail: string, vm: VmId | undefined): void {
    this.emit({
      event: `RAYOS_HOST_ACK:${eventWord(action)}:${outcome}:${eventWord(detail)}`,
      fields: vm ? { vm } : {},
    });
  }

  #checkPossible(action: ActionId, guest: Guest | undefined): void {
    const spec = actionSpec(action);
    if (!guest) return;
    if (guest.busy && !spec.interrupts) {
      fail("busy", `${action} is not possible: ${guest.busy} is under way on ${guest.id}`, {
        hint: "wait for it, or end the guest with `rayvisor vm kill`",
      });
    }
    if (spec.states && !spec.states.includes(guest.state)) {
      fail("wrong_state", `${action} is not possible: ${guest.id} is ${guest.state}`, {
        hint: `it is possible for a guest that is ${spec.states.join(", ")}`,
      });
    }
  }

  /** Writes an event that nobody asked for into the trail, and to whoever listens. */
  observe(action: string, marker: Marker, vm: VmId | undefined, detail?: JsonObject): void {
    this.putOnRecord(action, vm, { ...marker.fields, ...detail }, marker.event);
    this.emit(marker);
  }

  /** Writes what happened without a request into the trail. */
  putOnRecord(action: string, vm: VmId | undefined, detail: JsonObject, event?: MarkerEvent): void {
    try {
      this.parts.log.record({
        corr: this.parts.random.uuid(),
        actor: { kind: "supervisor" },
        phase: "observed",
        action,
        ...(vm ? { vm } : {}),
        policy: revisionOf(this.policy),
        ...(event ? { event } : {}),
        detail,
      });
    } catch { /* it happened all the same; changes are refused until the trail can be written */ }
  }

  emit(marker: Marker, component = "supervisor"): void {
    this.parts.log.emit(component, marker);
  }

  /** Sums and facts for a decision about `guest`, which does not count itself. */
  policyFacts(guest: Guest | undefined): PolicyFacts {
    const others = [...this.guests.values()].filter((other) => other !== guest && other.share);
    const sum = (pick: (share: NonNullable<Guest["share"]>) => number) =>
      others.reduce((total, other) => total + (other.share ? pick(other.share) : 0), 0);
    return {
      hostVcpus: this.#host?.cpus ?? 0,
      hostMemoryMib: this.#host?.memoryMib ?? 0,
      running: {
        count: others.length,
        vcpus: sum((s) => s.vcpu),
        memoryMib: sum((s) => s.memoryMib),
        cpuPercent: sum((s) => s.cpuPercent),
      },
      presented: this.presented,
      guestRunning: guest !== undefined && hasProcess(guest.state),
      kvm: this.#kvm,
      networkEnforcer: false, // no part of this version enforces a network profile, so none is ever on
    };
  }

  /** As {@link policyFacts}, the host looked at first. */
  async policyFactsNow(guest: Guest | undefined): Promise<PolicyFacts> {
    await this.#learnHost();
    return this.policyFacts(guest);
  }

  /** The host's size. */
  async host(): Promise<HostFacts> {
    return this.#host ??= await this.parts.hostFacts();
  }

  /** Looks at the host once, so that facts for decisions can be had without waiting. */
  async #learnHost(): Promise<void> {
    await this.host();
    this.#kvm = await this.parts.capabilities().then((c) => c.kvm.usable, () => false);
  }

  /** The guest of an id; Failure `not_found`. */
  guest(id: VmId): Guest {
    return this.guests.get(id) ??
      fail("not_found", `there is no guest '${id}'`, { hint: "`rayvisor vm list` shows all" });
  }

  #stop(actor: Actor): { done: string } {
    const entry = {
      corr: this.parts.random.uuid(),
      actor,
      action: "supervisor.stop",
      policy: revisionOf(this.policy),
    };
    this.parts.log.record({ ...entry, phase: "requested" }, { ...entry, phase: "started" });
    this.parts.requestStop();
    this.parts.log.record({ ...entry, phase: "finished" });
    return { done: "supervisor.stop" };
  }
}

function obligationsOf(decision: Decision): JsonObject {
  return { obligations: decision.obligations.map((obligation) => ({ ...obligation })) };
}

function parseParams(action: ActionId, params: unknown): unknown {
  const parsed = paramsOf(action).safeParse(params);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    code: "usage" as const,
    path: issue.path.join("."),
    message: `${issue.path.join(".") || "parameters"}: ${issue.message}`,
  }));
  return fail("usage", `${action}: ${problems[0]?.message ?? "wrong parameters"}`, { problems });
}

function idIn(params: unknown): VmId | undefined {
  const id = (params as { id?: VmId } | undefined)?.id; // parsed by the table's schema
  return id;
}

function deniedProblem(action: string, vm: VmId | undefined, decision: Decision): Problem {
  const first = decision.reasons[0];
  return {
    code: "denied",
    message: `${action}${vm ? ` on ${vm}` : ""} is denied by policy: ${first.why}`,
    reasons: decision.reasons,
    ...(vm ? { hint: `\`rayvisor policy explain ${vm} ${action}\` shows how it was decided` } : {}),
  };
}
