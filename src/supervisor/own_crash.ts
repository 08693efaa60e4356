/**
 * The supervisor's own crash: an error that nobody caught. It is written down under `crash/`, and the supervisor ends in an
 * orderly way with exit code 1. Guests go on; the next supervisor takes them over.
 */
import type { Marker } from "../audit/markers.ts";
import { escapeUnsafe, type JsonObject } from "../core/json.ts";
import { fail, Failure } from "../core/problem.ts";
import { sanitizeLine, sanitizeText } from "../core/sanitize.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { type FileOps, systemFiles, writeWhole } from "../ports/file_ops.ts";
import { exitNow, onUncaught, type UncaughtKind } from "../ports/uncaught.ts";

/** Reports of the supervisor that are kept; one that is restarted again and again must not fill the disk. */
const MOST_REPORTS = 20;
/** An orderly end that takes longer than this after a crash is given up. Milliseconds. */
const ORDERLY_END_MS = 10_000;
const MOST_CAUSES = 4;
const MOST_MESSAGE = 2_000;
const MOST_STACK = 16_000;

/** Which supervisor crashed. */
export interface CrashedProcess {
  readonly crashFolder: string;
  readonly version: string;
  readonly pid: number;
  /** Name of this run in the journal of the service manager, where there is one. */
  readonly invocation: string | undefined;
  readonly clock: Clock;
}

/** `thrown`: the supervisor's own way ended with an error that is no refusal. */
export type CrashKind = UncaughtKind | "thrown";

export interface Crash {
  readonly message: string;
  /** Path of the report; undefined when it could not be written. */
  readonly report: string | undefined;
}

export interface CrashWatch {
  /** Throws a Failure when there was a crash: the last step of an orderly end. */
  throwIfCrashed(): void;
  /** Writes down an error that the supervisor itself ended with, unless it is a refusal with words of its own. */
  ended(error: unknown): void;
  close(): void;
}

/**
 * Watches for errors that nobody caught. The first is written down, `onCrash` is told and has to see to an orderly end, for
 * which there is a limit of time; what else fails on the way out changes nothing.
 */
export function watchForCrash(parts: CrashedProcess, onCrash: (crash: Crash) => void): CrashWatch {
  const { clock } = parts;
  const startedAt = clock.now();
  let crash: Crash | undefined;
  let cancel = () => {};
  const take = (error: unknown, kind: CrashKind): Crash => {
    const now = clock.now();
    const report = writeReport(parts, now, crashReport(error, kind, parts, startedAt, now));
    return crash = { message: messageOf(error), report };
  };
  const unwatch = onUncaught((error, kind) => {
    if (crash) return;
    cancel = clock.after(ORDERLY_END_MS, () => exitNow(1));
    onCrash(take(error, kind));
  });
  return {
    throwIfCrashed() {
      if (!crash) return;
      fail("internal", `the supervisor met a defect of its own and ended: ${crash.message}`, {
        hint:
          "guests go on, and the next supervisor takes them over; please report it with the report under crash/",
        ...(crash.report === undefined ? {} : { path: crash.report }),
      });
    },
    ended(error) {
      if (!crash && !(error instanceof Failure)) take(error, "thrown");
    },
    close() {
      unwatch();
      cancel();
    },
  };
}

export function crashMarker({ message, report }: Crash, pid: number): Marker {
  return {
    event: "RAYOS_SUPERVISOR:crash",
    fields: { pid, reason: message, ...(report === undefined ? {} : { report }) },
  };
}

function messageOf(error: unknown): string {
  return sanitizeLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error), 300);
}

/** The report as data: bounded, and harmless for a terminal. */
export function crashReport(
  error: unknown,
  kind: CrashKind,
  { version, pid, invocation }: Pick<CrashedProcess, "version" | "pid" | "invocation">,
  startedAt: Instant,
  now: Instant,
): JsonObject {
  return {
    supervisor: version,
    at: formatUtc(now),
    pid,
    ran_ms: now - startedAt,
    ...(invocation === undefined ? {} : { invocation: sanitizeLine(invocation, 64) }),
    kind,
    error: errorChain(error),
  };
}

/** The error and what caused it, the outermost first. */
function errorChain(error: unknown): JsonObject[] {
  const chain: JsonObject[] = [];
  for (let at = error; at !== undefined && chain.length < MOST_CAUSES;) {
    if (!(at instanceof Error)) {
      chain.push({ name: typeof at, message: cut(String(at), MOST_MESSAGE) });
      break;
    }
    chain.push({
      name: sanitizeLine(at.name, 100),
      message: cut(at.message, MOST_MESSAGE),
      ...(at.stack === undefined ? {} : { stack: cut(at.stack, MOST_STACK).split("\n") }),
    });
    at = at.cause;
  }
  return chain;
}

function cut(text: string, most: number): string {
  const clean = sanitizeText(text.slice(0, most * 2)); // what is cut away is not looked at
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`;
}

/** A guest's report ends with its time: the pid after it tells the supervisor's from that of a guest of this name. */
const REPORT_NAME = /^supervisor-\d{4}-\d\d-\d\dT\d{9}Z-\d+\.json$/;

/**
 * Writes the report at once, without waiting for anything: the event loop may be what is broken. Undefined when it can't be
 * written.
 */
export function writeReport(
  { crashFolder, pid }: Pick<CrashedProcess, "crashFolder" | "pid">,
  now: Instant,
  report: JsonObject,
  ops: FileOps = systemFiles,
): string | undefined {
  const path = `${crashFolder}/supervisor-${formatUtc(now).replace(/[:.]/g, "")}-${pid}.json`;
  try {
    const older = ops.names(crashFolder).filter((name) => REPORT_NAME.test(name)).sort();
    for (const name of older.slice(0, Math.max(0, older.length - MOST_REPORTS + 1))) {
      ops.remove(`${crashFolder}/${name}`);
    }
    const file = ops.open(path, "create");
    try {
      writeWhole(file, new TextEncoder().encode(escapeUnsafe(JSON.stringify(report, null, 2)) + "\n"), 0);
      file.flush();
    } finally {
      file.close();
    }
    return path;
  } catch {
    return undefined; // a full disk: the log and the exit code still say it
  }
}
