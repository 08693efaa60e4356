/** What all running guests take together, and the most that policy lets them. */
import type { StatusView } from "../actions/views.ts";
import { mostMemoryMib } from "../../policy/rights.ts";
import { inForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

export function sumsInForce(s: Supervisor): StatusView["sums"] {
  const { running, hostMemoryMib } = s.policyFacts(undefined);
  const limits = inForce(s.policy)?.policy.limits;
  return {
    running: running.count,
    max_running: limits?.max_running ?? null,
    vcpus: running.vcpus,
    memory_mib: running.memoryMib,
    memory_limit_mib: limits ? mostMemoryMib(limits, hostMemoryMib) : null,
    cpu_percent: running.cpuPercent,
    cpu_limit_percent: limits?.cpu_percent ?? null,
  };
}
