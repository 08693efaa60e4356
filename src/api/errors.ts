/** Failures on the wire: the JSON form of `cli.md` and the HTTP status that goes with each code. */
import { EXIT_OF, Failure, type Problem, type ProblemCode } from "../core/problem.ts";
import { isObject } from "../core/json.ts";

const STATUS_OF_EXIT: Readonly<Record<number, number>> = {
  1: 500,
  2: 400,
  3: 403,
  4: 404,
  5: 409,
  6: 504,
  7: 424,
  8: 422,
};

/** Header of every answer while the supervisor is in safe mode; its value is the reason, percent-encoded. */
export const SAFE_MODE_HEADER = "rayos-safe-mode";

/** HTTP status for a problem. */
export function httpStatusOf(problem: Problem): number {
  if (problem.code === "audit_unavailable") return 503;
  if (problem.code === "no_space") return 507;
  return STATUS_OF_EXIT[EXIT_OF[problem.code]] ?? 500;
}

/** The failure that an answer of the API stands for. */
export function failureOf(status: number, body: unknown): Failure {
  if (isObject(body) && isObject(body.error)) {
    const { code, message } = body.error;
    if (typeof code === "string" && code in EXIT_OF && typeof message === "string") {
      return new Failure({ ...body.error, code: code as ProblemCode, message }); // `in` has proven the code
    }
  }
  return new Failure({ code: "failed", message: `the supervisor answered with HTTP status ${status}` });
}
