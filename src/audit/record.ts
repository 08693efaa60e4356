/** Audit records and their hash chain: pure. */
import { createHash } from "node:crypto";
import type { PolicyRevision, VmId } from "../core/ids.ts";
import { canonicalJson, escapeUnsafe, isObject, type JsonObject } from "../core/json.ts";
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

/** Phases that end what `started` began. */
export const END_PHASES: readonly Phase[] = ["finished", "failed", "outcome_unknown"];

/** Who asked. */
export interface Actor {
  /**
   * `local`: whoever can use the control socket, which only the supervisor's own user can (0600 in a folder 0700). The
   * socket tells neither uid nor pid of its other end to this program.
   */
  readonly kind: "local" | "supervisor" | "guest";
  readonly uid?: number;
  readonly pid?: number;
  /** What the client says of itself. Proven by nothing. */
  readonly claimed?: ClaimedClient;
}

export interface ClaimedClient {
  readonly pid?: number;
  readonly uid?: number;
  /** Words of the command, without arguments. */
  readonly command?: string;
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

/** Most records that are written as one. A crash leaves the trail at most this far ahead of the kept head. */
export const MAX_BATCH = 16;

/** Action of the record that says that trail and kept head did not fit when the log was opened. */
export const MISMATCH = "audit.mismatch";

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
  const { hash: _, ...rest } = body as Record<string, unknown>; // its own `hash` is what is being computed
  return createHash("sha256").update(canonicalJson(rest)).digest("hex");
}

/** A record as its line in the file: canonical JSON, with what a terminal or a reader of lines could mistake escaped. */
export function lineOf(record: object): string {
  return escapeUnsafe(canonicalJson(record));
}

/** The record of a line; a sentence that says what is wrong when it is none. Whether it fits its chain is not looked at. */
export function parseLine(text: string): AuditRecord | { readonly why: string; readonly seq?: number } {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return { why: "the line is not JSON" };
  }
  if (!isObject(record) || typeof record.seq !== "number" || typeof record.hash !== "string") {
    return { why: "the line is not an audit record" };
  }
  const { seq } = record;
  if (hashOf(record) !== record.hash) return { seq, why: "its content does not match its hash" };
  if (lineOf(record) !== text) return { seq, why: "it is not in canonical form" };
  return record as unknown as AuditRecord; // its hash shows that it is as this program wrote it
}

/** Why `record` can't follow on `before`; undefined when it can. */
export function linkFault(before: ChainHead, record: AuditRecord): string | undefined {
  if (record.seq > before.seq + 1) {
    return `records ${before.seq + 1} to ${record.seq - 1} are missing before it`;
  }
  if (record.seq !== before.seq + 1) return `record ${before.seq + 1} should stand here`;
  return record.prev === before.hash ? undefined : "it does not follow the record before it";
}
