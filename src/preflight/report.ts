/** The sum of a run. Pure. */
import type { CheckReport, PreflightReport, Profile, Status } from "./types.ts";

/** From good to bad. */
const ORDER: readonly Status[] = ["SKIP", "PASS", "WARN", "FAIL"];

export interface RunFacts {
  readonly profile: Profile;
  readonly startedAt: number;
  readonly tookMs: number;
  readonly ownMs: number;
}

export function reportOf(checks: readonly CheckReport[], run: RunFacts): PreflightReport {
  const count = (status: Status) => checks.filter((check) => check.status === status).length;
  return {
    schema_version: 1,
    generated_at: new Date(run.startedAt).toISOString(),
    profile: run.profile,
    checks,
    summary: {
      status: ORDER.findLast((status) => count(status) > 0) ?? "SKIP",
      pass: count("PASS"),
      warn: count("WARN"),
      fail: count("FAIL"),
      skip: count("SKIP"),
      blocking: checks.filter(({ blocking }) => blocking).map(({ check_id }) => check_id),
      took_ms: run.tookMs,
      own_ms: run.ownMs,
    },
  };
}

/** 0 when all is well, 1 when a check fails; with `strictWarn` also when one warns. */
export function exitCodeOfReport({ summary }: PreflightReport, strictWarn: boolean): 0 | 1 {
  return summary.fail > 0 || (strictWarn && summary.warn > 0) ? 1 : 0;
}
