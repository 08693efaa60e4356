/** What a check is, what it says, and what a whole run says. */
import type { Distribution } from "../host/distribution.ts";
import type { Facts } from "./facts.ts";

/** In the order of the report. */
export const CHECK_GROUPS = [
  "host",
  "kvm",
  "qemu",
  "tpm",
  "firmware",
  "network",
  "confinement",
  "storage",
  "libvirt",
  "media",
] as const;
export type CheckGroup = typeof CHECK_GROUPS[number];

/** What guests the host is to be ready for. */
export const PROFILES = ["windows", "linux"] as const;
export type Profile = typeof PROFILES[number];

export type Status = "PASS" | "WARN" | "FAIL" | "SKIP";

/** What a check has come to. */
export interface Verdict {
  readonly status: Status;
  /** What was found, one sentence or two. */
  readonly details: string;
  /** What to do about it: a command to be typed as it stands where there is one. */
  readonly remediation?: string;
}

/** What the operator asked for. */
export interface PreflightOptions {
  readonly profile: Profile;
  /** Ids of checks and names of groups; all when empty. */
  readonly only: readonly string[];
  readonly connectUri: string;
  /** The operator named the URI: libvirt is wanted, and its absence is a failure. */
  readonly wantsLibvirt: boolean;
  /** Where guests' disks will lie; the nearest folder above it that is there is asked. */
  readonly storagePath: string;
  /** Data root whose guests are looked at, when there is one. */
  readonly root: string;
  readonly windowsIso?: string;
  readonly virtioIso?: string;
  /** Expected SHA-256, 64 hex digits. */
  readonly windowsIsoSha256?: string;
  readonly virtioIsoSha256?: string;
  readonly minTotalRamGib: number;
  readonly recommendedTotalRamGib: number;
  readonly minFreeDiskGib: number;
}

/** What judgements need besides the facts of their check. */
export interface JudgeContext {
  readonly options: PreflightOptions;
  /** Undefined where the distribution is not known. */
  readonly distribution: Distribution | undefined;
  readonly isRoot: boolean;
  /** Login name, for commands that name the user; `$USER` when it isn't known. */
  readonly user: string;
}

/** A row of the table of checks. */
export interface Check {
  /** Stable; those that other tools know carry the same name there. */
  readonly id: string;
  readonly group: CheckGroup;
  readonly profiles: readonly Profile[];
  /**
   * Profiles whose guests can't be had at all while this check fails. What only makes them slow, or is for other tools, stands
   * in the report and is in nobody's way.
   */
  readonly blocks: readonly Profile[];
  readonly title: string;
  /** Why it matters, one sentence. */
  readonly why: string;
  /** How it is judged, for the documentation. */
  readonly judged: string;
  /** Milliseconds until the check counts as hanging. */
  readonly limitMs: number;
  run(facts: Facts, context: JudgeContext): Promise<Verdict>;
}

type Said = Pick<Check, "id" | "group" | "title" | "why" | "judged">;

/** A row before it has lost the type of its facts. */
export interface CheckOf<F> extends Said {
  /** Default both. */
  readonly profiles?: readonly Profile[];
  /** Default the check's profiles. */
  readonly blocks?: readonly Profile[];
  /** Default {@link DEFAULT_LIMIT_MS}. */
  readonly limitMs?: number;
  /** Asks the host. */
  ask(facts: Facts): F | Promise<F>;
  /** Pure. */
  judge(found: F, context: JudgeContext): Verdict;
}

/** For what reads a file or two. */
export const DEFAULT_LIMIT_MS = 5_000;

export function check<F>(row: CheckOf<F>): Check {
  const { id, group, title, why, judged, profiles = PROFILES, limitMs = DEFAULT_LIMIT_MS } = row;
  return {
    ...{ id, group, title, why, judged, profiles, limitMs },
    blocks: row.blocks ?? profiles,
    run: async (facts, context) => row.judge(await row.ask(facts), context),
  };
}

export const pass = (details: string): Verdict => ({ status: "PASS", details });
export const skip = (details: string, remediation?: string): Verdict => made("SKIP", details, remediation);
export const warn = (details: string, remediation: string): Verdict => made("WARN", details, remediation);
export const bad = (details: string, remediation: string): Verdict => made("FAIL", details, remediation);

function made(status: Status, details: string, remediation: string | undefined): Verdict {
  return { status, details, ...(remediation === undefined ? {} : { remediation }) };
}

/** One check of a report. The first four members are those of the report's first form; more may follow. */
export interface CheckReport {
  readonly check_id: string;
  readonly status: Status;
  readonly details: string;
  /** Empty when there is nothing to do. */
  readonly remediation: string;
  readonly group: CheckGroup;
  readonly title: string;
  readonly why: string;
  /** The profile's guests can't be had before this is put right. */
  readonly blocking: boolean;
  readonly took_ms: number;
}

export interface PreflightReport {
  readonly schema_version: 1;
  /** ISO 8601, UTC. */
  readonly generated_at: string;
  readonly profile: Profile;
  readonly checks: readonly CheckReport[];
  readonly summary: {
    /** The worst of all. */
    readonly status: Status;
    readonly pass: number;
    readonly warn: number;
    readonly fail: number;
    readonly skip: number;
    /** Ids of checks that block. */
    readonly blocking: readonly string[];
    readonly took_ms: number;
    /** Of these, milliseconds in which no program of the host was at work: what preflight itself took. */
    readonly own_ms: number;
  };
}
