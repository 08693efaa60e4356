/**
 * Failures as data. Everything that a person or a script is told about a failure is a `Problem`; code throws it
 * inside a `Failure`. The exit codes are those of the command line's contract (`cli.md`).
 */

/** Closed list of failure codes with the exit code of each. */
export const EXIT_OF = {
  failed: 1,
  cancelled: 1,
  internal: 1,
  audit_unavailable: 1,
  audit_broken: 1,
  io: 1,
  no_space: 5,
  usage: 2,
  denied: 3,
  case_mismatch: 3,
  not_found: 4,
  wrong_state: 5,
  busy: 5,
  already_exists: 5,
  no_supervisor: 5,
  outcome_unknown: 6,
  missing: 7,
  invalid_policy: 8,
  invalid_registry: 8,
  registry_unsupported: 8,
  invalid_answers: 8,
  path_escape: 3,
} as const;

export type ProblemCode = keyof typeof EXIT_OF;

/** Where in a text file something stands; line and column count from 1. */
export interface TextPlace {
  readonly file?: string;
  readonly line: number;
  readonly column: number;
}

/** Why policy answered as it did. */
export interface Reason {
  /** Stable rule id, see `policy/rules.ts`. */
  readonly rule: string;
  /** One sentence for a person. */
  readonly why: string;
  /** Where the rule stands: a key path of the policy, with its line where known. */
  readonly where?: string;
}

/** One thing that is wrong. `message` says what could not be done, why, and the value seen. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** What the reader can do about it. */
  readonly hint?: string;
  /** File, or key path inside a document, that it is about. */
  readonly path?: string;
  readonly place?: TextPlace;
  readonly reasons?: readonly Reason[];
  /** The single problems of which this one is the sum (a file with several faults). */
  readonly problems?: readonly Problem[];
}

/** The one exception of this program. Anything else that is thrown is a bug and is reported as `internal`. */
export class Failure extends Error {
  override readonly name = "Failure";
  constructor(readonly problem: Problem, options?: { cause?: unknown }) {
    super(problem.message, options);
  }
  get code(): ProblemCode {
    return this.problem.code;
  }
}

/** Short form of `throw new Failure(...)`. */
export function fail(
  code: ProblemCode,
  message: string,
  more: Omit<Problem, "code" | "message"> = {},
): never {
  throw new Failure({ code, message, ...more });
}

/** The problem that a caught value stands for. A value that is no `Failure` becomes `internal`, its text kept. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Failure) return error.problem;
  const full = fullDisk(error);
  if (full !== undefined) {
    return { code: "no_space", message: full, hint: "make room on the file system, and ask again" };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "internal",
    message: `internal error: ${text}`,
    hint: "this is a defect of rayvisor; run again with RAYOS_DEBUG=1 for the place and report it",
  };
}

/** What the kernel says, where it says that a file system or a quota is full. errno(3) */
function fullDisk(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return error.code === "ENOSPC" || error.code === "EDQUOT" ? error.message : undefined;
}

/** Exit code of the command line for a problem. */
export function exitCodeOf(problem: Problem): number {
  return EXIT_OF[problem.code];
}
