/** The first step of a provisioning run: whether this host can carry it out at all. */
import { fail } from "../core/problem.ts";
import { preflightOptions } from "../preflight/options.ts";
import { runPreflight } from "../preflight/run.ts";
import { systemPort } from "../preflight/system_port.ts";
import type { Answers } from "../provision/answers.ts";
import type { Context } from "./context.ts";

/** What a run rests on; libvirt and networks of the host are none of it. */
const GROUPS = ["host", "kvm", "qemu", "tpm", "firmware", "storage", "media"];

/** Room that the smallest run wants besides the guest's disk, which grows as it is written to. */
const LEAST_DISK_GIB = 1;
const HOST_MEMORY_MIB = 512;

/** Says what it warns of. Failure `missing` when a check fails without which no such guest can be made. */
export async function checkHost(c: Context, answers: Answers): Promise<void> {
  const { output } = c;
  output.note("preflight: whether this host can do it (`rayvisor preflight` says all)");
  const report = await runPreflight(
    preflightOptions({
      root: c.root,
      profile: answers.type,
      only: GROUPS,
      minTotalRamGib: Math.ceil((answers.guest.memory_mib + HOST_MEMORY_MIB) / 1024),
      minFreeDiskGib: LEAST_DISK_GIB,
      ...(answers.type === "windows"
        ? { windowsIso: answers.media.windows_iso, virtioIso: answers.media.virtio_iso }
        : {}),
    }),
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
