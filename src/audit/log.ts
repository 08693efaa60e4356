/**
 * The two logs of a data root: `rayos.log` for people and `audit.jsonl`, hash-chained, as the record of what happened.
 * Only the supervisor writes them.
 */
import { createHash } from "node:crypto";
import type { PolicyRevision } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { Failure } from "../core/problem.ts";
import { formatUtc } from "../core/time.ts";
import { MIB } from "../core/units.ts";
import type { Clock } from "../ports/clock.ts";
import { type FileOps, systemFiles } from "../ports/file_ops.ts";
import type { Random } from "../ports/random.ts";
import { boundEntry } from "./bounds.ts";
import { formatLogLine } from "./line.ts";
import { LineLog } from "./line_log.ts";
import { levelOf, LOG_LEVELS, type LogLevel, type Marker } from "./markers.ts";
import { type AuditEntry, type AuditRecord, chain, type ChainHead, MAX_BATCH } from "./record.ts";
import { Trail, type TrailNote } from "./trail.ts";

/** What policy says of the logs (`[logging]`). */
export interface LoggingRules {
  readonly level: LogLevel;
  /** Whether `rayos.log` is written. The audit trail always is. */
  readonly persist: boolean;
  readonly keepFiles: number;
  readonly maxBytes: number;
}

/** In force until a policy says otherwise; the defaults of the policy file. */
export const DEFAULT_LOGGING: LoggingRules = {
  level: "info",
  persist: true,
  keepFiles: 10,
  maxBytes: 10 * MIB,
};

export interface LogOptions {
  readonly rayosLog: string;
  readonly auditFile: string;
  readonly headFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly rules?: Partial<LoggingRules>;
  readonly ops?: FileOps;
}

/** An event on its way to whoever listens (API stream, terminal UI). */
export interface LoggedEvent {
  readonly time: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
  readonly fields: Marker["fields"];
}

/** Ends that could not be written are kept for later, at most so many. */
const MAX_OWED = 1000;
/** While the trail can't be written it is tried again so often: nothing tells of room on a disk. */
const RETRY_MS = 2_000;
const AVAILABLE = "audit.available";

export class AuditLog {
  readonly #options: LogOptions;
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  readonly #trail: Trail;
  readonly #human: LineLog;
  #rules: LoggingRules;
  /** Entries of what happened while the trail could not be written, with the time at which it did. */
  #owed: AuditEntry[] = [];
  /** Of what is owed: what is written at about the time at which it happened, if it is written at once. */
  readonly #timely = new Set<AuditEntry>();
  /** Calls off the writing of what {@link recordSoon} has put off. */
  #soon: (() => void) | undefined;
  /** Since when the trail can't be written. */
  #unavailableSince: string | undefined;
  /** Calls the next try off. */
  #cancelRetry: (() => void) | undefined;

  /**
   * Opens the logs and takes up the chain. What a crash left unfinished is cut off. Never throws because of a file: a trail
   * that can't be opened is tried again with each record.
   */
  constructor(options: LogOptions) {
    this.#options = options;
    this.#rules = { ...DEFAULT_LOGGING, ...options.rules };
    const { keepFiles, maxBytes } = this.#rules;
    const ops = options.ops ?? systemFiles;
    const { auditFile, headFile } = options;
    this.#trail = new Trail({ ops, auditFile, headFile, keepFiles, maxBytes });
    this.#human = new LineLog(options.rayosLog, ops, keepFiles, maxBytes);
    try {
      this.#trail.open();
    } catch { /* said by the first record */ }
  }

  get head(): ChainHead {
    return this.#trail.head;
  }

  /** Since when the trail can't be written; undefined while it can. */
  get unavailableSince(): string | undefined {
    return this.#unavailableSince;
  }

  /** Takes over what a policy says; holds for the next line on. */
  configure(rules: LoggingRules): void {
    this.#rules = rules;
    this.#trail.limits(rules.keepFiles, rules.maxBytes);
    this.#human.limits(rules.keepFiles, rules.maxBytes);
  }

  set level(level: LogLevel) {
    this.#rules = { ...this.#rules, level };
  }

  /** Calls `listener` for every event that is logged; the returned function ends it. */
  listen(listener: (event: LoggedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Adds records to the chain; when this returns they are on disk, and what was owed before them. Failure
   * `audit_unavailable` when they can't be written: then they are not in the chain, or stand at its very end when
   * only the kept head could not be written.
   */
  record(...entries: readonly AuditEntry[]): AuditRecord[] {
    try {
      return this.#put(entries);
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /**
   * For what has happened, and can't be refused any more: as {@link record}, and when the trail can't be written it is
   * written as soon as it can: with the next record, or by itself.
   */
  recordLate(...entries: readonly AuditEntry[]): void {
    // At the edge of a full disk a small record may go where a request's did not: the next request tries for all.
    if (this.#unavailableSince === undefined) {
      this.#putOff(entries);
      try {
        this.#put([]);
      } catch (error) {
        this.#unavailable(error);
      }
    } else this.#owed.push(...entries.map((entry) => this.#late(entry)));
    this.#owed = this.#owed.slice(-MAX_OWED);
  }

  /**
   * As {@link recordLate}, in a moment: whoever listens hears of the event before the disk has, and what comes together is
   * written together. The order of the trail is kept: whatever is recorded next is written after it.
   */
  recordSoon(entry: AuditEntry): void {
    if (this.#unavailableSince !== undefined) return this.recordLate(entry);
    this.#putOff([entry]);
    if (this.#owed.length >= MAX_BATCH) return this.#recordOwed();
    this.#soon ??= this.#options.clock.after(0, () => this.#recordOwed());
  }

  #recordOwed(): void {
    this.#soon?.();
    this.#soon = undefined;
    this.recordLate();
  }

  #putOff(entries: readonly AuditEntry[]): void {
    this.#owed.push(...entries);
    for (const entry of entries) this.#timely.add(entry);
  }

  #late(entry: AuditEntry): AuditEntry {
    const at = formatUtc(this.#options.clock.now());
    return boundEntry({ ...entry, detail: { ...entry.detail, happened_at: at } });
  }

  /** Writes all that is owed and then `entries`, in one piece as far as one piece may hold it. */
  #put(entries: readonly AuditEntry[]): AuditRecord[] {
    this.#trail.open();
    const policy = entries[0]?.policy ?? this.#owed[0]?.policy;
    for (const { kind, why, detail } of this.#trail.takeNotes()) {
      this.#owed.unshift(this.#ownEntry(kind, policy, { why, ...detail }));
      this.emit("audit", { event: `RAYOS_AUDIT:${kind}`, fields: { reason: why } });
    }
    const since = this.#unavailableSince;
    if (since !== undefined && this.#owed[0]?.action !== AVAILABLE) {
      this.#owed.unshift(this.#ownEntry("available", policy, { unavailable_since: since }));
    }
    while (this.#owed.length + entries.length > MAX_BATCH) this.#write(this.#owed.slice(0, MAX_BATCH), []);
    const records = this.#write(this.#owed, entries);
    this.#timely.clear();
    if (since !== undefined) {
      this.#unavailableSince = undefined;
      this.emit("audit", { event: "RAYOS_AUDIT:available", fields: { since } });
    }
    return records;
  }

  /** An entry of the log's own. */
  #ownEntry(
    what: TrailNote["kind"] | "available",
    policy: PolicyRevision | undefined,
    detail: JsonObject,
  ): AuditEntry {
    return {
      corr: this.#options.random.uuid(),
      actor: { kind: "supervisor" },
      phase: "observed",
      action: `audit.${what}`,
      policy: policy ?? "none" as PolicyRevision, // "none" is the documented value for no policy
      event: `RAYOS_AUDIT:${what}`,
      detail,
    };
  }

  /** Writes the first ones of what is owed, which are owed no more, and `entries`, of which it gives the records. */
  #write(owed: readonly AuditEntry[], entries: readonly AuditEntry[]): AuditRecord[] {
    if (owed.length + entries.length === 0) return [];
    const time = formatUtc(this.#options.clock.now());
    const before = this.head.seq;
    let head: ChainHead = this.head;
    const records = [...owed, ...entries].map((entry) => {
      const record = chain(head, boundEntry(entry), { time, id: this.#options.random.uuid() });
      head = record;
      return record;
    });
    try {
      this.#trail.append(records);
    } finally {
      // When only the kept head failed they are in the chain all the same, and must not come twice.
      if (this.head.seq > before) this.#owed = this.#owed.slice(owed.length);
    }
    return records.slice(owed.length);
  }

  #unavailable(error: unknown): Failure {
    this.#owed = this.#owed.map((entry) => this.#timely.has(entry) ? this.#late(entry) : entry);
    this.#timely.clear();
    const text = error instanceof Error ? error.message : String(error);
    if (this.#unavailableSince === undefined) {
      this.#unavailableSince = formatUtc(this.#options.clock.now());
      this.emit("audit", { event: "RAYOS_AUDIT:unavailable", fields: { reason: text } });
    }
    this.#cancelRetry ??= this.#options.clock.after(RETRY_MS, () => this.#retry());
    return new Failure({
      code: "audit_unavailable",
      message: `the audit log can't be written: ${text}`,
      hint: "changing actions are refused until it can; guests that run go on",
      path: this.#options.auditFile,
    }, { cause: error });
  }

  /** What is owed must not wait for somebody's next wish: until then a crash would lose it. */
  #retry(): void {
    this.#cancelRetry = undefined;
    if (this.#unavailableSince === undefined) return;
    try {
      this.#put([]);
    } catch (error) {
      this.#unavailable(error);
    }
  }

  /** Writes one line for people and tells the listeners. Never throws: the audit trail is what counts. */
  emit(component: string, marker: Marker, level: LogLevel = levelOf(marker.event)): void {
    const now = this.#options.clock.now();
    if (this.#rules.persist && LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.#rules.level)) {
      try {
        this.#human.write(formatLogLine(now, level, component, marker.event, marker.fields));
      } catch { /* a full disk: the event still reaches the listeners, and record() refuses changes */ }
    }
    const event = { time: formatUtc(now), level, component, event: marker.event, fields: marker.fields };
    for (const listener of this.#listeners) listener(event);
  }

  close(): void {
    this.#soon?.();
    this.#cancelRetry?.();
    try {
      if (this.#owed.length > 0) this.#put([]);
    } catch { /* it was tried: the next supervisor gives what was begun its end */ }
    this.#human.close();
    this.#trail.close();
  }
}

/** Revision of a policy file: SHA-256 of its bytes, hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
