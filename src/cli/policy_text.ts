/** Policy for people: what a file amounts to, and how a decision came about. */
import type { ExplainView, PolicyCheckView } from "../actions/views.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { RightChange } from "../../policy/difference.ts";
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

/** What another policy changes: guest by guest, then the keys of the host, then what is taken from guests that run. */
export function applyText(output: Output, view: PolicyCheckView, applied: boolean): string {
  const { guests, keys } = view.difference;
  const short = (revision: string) => revision === "none" ? "none" : revision.slice(0, 12);
  const verb = applied ? "the policy is in force" : "the policy would be in force (nothing was changed)";
  const lines = [`${verb}: revision ${short(view.from)} -> ${short(view.to)}`];
  if (view.signed_by !== null) {
    lines.push(`signed by key ${view.signed_by.slice(0, 16)}: ${view.demanded_by}`);
  }
  if (guests.length === 0 && keys.length === 0) lines.push("no guest's rights and no limit change");
  for (const guest of guests) {
    lines.push(
      output.style("bold", guest.vm) + (guest.lost === undefined ? "" : `: ${sanitizeLine(guest.lost, 200)}`),
    );
    lines.push(changesText(guest.changes));
  }
  if (keys.length > 0) lines.push(output.style("bold", "host"), changesText(keys));
  for (const { vm, steps } of view.consequences) {
    for (const { kind, reason } of steps) {
      const where = reason.where === undefined ? "" : ` (${reason.where})`;
      const text = sanitizeLine(`${reason.rule}: ${reason.why}${where}`, 300);
      lines.push(`${output.style("yellow", `${vm} runs: ${STEP_TEXT[kind]}`)}: ${text}`);
    }
  }
  return lines.join("\n");
}

const STEP_TEXT: Readonly<Record<PolicyCheckView["consequences"][number]["steps"][number]["kind"], string>> =
  {
    hide: "hidden",
    input_off: "input taken away",
    network_off: "network turned off",
    share_off: "shared folder taken away",
    cpu_cap: "share of the processors lowered",
    mark: "marked",
    stop: "stopped",
  };

function changesText(changes: readonly RightChange[]): string {
  const value = (json: RightChange["from"]) =>
    json === null ? "-" : sanitizeLine(typeof json === "string" ? json : JSON.stringify(json), 80);
  return table(
    changes.map(({ right, from, to, where }) => [`  ${right}`, value(from), "->", value(to), where]),
  );
}
