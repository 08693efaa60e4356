/**
 * The two logs of a data root: `rayos.log` for people and `audit.jsonl`, hash-chained, as the record of what happened.
 * Only the supervisor writes them.
 */
import { createHash } from "node:crypto";
import { Failure } from "../core/problem.ts";
import { canonicalJson } from "../core/json.ts";
import { MIB } from "../core/units.ts";
import { formatUtc } from "../core/time.ts";
import { AppendFile, rotateFiles } from "../ports/append_file.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { formatLogLine } from "./line.ts";
import { levelOf, LOG_LEVELS, type LogLevel, type Marker } from "./markers.ts";
import { type AuditEntry, type AuditRecord, chain, type ChainHead, EMPTY_CHAIN } from "./record.ts";
import { readHead, readTail, writeHead } from "./files.ts";

export interface LogOptions {
  readonly rayosLog: string;
  readonly auditFile: string;
  readonly headFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly level?: LogLevel;
  readonly keepFiles?: number;
  readonly maxBytes?: number;
}

/** An event on its way to whoever listens (API stream, terminal UI). */
export interface LoggedEvent {
  readonly time: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
  readonly fields: Marker["fields"];
}

const utf8 = new TextEncoder();

export class AuditLog {
  readonly #options: LogOptions;
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  #human: AppendFile;
  #audit: AppendFile;
  #head: ChainHead;
  #level: LogLevel;

  /**
   * Opens the logs and takes up the chain. A last line that a crash left unfinished is cut off. Failure
   * `audit_unavailable` when a log can't be opened, `audit_broken` when the chain's end can't be read.
   */
  constructor(options: LogOptions) {
    this.#options = options;
    this.#level = options.level ?? "info";
    try {
      this.#human = new AppendFile(options.rayosLog);
      this.#audit = new AppendFile(options.auditFile);
      const tail = readTail(options.auditFile);
      if (tail.torn > 0) this.#audit.truncate(this.#audit.size - tail.torn);
      this.#head = tail.head ?? readHead(options.headFile) ?? EMPTY_CHAIN;
      writeHead(options.headFile, this.#head);
    } catch (error) {
      throw unavailable(error);
    }
  }

  get head(): ChainHead {
    return this.#head;
  }

  set level(level: LogLevel) {
    this.#level = level;
  }

  /** Calls `listener` for every event that is logged; the returned function ends it. */
  listen(listener: (event: LoggedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Adds records to the chain; when this returns they are on disk. Failure `audit_unavailable` when they can't be
   * written, and then none of them is in the chain.
   */
  record(...entries: readonly AuditEntry[]): AuditRecord[] {
    const { clock, random, headFile } = this.#options;
    let head = this.#head;
    const records = entries.map((entry) => {
      const record = chain(head, entry, { time: formatUtc(clock.now()), id: random.uuid() });
      head = record;
      return record;
    });
    const bytes = utf8.encode(records.map((record) => canonicalJson(record) + "\n").join(""));
    try {
      if (this.#audit.size > 0 && this.#audit.size + bytes.length > this.#maxBytes) this.#rotateAudit();
      this.#audit.append(bytes, true);
      this.#head = { seq: head.seq, hash: head.hash };
      writeHead(headFile, this.#head);
    } catch (error) {
      throw unavailable(error);
    }
    return records;
  }

  /** Writes one line for people and tells the listeners. Never throws: the audit trail is what counts. */
  emit(component: string, marker: Marker, level: LogLevel = levelOf(marker.event)): void {
    const now = this.#options.clock.now();
    if (LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.#level)) {
      try {
        const line = utf8.encode(formatLogLine(now, level, component, marker.event, marker.fields) + "\n");
        if (this.#human.size > 0 && this.#human.size + line.length > this.#maxBytes) this.#rotateHuman();
        this.#human.append(line, false);
      } catch { /* a full disk: the event still reaches the listeners, and record() refuses changes */ }
    }
    const event = { time: formatUtc(now), level, component, event: marker.event, fields: marker.fields };
    for (const listener of this.#listeners) listener(event);
  }

  close(): void {
    this.#human.close();
    this.#audit.close();
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? 10 * MIB;
  }

  #rotateAudit(): void {
    this.#audit.close();
    rotateFiles(this.#options.auditFile, this.#options.keepFiles ?? 10);
    this.#audit = new AppendFile(this.#options.auditFile);
  }

  #rotateHuman(): void {
    this.#human.close();
    rotateFiles(this.#options.rayosLog, this.#options.keepFiles ?? 10);
    this.#human = new AppendFile(this.#options.rayosLog);
  }
}

function unavailable(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new Failure({
    code: "audit_unavailable",
    message: `the audit log can't be written: ${text}`,
    hint: "changing actions are refused until it can; guests that run go on",
  }, { cause: error });
}

/** Revision of a policy file: SHA-256 of its bytes, hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
