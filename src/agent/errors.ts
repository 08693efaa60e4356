/** What a call of the guest agent can end in other than its answer. */
import { Failure, type Problem } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { AgentCloseReason, AgentOutcome } from "./session.ts";

export type AgentError = Exclude<AgentOutcome, { readonly kind: "value" }>;

/**
 * A `Failure` of a guest agent's call; `agent` tells which kind. Code `outcome_unknown` when the command was sent and
 * not answered, else `failed`. `bad_answer` is the guest's fault, never this program's.
 */
export class AgentFailure extends Failure {
  constructor(readonly command: string, guest: string, readonly agent: AgentError) {
    super(problemOfAgent(command, guest, agent));
  }
}

/** The agent error that a caught value carries, or undefined. */
export function agentErrorOf(error: unknown): AgentError | undefined {
  return error instanceof AgentFailure ? error.agent : undefined;
}

function problemOfAgent(command: string, guest: string, error: AgentError): Problem {
  const agent = `the guest agent of ${guest}`;
  switch (error.kind) {
    case "error":
      return {
        code: "failed",
        message: `${agent} refused ${command}: ${sanitizeLine(error.desc, 512)} (${
          sanitizeLine(error.class, 64)
        })`,
      };
    case "outcome_unknown":
      return {
        code: "outcome_unknown",
        message: `${command} was sent to ${agent}, but ${
          error.why === "timeout" ? "not answered in time" : "the agent was started anew before it answered"
        }; the guest may or may not have carried it out`,
      };
    case "unresponsive":
      return {
        code: "failed",
        message: `${agent} does not answer; ${command} was not sent`,
        hint: "check that qemu-guest-agent is installed and running in the guest",
      };
    case "bad_answer":
      return {
        code: "failed",
        message: `${agent} gave no valid answer to ${command}: ${sanitizeLine(error.why, 512)}`,
        hint: "the guest is at fault: its agent is broken or hostile",
      };
    case "disconnected":
      return {
        code: "failed",
        message: `${command} was ${error.sent ? "sent to" : "not sent to"} ${agent}: ${
          describeAgentClose(error.reason)
        }`,
      };
  }
}

/** Half a sentence. */
export function describeAgentClose(reason: AgentCloseReason): string {
  switch (reason.kind) {
    case "ended":
      return "QEMU closed the agent's connection";
    case "broken":
      return `the agent's connection broke: ${sanitizeLine(reason.message)}`;
    case "closed":
      return "the agent's connection was closed on this side";
    case "flooded":
      return `the guest sent ${reason.strays} messages that nobody asked for, the connection was closed`;
  }
}
