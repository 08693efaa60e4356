/** What the audit trail must hold whatever happened: no gap, and exactly one end for everything that began. */
import { TrailFollower } from "../../src/audit/files.ts";
import { type AuditRecord, END_PHASES } from "../../src/audit/record.ts";

interface Request {
  readonly action: string;
  readonly seq: number;
  readonly phases: string[];
}

/** Members of a record's detail that say what kind of thing happened. */
const WORDS = ["as", "came_to", "intent", "why"] as const;

/** Follows a trail from its first record on. */
export class TrailWatch {
  readonly #follower: TrailFollower;
  #last = 0;
  /** Requests without an end, by correlation id. */
  readonly #open = new Map<string, Request>();
  /** Requests that began, by the pid that the command claimed for itself. */
  readonly #began = new Map<number, string[]>();
  /** Supervisors that began and did not say that they end. */
  readonly #supervisors = new Set<number>();
  readonly #faults: string[] = [];
  records = 0;
  /** How often what happened without a request. */
  readonly told = new Map<string, number>();

  constructor(auditFile: string) {
    this.#follower = new TrailFollower(auditFile);
  }

  /** Reads on, and gives what was found wrong for good since the last time. */
  read(): string[] {
    for (const { record } of this.#follower.next()) this.#take(record);
    return this.#faults.splice(0);
  }

  /** What has begun and has no end. Nothing, once nothing is under way. */
  unfinished(): string[] {
    return [...this.#open.values()].map(({ action, seq, phases }) =>
      `record ${seq}: ${action} has no end: ${phases.join(", ")}`
    );
  }

  /** Whether a request that this process has made began, by the trail. */
  began(pid: number, action: string): boolean {
    return this.#began.get(pid)?.includes(action) ?? false;
  }

  forgetClients(): void {
    this.#began.clear();
  }

  /** Supervisors that began and never said that they end, without the one that serves. */
  diedSupervisors(present: number | undefined): number[] {
    return [...this.#supervisors].filter((pid) => pid !== present);
  }

  close(): void {
    this.#follower.close();
  }

  #take(record: AuditRecord): void {
    const { seq, corr, phase, action } = record;
    this.records++;
    if (seq !== this.#last + 1) this.#faults.push(`record ${seq} follows on record ${this.#last}`);
    this.#last = seq;
    if (phase === "observed") this.#observed(record);
    else if (phase === "requested") {
      if (this.#open.has(corr)) this.#faults.push(`record ${seq}: ${corr} is requested twice`);
      this.#open.set(corr, { action, seq, phases: [phase] });
    } else if (phase === "refused" || END_PHASES.includes(phase)) {
      if (!this.#open.delete(corr)) {
        this.#faults.push(`record ${seq}: ${action} has one end too many (${phase})`);
      }
    } else this.#open.get(corr)?.phases.push(phase);
    const pid = record.actor.claimed?.pid;
    if (phase === "started" && pid !== undefined) {
      this.#began.set(pid, [...this.#began.get(pid) ?? [], action]);
    }
  }

  #observed({ event, detail, seq, action }: AuditRecord): void {
    const what = `${action}${
      WORDS.map((name) => detail?.[name]).filter(Boolean).map((word) => ` ${word}`).join("")
    }`;
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
    const pid = Number(detail?.pid);
    if (event === "RAYOS_SUPERVISOR:start") this.#supervisors.add(pid);
    if (event === "RAYOS_SUPERVISOR:stop") this.#supervisors.delete(pid);
    if (action === "audit.mismatch") this.#faults.push(`record ${seq}: ${JSON.stringify(detail)}`);
  }
}
