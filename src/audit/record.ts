/** Audit records and their hash chain: pure. */
import { createHash } from "node:crypto";
import type { PolicyRevision, VmId } from "../core/ids.ts";
import { canonicalJson, isObject, type JsonObject } from "../core/json.ts";
import type { Reason } from "../core/problem.ts";

/** Phases of one request. `observed` is for what happens without a request (a guest that shuts itself down). */
export type Phase =
  | "requested"
  | "decided"
  | "refused"
  | "started"
  | "finished"
  | "failed"
  | "outcome_unknown"
  | "observed";

/** Who asked. */
export interface Actor {
  readonly kind: "local" | "supervisor" | "guest";
  readonly uid?: number;
  readonly pid?: number;
}

/** What a caller hands over; the log adds number, time, id and chain. */
export interface AuditEntry {
  /** The same for all records of one request. */
  readonly corr: string;
  readonly actor: Actor;
  readonly phase: Phase;
  /** Id of the action (`vm.start`), or of the observation. */
  readonly action: string;
  readonly vm?: VmId;
  readonly policy: PolicyRevision;
  readonly reasons?: readonly Reason[];
  /** Marker of the same event, as in the human log. */
  readonly event?: string;
  readonly detail?: JsonObject;
  /** Names of parameters that were left out because they are secret. */
  readonly masked?: readonly string[];
}

export interface AuditRecord extends AuditEntry {
  readonly version: 0;
  /** Counts from 1 without gaps, across rotated files. */
  readonly seq: number;
  readonly time: string;
  readonly id: string;
  /** Hash of the record before; 64 zeros for the first. */
  readonly prev: string;
  /** SHA-256 over the canonical JSON (RFC 8785 manner) of this record without `hash`, hexadecimal. */
  readonly hash: string;
}

/** End of a chain: number and hash of its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: "0".repeat(64) };

/** Appends one entry to a chain: the record and the new head. */
export function chain(head: ChainHead, entry: AuditEntry, stamp: { time: string; id: string }): AuditRecord {
  const body = { version: 0 as const, seq: head.seq + 1, ...stamp, ...entry, prev: head.hash };
  return { ...body, hash: hashOf(body) };
}

/** SHA-256 of the canonical JSON of a record without its `hash`. */
export function hashOf(body: object): string {
  const { hash: _, ...rest } = body as Record<string, unknown>; // any own `hash` is what is being computed
  return createHash("sha256").update(canonicalJson(rest)).digest("hex");
}

/** The first thing that is wrong with a chain. */
export interface ChainFault {
  /** Number of the line in the file, from 1. */
  readonly line: number;
  readonly file: string;
  /** `seq` of the record, where it could be read. */
  readonly seq?: number;
  readonly why: string;
}

export type ChainCheck =
  | { readonly ok: true; readonly head: ChainHead; readonly records: number; readonly first: number }
  | { readonly ok: false; readonly fault: ChainFault };

/** A check of records one by one, in order, across files. */
export class ChainVerifier {
  #head: ChainHead | undefined;
  #first = 0;
  #records = 0;
  #fault: ChainFault | undefined;

  /** Takes the next line of a file; false once a fault was found. */
  line(text: string, file: string, line: number): boolean {
    if (this.#fault) return false;
    const fault = this.#check(text);
    if (fault) this.#fault = { file, line, ...fault };
    return !fault;
  }

  #check(text: string): { why: string; seq?: number } | undefined {
    let record: unknown;
    try {
      record = JSON.parse(text);
    } catch {
      return { why: "the line is not JSON" };
    }
    if (!isObject(record) || typeof record.seq !== "number" || typeof record.hash !== "string") {
      return { why: "the line is not an audit record" };
    }
    const { seq, hash, prev } = record;
    if (hashOf(record) !== hash) return { seq, why: "its content does not match its hash" };
    if (canonicalJson(record) !== text) return { seq, why: "it is not in canonical form" };
    const expected = this.#head ?? (seq === 1 ? EMPTY_CHAIN : undefined);
    if (expected && seq !== expected.seq + 1) {
      return { seq, why: `record ${expected.seq + 1} should stand here` };
    }
    if (expected && prev !== expected.hash) return { seq, why: "it does not follow the record before it" };
    if (!this.#head) this.#first = seq;
    this.#head = { seq, hash };
    this.#records++;
    return undefined;
  }

  /**
   * The verdict. `kept` is the separately kept head: records that it knows and the files lack were cut off. One record
   * more than it knows is what a crash between the two writes leaves, and is fine.
   */
  result(kept: ChainHead | undefined, lastFile: string): ChainCheck {
    if (this.#fault) return { ok: false, fault: this.#fault };
    const head = this.#head ?? EMPTY_CHAIN;
    const fault = (why: string): ChainCheck => ({
      ok: false,
      fault: { file: lastFile, line: this.#records, seq: head.seq, why },
    });
    if (!kept) {
      return head.seq === 0 ? this.#good(head) : fault("the separately kept head (audit.head) is missing");
    }
    if (kept.seq > head.seq) {
      return fault(
        `records ${head.seq + 1} to ${kept.seq} are missing at the end (the kept head knows them)`,
      );
    }
    if (kept.seq === head.seq && kept.hash !== head.hash) {
      return fault("the last record is not the one the kept head names");
    }
    return this.#good(head);
  }

  #good(head: ChainHead): ChainCheck {
    return { ok: true, head, records: this.#records, first: this.#first };
  }
}
