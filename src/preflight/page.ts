/** The table of checks as a page of documentation. */
import { CHECKS } from "./table.ts";
import { type Check, CHECK_GROUPS } from "./types.ts";

export function preflightPage(checks: readonly Check[] = CHECKS): string {
  const lines = [
    "# Preflight",
    "",
    "Made from the table of checks in `src/preflight` by `deno task docs`; do not edit.",
    "",
    "`rayvisor preflight` says whether this host is ready for guests: what was found, why it matters, and the",
    "exact command that puts it right on this distribution. It needs no supervisor and no data root, changes",
    "nothing, and asks everything at once. A program that hangs is killed with all that it has started when its",
    "time is over, and its check says so.",
    "",
    "```",
    "rayvisor preflight                                   # ready for Windows 11 guests?",
    "rayvisor preflight --profile linux --only kvm,tpm    # some groups alone",
    "rayvisor preflight --windows-iso Win11.iso --virtio-iso virtio-win.iso --report-json report.json",
    "```",
    "",
    "`PASS` and `SKIP` need nothing. `WARN` is worth a look. `FAIL` makes the exit code 1; so does `WARN` with",
    "`--strict-warn`. A failed check that stands under _blocks_ for a profile is in the way of such a guest; other",
    "failures make guests slow, or are for other tools. Libvirt is not needed to run guests: without virsh its",
    "checks are skipped, and only with `--connect-uri` are they failures.",
    "",
    "The report (`--json`, `--report-json FILE`) is one document: `schema_version` (1), `generated_at`, `profile`,",
    "`checks` and `summary`. Each check has `check_id`, `status`, `details`, `remediation`, and besides them",
    "`group`, `title`, `why`, `blocking` and `took_ms`. In the summary `own_ms` is the time in which no program of",
    "the host was at work.",
    "",
  ];
  for (const group of CHECK_GROUPS) {
    lines.push(`## ${group}`, "", "| check | why | how it is judged | blocks |", "|---|---|---|---|");
    lines.push(...checks.filter((check) => check.group === group).map(row), "");
  }
  return lines.join("\n");
}

function row({ id, why, judged, blocks, profiles }: Check): string {
  const only = profiles.length === 1 ? ` (${profiles.join(", ")} only)` : "";
  return `| \`${id}\`${only} | ${cell(why)} | ${cell(judged)} | ${blocks.join(", ")} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
