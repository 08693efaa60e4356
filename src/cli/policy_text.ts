/** Policy for people: what a file amounts to, and how a decision came about. */
import type { ExplainView } from "../actions/views.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { type Output, type Style, table } from "./output.ts";

/** What a policy grants, one line for each kind and profile. */
export function policySummary(loaded: LoadedPolicy): string {
  const { policy } = loaded;
  const { limits } = policy;
  const kinds = (["linux", "windows"] as const).map((kind) => {
    const section = policy[kind];
    return [
      `  ${kind}`,
      section.enabled ? "enabled" : "disabled",
      `network ${section.networking}`,
      `at most ${section.limits.cpus} vCPUs and ${section.limits.mem_mib} MiB a guest`,
      section.autoboot ? "autoboot" : "",
    ];
  });
  const profiles = Object.entries(policy.profiles).map(([name, profile]) => [
    `  ${name}`,
    profile.kind,
    profile.present ? "may be presented" : "hidden",
    `network ${profile.networking}${
      profile.network_profiles.length ? ` (${profile.network_profiles.join(", ")})` : ""
    }`,
    `Secure Boot ${profile.secure_boot}, TPM ${profile.tpm}`,
  ]);
  return [
    `${loaded.file}, revision ${loaded.revision.slice(0, 12)}`,
    `limits: ${limits.cpu_percent} % of the processors, ` +
    `${limits.mem_mib === undefined ? "three quarters of the memory" : `${limits.mem_mib} MiB`}, ` +
    `${limits.max_running} guests at once${limits.require_kvm ? ", KVM required" : ""}`,
    "kinds:",
    table(kinds),
    "profiles:",
    table(profiles),
  ].join("\n");
}

const OUTCOME: Readonly<Record<string, readonly [string, Style]>> = {
  pass: ["pass", "green"],
  deny: ["DENY", "red"],
  narrowed: ["narrowed", "yellow"],
  not_applicable: ["-", "dim"],
};

/** The decision, then layer by layer how it came about. */
export function explainText(output: Output, view: ExplainView): string {
  const { decision } = view;
  const verdict = decision.effect === "allow" ? output.style("green", "ALLOW") : output.style("red", "DENY");
  const rows = view.layers.flatMap(({ layer, outcome, reasons }) => {
    const [word, style] = OUTCOME[outcome] ?? [outcome, "bold" as const];
    const first = reasons[0];
    const head = [
      `  ${layer}`,
      output.style(style, word),
      first ? `${first.rule}: ${first.why}` : "",
      first?.where ?? "",
    ];
    return [
      head,
      ...reasons.slice(1).map((reason) => ["", "", `${reason.rule}: ${reason.why}`, reason.where ?? ""]),
    ];
  });
  const duties = decision.obligations.map((obligation) => `  must: ${JSON.stringify(obligation)}`);
  return [`${verdict} ${view.action} on ${view.vm}`, table(rows), ...duties].join("\n");
}
