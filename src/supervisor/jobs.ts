/**
 * Actions that are under way: at most one on a guest at a time, the others wait or are refused by table. Each can be called
 * off, and each has a longest time.
 */
import { type ActionId, actionSpec } from "../actions/table.ts";
import type { JobView } from "../actions/views.ts";
import type { Actor } from "../audit/record.ts";
import type { VmId } from "../core/ids.ts";
import { fail, Failure } from "../core/problem.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";

/** Most actions that wait for one guest; further ones are refused. */
const MAX_WAITING = 8;

/** How long an action that was called off may take to undo itself before nobody waits for it any more. */
const UNDO_MS = 10_000;

/** What becomes of an action while others are under way on its guest. */
export type Admission =
  | { readonly kind: "go" }
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly why: string };

/**
 * Whether `asked` may begin, by the table's `whenBusy`. Never behind the same action: who asks twice for a stop wants one.
 *
 * @param holder the action that is being carried out on the guest
 * @param waiting those that wait for it, the next one first
 */
export function admit(
  asked: ActionId,
  holder: ActionId | undefined,
  waiting: readonly ActionId[],
): Admission {
  const { whenBusy } = actionSpec(asked);
  if (holder === undefined || whenBusy === "interrupt") return { kind: "go" };
  const same = [holder, ...waiting].includes(asked);
  if (whenBusy === undefined || same) return { kind: "refuse", why: `${same ? asked : holder} is under way` };
  return waiting.length < MAX_WAITING
    ? { kind: "wait" }
    : { kind: "refuse", why: `${waiting.length} actions wait for ${holder} already` };
}

/** What is asked for. */
export interface JobRequest {
  /** Correlation id of the request in the audit trail; the job's name. */
  readonly id: string;
  readonly action: ActionId;
  /** Absent for what is about no guest. */
  readonly vm?: VmId | undefined;
  readonly actor: Actor;
}

/** One action from its asking to its end. */
export class Job {
  readonly #abort = new AbortController();
  readonly askedAt: Instant;
  startedAt: Instant | undefined;
  /** How far it has come, in words for people; null where it does not say. */
  progress: string | null = null;
  /** Settles when what the action does has really ended, which may be after its answer. */
  over: Promise<void> = Promise.resolve();

  constructor(readonly request: JobRequest, private readonly clock: Clock) {
    this.askedAt = clock.now();
  }

  /** Aborts when the action is called off or its time is over; its reason is the Failure to end with. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Asks the action to undo or end itself. */
  callOff(why: string): void {
    if (this.signal.aborted) return;
    this.#abort.abort(new Failure({ code: "cancelled", message: `${this.request.action} was ${why}` }));
  }

  /**
   * Carries the action out within its time. What is called off and does not end by itself soon is `outcome_unknown`: it may
   * still be carried out.
   */
  async within<T>(timeoutMs: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { action } = this.request;
    const abandoned = Promise.withResolvers<never>();
    let forget = () => {};
    const onAbort = () => {
      forget = this.clock.after(UNDO_MS, () => {
        const message = `${action} was called off and has not ended: it may still be carried out`;
        abandoned.reject(new Failure({ code: "outcome_unknown", message }));
      });
    };
    if (this.signal.aborted) throw this.signal.reason;
    this.signal.addEventListener("abort", onAbort, { once: true });
    const disarm = this.clock.after(
      timeoutMs,
      () => this.callOff(`not done within ${timeoutMs / 1000} s and called off`),
    );
    const acting = act(this.signal);
    this.over = acting.then(() => {}, () => {});
    try {
      return await Promise.race([acting, abandoned.promise]);
    } finally {
      disarm();
      forget();
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  view(): JobView {
    const { id, action, vm, actor } = this.request;
    return {
      job: id,
      action,
      vm: vm ?? null,
      state: this.signal.aborted ? "called_off" : this.startedAt === undefined ? "waiting" : "running",
      actor: actor.kind,
      asked_at: formatUtc(this.askedAt),
      started_at: this.startedAt === undefined ? null : formatUtc(this.startedAt),
      progress: this.progress,
    };
  }
}

interface Waiting {
  readonly job: Job;
  readonly go: () => void;
}

interface Turn {
  holder: Job;
  readonly waiting: Waiting[];
  /** Resolves when nobody holds the guest any more. */
  readonly over: PromiseWithResolvers<void>;
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #turns = new Map<VmId, Turn>();

  constructor(private readonly clock: Clock) {}

  /**
   * A job that may begin: it holds its guest until {@link leave}. Waits where the table says so. Failure `busy` where it
   * says no, `cancelled` when it was called off while it waited.
   */
  async enter(request: JobRequest): Promise<Job> {
    const job = new Job(request, this.clock);
    const { action, vm } = request;
    const turn = vm && this.#turns.get(vm);
    const admission = admit(
      action,
      turn?.holder.request.action,
      turn?.waiting.map(({ job }) => job.request.action) ?? [],
    );
    if (admission.kind === "refuse") {
      fail("busy", `${action} is not possible: ${admission.why} on ${vm}`, {
        hint: "wait for it, call it off (`rayvisor jobs`), or end the guest with `rayvisor vm kill`",
      });
    }
    this.#jobs.set(request.id, job);
    if (admission.kind === "wait" && turn) await this.#wait(turn, job);
    else if (vm && actionSpec(action).whenBusy !== "interrupt") {
      this.#turns.set(vm, { holder: job, waiting: [], over: Promise.withResolvers() });
    }
    job.startedAt = this.clock.now();
    return job;
  }

  async #wait(turn: Turn, job: Job): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry: Waiting = { job, go: resolve };
    turn.waiting.push(entry);
    job.signal.addEventListener("abort", () => {
      const at = turn.waiting.indexOf(entry);
      if (at < 0) return; // its turn has come
      turn.waiting.splice(at, 1);
      this.#jobs.delete(job.request.id);
      reject(job.signal.reason);
    }, { once: true });
    await promise;
  }

  /** Ends a job; the guest is the next one's as soon as what it did has really ended. */
  async leave(job: Job): Promise<void> {
    await job.over;
    const { id, vm } = job.request;
    this.#jobs.delete(id);
    const turn = vm && this.#turns.get(vm);
    if (!turn || turn.holder !== job) return;
    const next = turn.waiting.shift();
    if (!next) {
      this.#turns.delete(vm);
      turn.over.resolve();
      return;
    }
    turn.holder = next.job;
    next.go();
  }

  /** Resolves when no action holds the guest; another one may do so again by then. */
  whenFree(vm: VmId): Promise<void> {
    const turn = this.#turns.get(vm);
    return turn ? turn.over.promise : Promise.resolve();
  }

  /** The action that is being carried out on a guest. */
  on(vm: VmId): Job | undefined {
    return this.#turns.get(vm)?.holder;
  }

  /** Calls a job off. Failure `not_found` when it is over, or never was. */
  callOff(id: string): Job {
    const job = this.#jobs.get(id) ??
      fail("not_found", `there is no job '${id}' under way`, { hint: "`rayvisor jobs` shows all" });
    job.callOff("called off");
    return job;
  }

  /** Calls everything off and waits for it: the supervisor goes. */
  async callOffAll(why: string): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) job.callOff(why);
    await Promise.all(jobs.map((job) => job.over));
  }

  /** What is under way, the oldest first. */
  list(): JobView[] {
    return [...this.#jobs.values()].map((job) => job.view());
  }
}
