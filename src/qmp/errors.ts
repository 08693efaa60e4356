/** What a QMP call can end in other than its answer, as data and as the `Failure` that carries it. */
import { Failure, type Problem } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { describeFramingProblem } from "./framing.ts";
import type { Anomaly, CloseReason, RunPhase } from "./session.ts";

export type QmpError =
  /** QEMU answered with an error. `class` is CommandNotFound, DeviceNotFound, DeviceNotActive, KVMMissingCap or GenericError. */
  | { readonly kind: "error"; readonly command: string; readonly class: string; readonly desc: string }
  /** No answer in time: QEMU may have carried it out, or may still do so. */
  | { readonly kind: "timeout"; readonly command: string; readonly timeoutMs: number }
  /** The session ended first. `sent` false: QEMU certainly never saw the command. */
  | {
    readonly kind: "disconnected";
    readonly command: string;
    readonly sent: boolean;
    readonly reason: CloseReason;
  }
  /** Not sent, because the session is not (yet) in the phase for it, or too much is waiting to be written. */
  | { readonly kind: "not_sent"; readonly command: string; readonly why: string }
  /** QEMU answered, but not in the shape that its own documentation gives. */
  | { readonly kind: "unexpected_answer"; readonly command: string; readonly why: string };

/** A `Failure` of a QMP call. Code `outcome_unknown` for a time-out, `failed` for everything else; `qmp` tells which. */
export class QmpFailure extends Failure {
  constructor(readonly qmp: QmpError) {
    super(problemOfQmp(qmp));
  }
}

/** The QMP error that a caught value carries, or undefined. */
export function qmpErrorOf(error: unknown): QmpError | undefined {
  return error instanceof QmpFailure ? error.qmp : undefined;
}

function problemOfQmp(error: QmpError): Problem {
  const what = `QMP command ${sanitizeLine(error.command, 64)}`;
  switch (error.kind) {
    case "error":
      return {
        code: "failed",
        message: `QEMU refused ${what}: ${sanitizeLine(error.desc, 512)} (${sanitizeLine(error.class, 64)})`,
      };
    case "timeout":
      return {
        code: "outcome_unknown",
        message: `${what} was not answered within ${
          error.timeoutMs / 1000
        } s; QEMU may or may not have carried it out`,
        hint: "look at the guest's state before trying again",
      };
    case "disconnected":
      return {
        code: "failed",
        message: `${what} ${error.sent ? "was sent but not answered" : "was not sent"}: ${
          describeCloseReason(error.reason)
        }`,
      };
    case "not_sent":
      return { code: "failed", message: `${what} was not sent: ${error.why}` };
    case "unexpected_answer":
      return { code: "failed", message: `the answer to ${what} has an unexpected shape: ${error.why}` };
  }
}

/** Half a sentence. */
export function describeCloseReason(reason: CloseReason): string {
  switch (reason.kind) {
    case "ended":
      return "QEMU closed the connection";
    case "broken":
      return `the connection to QEMU broke: ${sanitizeLine(reason.message)}`;
    case "closed":
      return "the connection to QEMU was closed on this side";
    case "refused":
      return `QEMU refused the negotiation: ${sanitizeLine(reason.desc)} (${sanitizeLine(reason.class, 64)})`;
  }
}

export function describePhase(phase: RunPhase): string {
  return `the session is ${phase}, it has to be running`;
}

/** One sentence part for a log. */
export function describeAnomaly(anomaly: Anomaly): string {
  switch (anomaly.kind) {
    case "unreadable":
      return `QEMU sent ${describeFramingProblem(anomaly.problem)}`;
    case "unknown_id":
      return `QEMU answered a command that nobody asked: id ${sanitizeLine(anomaly.id, 64)}`;
    case "error_without_id":
      return `QEMU reported an error without saying of what: ${sanitizeLine(anomaly.desc)}`;
    case "reply_without_id":
      return "QEMU sent an answer without an id";
    case "unexpected_greeting":
      return "QEMU greeted a second time";
    case "unknown_message":
      return `QEMU sent a message of no known kind, with ${sanitizeLine(anomaly.members.join(", "), 120)}`;
    case "duplicate_request":
      return `the request id ${sanitizeLine(anomaly.id, 64)} was used twice`;
  }
}
