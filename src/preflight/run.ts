/**
 * A run of checks: all side by side, each with its limit of time, facts shared. Nothing of the host can make it wait for ever: programs
 * are killed with all that they have started when their time is over, and a check that still says nothing is given up.
 */
import { distributionOf } from "../host/distribution.ts";
import { fail, problemOf } from "../core/problem.ts";
import { sanitizeText } from "../core/sanitize.ts";
import { systemClock, within } from "../ports/clock.ts";
import { busyTime, timed } from "./busy_time.ts";
import { type Facts, factsOf } from "./facts.ts";
import type { HostPort } from "./host_port.ts";
import { loginName } from "./parse.ts";
import { reportOf } from "./report.ts";
import { selectChecks } from "./select.ts";
import { CHECKS } from "./table.ts";
import {
  bad,
  type Check,
  type CheckReport,
  type JudgeContext,
  type PreflightOptions,
  type PreflightReport,
  type Verdict,
} from "./types.ts";

/** How far a run is. */
export type PreflightProgress =
  | { readonly kind: "begun"; readonly check: Check; readonly total: number }
  /** A check that takes long says how far it is. */
  | { readonly kind: "said"; readonly check: Check; readonly detail: string }
  | {
    readonly kind: "ended";
    readonly check: Check;
    readonly result: CheckReport;
    readonly done: number;
    readonly total: number;
  };

export interface RunPreflight {
  readonly onProgress?: (progress: PreflightProgress) => void;
  /** Calls the run off: programs that are asked are killed, and it ends with a Failure `cancelled`. */
  readonly signal?: AbortSignal;
  /** For tests; default the whole table. */
  readonly checks?: readonly Check[];
}

/** Longest text of a verdict; it may hold words of programs and of guests' files. */
const MAX_TEXT = 2_000;
/** For programs that are being killed. */
const GRACE_MS = 500;

/** Failure `usage` when `only` names what isn't there. Needs no supervisor and no data root, and changes nothing on the host. */
export async function runPreflight(
  options: PreflightOptions,
  port: HostPort,
  { onProgress = () => {}, signal, checks = CHECKS }: RunPreflight = {},
): Promise<PreflightReport> {
  const chosen = selectChecks(checks, options);
  const startedAt = port.clock.now(), started = port.clock.monotonic();
  const busy = busyTime(port.clock);
  const over = new AbortController();
  const calledOff = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const host = timed(port, busy);
  const context = await contextOf(host, options);
  const working = new Set<Promise<unknown>>();
  let done = 0;
  const shared = factsOf(host, options, calledOff);
  const one = async (check: Check): Promise<CheckReport> => {
    onProgress({ kind: "begun", check, total: chosen.length });
    const say = (detail: string) => onProgress({ kind: "said", check, detail });
    const verdict = verdictOf(check, { ...shared, say }, context);
    working.add(verdict);
    verdict.finally(() => working.delete(verdict)).catch(() => {}); // whoever waits for it hears of it
    const result = await inTime(check, verdict, host.clock, options);
    onProgress({ kind: "ended", check, result, done: ++done, total: chosen.length });
    return result;
  };
  try {
    // Those that take longest begin first: what the others ask is answered meanwhile.
    const slowFirst = chosen.toSorted((a, b) => b.limitMs - a.limitMs);
    const results = await orCancelled(Promise.all(slowFirst.map(one)), signal);
    const tookMs = Math.round(port.clock.monotonic() - started);
    return reportOf(inOrder(results, chosen), {
      profile: options.profile,
      startedAt,
      tookMs,
      ownMs: Math.round(tookMs - busy.busyMs()),
    });
  } finally {
    over.abort(); // ends what a check that was given up has left
    await ends(working);
  }
}

function inOrder(results: readonly CheckReport[], checks: readonly Check[]): CheckReport[] {
  const place = new Map(checks.map(({ id }, i) => [id, i]));
  return results.toSorted((a, b) => (place.get(a.check_id) ?? 0) - (place.get(b.check_id) ?? 0));
}

async function contextOf(port: HostPort, options: PreflightOptions): Promise<JudgeContext> {
  const [osRelease, passwd] = await Promise.all([port.read("/etc/os-release"), port.read("/etc/passwd")]);
  return {
    options,
    distribution: distributionOf(osRelease ?? await port.read("/usr/lib/os-release") ?? ""),
    isRoot: port.uid === 0,
    user: loginName(passwd ?? "", port.uid) ?? "$USER",
  };
}

/** What the check says, or that it said nothing within its limit. */
async function inTime(
  check: Check,
  said: Promise<Verdict>,
  clock: HostPort["clock"],
  { profile }: PreflightOptions,
): Promise<CheckReport> {
  const started = clock.monotonic();
  const late = Promise.withResolvers<Verdict>();
  const stop = clock.after(check.limitMs, () =>
    late.resolve(bad(
      `no answer within ${check.limitMs / 1000} s: the check was given up`,
      "find out what hangs: a file system that does not answer, or a program in uninterruptible sleep (ps -eo pid,stat,cmd)",
    )));
  const verdict = await Promise.race([late.promise, said]).finally(stop);
  return {
    check_id: check.id,
    status: verdict.status,
    details: clean(verdict.details),
    remediation: clean(verdict.remediation ?? ""),
    group: check.group,
    title: check.title,
    why: check.why,
    blocking: verdict.status === "FAIL" && check.blocks.includes(profile),
    took_ms: Math.round(clock.monotonic() - started),
  };
}

async function verdictOf(check: Check, facts: Facts, context: JudgeContext): Promise<Verdict> {
  try {
    return await check.run(facts, context);
  } catch (error) {
    if (facts.signal.aborted) throw error;
    const { message, hint } = problemOf(error);
    return bad(`could not be checked: ${message}`, hint ?? "run again with RAYOS_DEBUG=1 and report it");
  }
}

/** Lets programs that were told to end be killed before this one ends, and waits no longer than {@link GRACE_MS} for it. */
async function ends(working: ReadonlySet<Promise<unknown>>): Promise<void> {
  if (working.size > 0) await within(systemClock, GRACE_MS, Promise.allSettled(working));
}

function clean(text: string): string {
  return sanitizeText(text).replace(/\n+/g, " ").slice(0, MAX_TEXT);
}

async function orCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } catch (error) {
    if (!signal.aborted) throw error;
    return fail("cancelled", "preflight was called off");
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
