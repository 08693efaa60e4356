/**
 * The supervisor of one data root: holds policy, registry and guests, and takes every request through the same gate:
 * asked, decided, on record, carried out, on record.
 */
import type { ActionParams } from "../actions/params.ts";
import { type ActionId, ACTIONS, actionSpec } from "../actions/table.ts";
import type { LiveSample } from "../actions/live_views.ts";
import type { DoneView } from "../actions/views.ts";
import type { AuditLog, LoggedEvent } from "../audit/log.ts";
import type { Marker, MarkerEvent } from "../audit/markers.ts";
import type { Actor } from "../audit/record.ts";
import type { ControlTarget } from "../api/server.ts";
import { hasProcess } from "../lifecycle/states.ts";
import type { VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import { Counters } from "../metrics/counters.ts";
import type { HostFacts } from "../host/facts.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import type { GuestGroups } from "../cgroup/groups.ts";
import { CARD_MODEL } from "../network/card.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { decide } from "../../policy/decide.ts";
import type { Decision, PolicyFacts, PolicyState, Trigger } from "../../policy/types.ts";
import type { Layout } from "../../registry/layout.ts";
import type { RegistryStore } from "../../registry/store.ts";
import { deniedProblem, isRecorded, parseParams, recordedParams, unparsedParams } from "./asking.ts";
import { type Change, CHANGES, isChange } from "./changes.ts";
import type { Guest } from "./guest.ts";
import { type Job, Jobs } from "./jobs.ts";
import type { Journal } from "./journal.ts";
import { type Asked, Ledger } from "./ledger.ts";
import { reviewGuests, reviewMarks } from "./policy_live.ts";
import { loggingOf, revisionOf } from "./policy_source.ts";
import { metricsText } from "./metrics.ts";
import { Provisions } from "./provisions.ts";
import { READS } from "./reads.ts";
import { spaceWatch } from "./space.ts";
import type { SpaceWatch } from "./space_watch.ts";
import type { Sampler } from "./sampler.ts";
import { Streams } from "./streams.ts";
import { samplerOf } from "./subjects.ts";

export interface SupervisorParts {
  readonly root: string;
  readonly layout: Layout;
  readonly version: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuditLog;
  readonly store: RegistryStore;
  readonly journal: Journal;
  /** The groups by which the kernel limits guests. */
  readonly groups: GuestGroups;
  readonly hostFacts: () => Promise<HostFacts>;
  /** Asked once and kept; Failure `missing` when QEMU is not there. */
  readonly capabilities: () => Promise<HostCapabilities>;
  /** Ends the process in an orderly way. */
  readonly requestStop: () => void;
}

/** What makes the supervisor ask policy for an action; an operator's wish where nothing else is said. */
export interface Cause {
  readonly trigger: Trigger;
  /** Restarts of the guest within the last hour, where it is about one more. */
  readonly restarts?: number;
}

/** Changes that policy is not asked about: they touch no guest. */
const UNGATED = ["supervisor.stop", "job.cancel"] as const;
type Ungated = typeof UNGATED[number];

/** Whether KVM works here, and how that is known. */
type KnownKvm = Pick<HostCapabilities["kvm"], "usable" | "why">;

export class Supervisor implements ControlTarget {
  readonly guests = new Map<string, Guest>();
  readonly startedAt: number;
  #policy: PolicyState;
  presented: VmId | null = null;
  readonly ledger: Ledger;
  readonly jobs: Jobs;
  /** Watches the room on the file systems. */
  readonly space: SpaceWatch<VmId>;
  /** The host as last looked at: memory and processors don't change while it runs. */
  #host: HostFacts | undefined;
  #kvm: KnownKvm | undefined;
  /** This QEMU has what a guest's network is made of. */
  #hasWires = false;
  readonly #streams = new Streams();
  readonly counters = new Counters();
  readonly sampler: Sampler;
  readonly provisions: Provisions;

  constructor(readonly parts: SupervisorParts, policy: PolicyState) {
    this.#policy = policy;
    this.startedAt = parts.clock.now();
    this.ledger = new Ledger(parts.log, parts.random, () => revisionOf(this.policy));
    this.jobs = new Jobs(parts.clock);
    this.policy = policy;
    this.space = spaceWatch(this);
    this.sampler = samplerOf(this);
    this.provisions = new Provisions(this);
    parts.log.listen((event) => this.counters.event(event));
  }

  /** What the engine goes by. Its `[logging]` holds from the moment it is set. */
  get policy(): PolicyState {
    return this.#policy;
  }

  set policy(policy: PolicyState) {
    this.#policy = policy;
    this.parts.log.configure(loggingOf(policy));
  }

  /** Why the policy can't be trusted; null in normal mode. */
  get safeMode(): string | null {
    return this.policy.mode === "safe" ? this.policy.reason.message : null;
  }

  /** What is known of the host's KVM; undefined until it was looked at. */
  get kvm(): KnownKvm | undefined {
    return this.#kvm;
  }

  get version(): string {
    return this.parts.version;
  }

  listen(listener: (event: LoggedEvent) => void, ended: () => void): () => void {
    return this.#streams.add(this.parts.log.listen(listener), ended);
  }

  live(listener: (sample: LiveSample) => void, ended: () => void): () => void {
    return this.#streams.add(this.sampler.listen(listener), ended);
  }

  metrics(): Promise<string> {
    return metricsText(this);
  }

  /** Ends every stream that a client follows: the supervisor goes. */
  endStreams(): void {
    this.#streams.end();
  }

  followSerial(vm: string, listener: (bytes: Uint8Array) => void, ended: () => void): () => void {
    const run = this.guest(vm as VmId).run ?? fail("wrong_state", `${vm} does not run`); // only looked up
    void run.gone.then(ended);
    return this.#streams.add(run.serial.follow(listener), ended);
  }

  /**
   * Performs an action for somebody. Reading is done at once; everything else is put to policy and recorded. Throws a
   * Failure that says why not.
   */
  async perform(
    action: ActionId,
    params: unknown,
    actor: Actor,
    cause: Cause = { trigger: "operator" },
  ): Promise<unknown> {
    if (!isChange(action) && !isUngated(action)) {
      // The table's schema has made of the parameters just what the action's handler takes.
      const read = READS[action] as (s: Supervisor, params: unknown) => Promise<unknown>;
      return await read(this, parseParams(action, params));
    }
    let parsed: unknown;
    try {
      parsed = parseParams(action, params);
    } catch (error) {
      this.ledger.refuse(this.ledger.ask(action, actor, unparsedParams(params)), problemOf(error));
      throw error;
    }
    const asked = this.ledger.ask(action, actor, recordedParams(action, parsed));
    if (isUngated(action)) return await this.#ungated(action, parsed, asked);
    return await this.#inTurn(action, parsed, asked, cause);
  }

  /** Puts a request on record whose body could not be read. */
  turnAway(action: ActionId, problem: Problem, actor: Actor): void {
    if (isRecorded(action)) this.ledger.refuse(this.ledger.ask(action, actor, unparsedParams({})), problem);
  }

  /** Holds the guest while the action is looked at, decided and carried out. */
  async #inTurn(
    action: keyof typeof CHANGES,
    params: unknown,
    asked: Asked,
    cause: Cause,
  ): Promise<unknown> {
    const { corr, vm, actor } = asked;
    let job: Job;
    try {
      job = await this.jobs.enter({ id: corr, action, vm, actor });
    } catch (error) {
      this.ledger.refuse(asked, problemOf(error));
      throw error;
    }
    let after: (() => Promise<unknown>) | undefined;
    let done: unknown;
    try {
      ({ done, after } = await this.#change(action, params, { asked, cause, job }));
    } finally {
      // Nobody waits for the next one's turn to come.
      void this.jobs.leave(job);
    }
    return after ? await after() : done;
  }

  async #change(
    action: keyof typeof CHANGES,
    params: unknown,
    { asked, cause, job }: { asked: Asked; cause: Cause; job: Job },
  ): Promise<{ done: DoneView; after: (() => Promise<unknown>) | undefined }> {
    let change: Change;
    try {
      // As above: the schema made the parameters.
      if (asked.vm) this.provisions.keepOff(action, asked.vm, asked.actor);
      change = await (CHANGES[action] as (s: Supervisor, params: unknown) => Promise<Change>)(this, params);
      this.#checkPossible(action, change.guest);
    } catch (error) {
      this.ledger.refuse(asked, problemOf(error));
      throw error;
    }
    await this.#learnHost();
    // From here to the start of the effect nothing is awaited: no other request can change what the decision rests on.
    const { trigger, restarts } = cause;
    const decision = decide(this.policy, {
      action: ACTIONS[action].policy,
      trigger,
      ...(restarts === undefined ? {} : { restarts }),
      ...(change.ask ? { guest: change.ask } : {}),
      facts: this.policyFacts(change.guest),
      ...change.more,
    });
    if (decision.effect === "deny") {
      const problem = deniedProblem(action, change.vm, decision);
      this.ledger.refuse(asked, problem, change.vm);
      throw new Failure(problem);
    }
    try {
      this.#checkPossible(action, change.guest); // a kill, or the guest itself, may have been quicker
    } catch (error) {
      this.ledger.refuse(asked, problemOf(error), change.vm);
      throw error;
    }
    const done = await this.#carryOut(action, change, { asked, decision, job });
    const { after } = change;
    return { done, after: after && (() => after(done)) };
  }

  async #carryOut(
    action: keyof typeof CHANGES,
    change: Change,
    { asked, decision, job }: { asked: Asked; decision: Decision; job: Job },
  ): Promise<DoneView> {
    const { guest, vm, detail, intent } = change;
    const policy = this.policy;
    const going = {
      vm,
      reasons: decision.reasons,
      obligations: decision.obligations.map((obligation) => ({ ...obligation })),
      detail,
    };
    const { journal } = this.parts;
    const act = () =>
      job.within(timeoutOf(action), async (signal) => {
        if (intent) await journal.begin(asked.corr, intent);
        try {
          return await change.act(decision, signal, (text) => job.progress = text);
        } finally {
          if (intent) journal.end(intent.vm);
        }
      });
    try {
      return await this.ledger.carryOut(asked, going, act, ({ state }) => state ? { state } : {});
    } catch (error) {
      // Its end on record is that nobody knows; what it comes to is said when it is known.
      if (problemOf(error).code === "outcome_unknown") {
        void job.over.then(() =>
          this.putOnRecord("action.late_end", vm, { action, corr: asked.corr, state: guest?.state ?? null })
        );
      }
      throw error;
    } finally {
      // A guest that was being acted upon while the policy changed is looked at now.
      if (guest && policy !== this.policy) void reviewGuests(this);
      else reviewMarks(this);
    }
  }

  #checkPossible(action: ActionId, guest: Guest | undefined): void {
    const spec = actionSpec(action);
    if (!guest) return;
    if (spec.states && !spec.states.includes(guest.state)) {
      fail("wrong_state", `${action} is not possible: ${guest.id} is ${guest.state}`, {
        hint: `it is possible for a guest that is ${spec.states.join(", ")}`,
      });
    }
  }

  /** As {@link emit}, with an action and details of its own in the audit record. */
  observe(action: string, marker: Marker, vm: VmId | undefined, detail?: JsonObject): void {
    const { vm: _, ...fields } = marker.fields; // the record has a member of its own for it
    this.ledger.observe(action, vm, { ...fields, ...detail }, marker.event);
    this.parts.log.emit("supervisor", marker);
  }

  /** Writes what happened without a request into the trail. */
  putOnRecord(action: string, vm: VmId | undefined, detail: JsonObject, event?: MarkerEvent): void {
    this.ledger.observe(action, vm, detail, event);
  }

  /** Says that something happened; what changes a guest or the supervisor is put on record too. */
  emit(marker: Marker, component = "supervisor"): void {
    this.ledger.emit(marker, component);
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
      kvm: this.#kvm?.usable ?? false,
      networkEnforcer: this.#hasWires ? "provisioning_nat" : false,
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
    try {
      const { kvm, qemu } = await this.parts.capabilities();
      this.#kvm = kvm;
      this.#hasWires = qemu.netdevTypes.includes("stream") && qemu.devices.includes(CARD_MODEL);
    } catch (error) {
      this.#kvm = { usable: false, why: problemOf(error).message };
      this.#hasWires = false;
    }
  }

  /** The guest of an id; Failure `not_found`. */
  guest(id: VmId): Guest {
    return this.guests.get(id) ??
      fail("not_found", `there is no guest '${id}'`, { hint: "`rayvisor vm list` shows all" });
  }

  #ungated(action: Ungated, params: unknown, asked: Asked): Promise<DoneView> {
    return this.ledger.carryOut(asked, { reasons: [], obligations: [] }, () => {
      if (action === "supervisor.stop") this.parts.requestStop();
      // The schema of `job.cancel` made these parameters.
      else this.jobs.callOff((params as ActionParams<"job.cancel">).job);
      return Promise.resolve({ done: action });
    }, () => ({}));
  }
}

function isUngated(action: ActionId): action is Ungated {
  return UNGATED.some((one) => one === action);
}

/** Milliseconds that an action may take. */
function timeoutOf(action: keyof typeof CHANGES): number {
  return ACTIONS[action].timeoutS * 1000;
}
