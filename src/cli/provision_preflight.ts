/** The first step of a provisioning run: whether this host can carry it out at all. */
import { fail } from "../core/problem.ts";
import { runPreflight } from "../preflight/run.ts";
import { systemPort } from "../preflight/system_port.ts";
import type { Answers } from "../provision/answers.ts";
import { optionsFor } from "../provision/host_options.ts";
import type { Context } from "./context.ts";

/** Says what it warns of. Failure `missing` when a check fails without which no such guest can be made. */
export async function checkHost(c: Context, answers: Answers): Promise<void> {
  const { output } = c;
  output.note("preflight: whether this host can do it (`rayvisor preflight` says all)");
  const report = await runPreflight(
    optionsFor(c.root, answers),
    systemPort,
    c.deadline ? { signal: c.deadline } : {},
  );
  const stops = report.checks.filter(({ blocking }) => blocking);
  for (const { check_id, status, details } of report.checks) {
    if (status === "FAIL" || status === "WARN") output.note(`      ${status} ${check_id}: ${details}`);
  }
  const [first] = stops;
  if (!first) return;
  fail("missing", `this host can't provision a ${answers.type} guest: ${first.check_id}: ${first.details}`, {
    hint: first.remediation || "`rayvisor preflight` says more",
    problems: stops.map(({ check_id, details, remediation }) => ({
      code: "missing" as const,
      message: `${check_id}: ${details}`,
      ...(remediation ? { hint: remediation } : {}),
    })),
  });
}
