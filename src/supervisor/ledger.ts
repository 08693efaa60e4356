/**
 * What the supervisor puts on record: each request from its asking to its one end, and what happens without a request. It
 * says the same as markers to whoever listens.
 */
import type { JsonObject } from "../core/json.ts";
import type { PolicyRevision, VmId } from "../core/ids.ts";
import type { Problem, Reason } from "../core/problem.ts";
import { problemOf } from "../core/problem.ts";
import { unfinishedStarts } from "../audit/files.ts";
import { eventWord } from "../audit/line.ts";
import type { AuditLog } from "../audit/log.ts";
import { actionOf, type Marker, type MarkerEvent, recordedBy } from "../audit/markers.ts";
import type { Actor, AuditEntry } from "../audit/record.ts";
import { type FileOps, systemFiles } from "../ports/file_ops.ts";
import type { Random } from "../ports/random.ts";

/** A request as it was asked: what all of its records have in common, and its parameters. */
export interface Asked {
  readonly corr: string;
  readonly actor: Actor;
  readonly action: string;
  /** The guest that it is about, as far as that could be read. */
  readonly vm?: VmId | undefined;
  readonly params: JsonObject;
  /** Names of parameters that are secret: their values are nowhere. */
  readonly masked: readonly string[];
}

/** What is known of a request when it is about to be carried out. */
export interface Going {
  readonly vm?: VmId | undefined;
  /** Why policy allows it; empty when policy is not asked. */
  readonly reasons: readonly Reason[];
  readonly obligations: readonly JsonObject[];
  /** What is put on record besides. */
  readonly detail?: JsonObject | undefined;
}

type Head = Omit<AuditEntry, "phase">;

export class Ledger {
  /** Requests that are being carried out, the last begun last. */
  readonly #underWay: Asked[] = [];

  constructor(
    private readonly log: AuditLog,
    private readonly random: Random,
    private readonly revision: () => PolicyRevision,
  ) {}

  ask(action: string, actor: Actor, given: Pick<Asked, "vm" | "params" | "masked">): Asked {
    return { corr: this.random.uuid(), actor, action, ...given };
  }

  /** Puts a request that came to nothing on record. Never throws: nothing was changed. */
  refuse(asked: Asked, problem: Problem, vm = asked.vm): void {
    const head = this.#headOf({ ...asked, vm });
    const isRefused = problem.code === "denied" || problem.code === "path_escape";
    const violations = (isRefused ? problem.reasons ?? [] : []).map(violationOf);
    const event = acknowledgement(asked.action, "err", problem.reasons?.[0]?.rule ?? problem.code);
    this.log.recordLate(requestOf(head, asked), {
      ...head,
      phase: isRefused ? "refused" : "failed",
      ...(problem.reasons ? { reasons: problem.reasons } : {}),
      event,
      detail: { ...failureOf(problem), ...(violations.length ? { violations } : {}) },
    });
    for (const violation of violations) {
      this.log.emit("supervisor", {
        event: violation,
        fields: { ...(vm ? { vm } : {}), action: asked.action },
      });
    }
    this.log.emit("supervisor", { event, fields: vm ? { vm } : {} });
  }

  /**
   * Carries a request out. That it begins is on disk before `act` is called, and it has exactly one end on record: when that
   * can't be written at once, then before anything else is. Failure `audit_unavailable`, and nothing is done, when the
   * beginning can't be written; else whatever `act` throws.
   */
  async carryOut<T>(
    asked: Asked,
    going: Going,
    act: () => Promise<T>,
    told: (done: T) => JsonObject,
  ): Promise<T> {
    const head = this.#headOf({ ...asked, vm: going.vm });
    const { reasons, obligations, detail } = going;
    const decided: AuditEntry[] = reasons.length === 0
      ? []
      : [{ ...head, phase: "decided", reasons, ...(obligations.length ? { detail: { obligations } } : {}) }];
    try {
      this.log.record(requestOf(head, asked, detail), ...decided, { ...head, phase: "started" });
    } catch (error) {
      this.#end(head, "failed", problemOf(error).code, {
        ...failureOf(problemOf(error)),
        params: asked.params,
      });
      throw error;
    }
    const entry = { ...asked, vm: going.vm };
    this.#underWay.push(entry);
    try {
      const done = await act();
      this.#end(head, "finished", "done", { ...detail, ...told(done) });
      return done;
    } catch (error) {
      const problem = problemOf(error);
      const phase = problem.code === "outcome_unknown" ? "outcome_unknown" : "failed";
      this.#end(head, phase, problem.code, failureOf(problem));
      throw error;
    } finally {
      this.#underWay.splice(this.#underWay.indexOf(entry), 1);
    }
  }

  #end(
    head: Head,
    phase: "finished" | "failed" | "outcome_unknown",
    detail: string,
    more: JsonObject,
  ): void {
    const event = acknowledgement(head.action, phase === "finished" ? "ok" : "err", detail);
    this.log.recordLate({ ...head, phase, event, ...(Object.keys(more).length ? { detail: more } : {}) });
    this.log.emit("supervisor", { event, fields: head.vm ? { vm: head.vm } : {} });
  }

  /**
   * Puts on record what happens without a request, a moment after it was told: whoever waits for it need not wait for the disk.
   * What an action does to its guest has the action's correlation id. Never throws: it has happened.
   */
  observe(action: string, vm: VmId | undefined, detail: JsonObject, event?: MarkerEvent): void {
    const cause = vm && this.#underWay.findLast((asked) => asked.vm === vm);
    this.log.recordSoon({
      ...this.#headOf({
        corr: cause ? cause.corr : this.random.uuid(),
        actor: { kind: "supervisor" },
        action,
        vm,
      }),
      phase: "observed",
      ...(event ? { event } : {}),
      detail,
    });
  }

  /** Says that something happened. It is put on record too, where the table of markers says so. */
  emit(marker: Marker, component: string): void {
    if (recordedBy(marker.event) === "observed") {
      const { vm, ...fields } = marker.fields;
      this.observe(actionOf(marker.event), vm as VmId | undefined, fields, marker.event); // a field `vm` is an id
    }
    this.log.emit(component, marker);
  }

  /** Gives an end to what a supervisor before this one began and did not end. Before anything else is recorded. */
  settle(auditFile: string, ops: FileOps = systemFiles): void {
    for (const { corr, action, vm, seq } of unfinishedStarts(auditFile, ops)) {
      const head = this.#headOf({ corr, actor: { kind: "supervisor" }, action, vm });
      this.log.recordLate({
        ...head,
        phase: "outcome_unknown",
        detail: { code: "outcome_unknown", message: "the supervisor ended before it did", started: seq },
      });
    }
  }

  #headOf({ corr, actor, action, vm }: Pick<Asked, "corr" | "actor" | "action" | "vm">): Head {
    return { corr, actor, action, ...(vm ? { vm } : {}), policy: this.revision() };
  }
}

function requestOf(head: Head, { params, masked }: Asked, detail: JsonObject = {}): AuditEntry {
  return {
    ...head,
    phase: "requested",
    ...(masked.length ? { masked } : {}),
    detail: { ...detail, params },
  };
}

function failureOf({ code, message }: Problem): JsonObject {
  return { code, message };
}

function violationOf({ rule, where }: Reason): MarkerEvent {
  return `RAYOS_POLICY_VIOLATION:${eventWord(rule)}:${eventWord(where ?? "refused")}`;
}

function acknowledgement(action: string, outcome: "ok" | "err", detail: string): MarkerEvent {
  return `RAYOS_HOST_ACK:${eventWord(action)}:${outcome}:${eventWord(detail)}`;
}
