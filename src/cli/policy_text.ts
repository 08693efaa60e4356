/** Policy for people: what a file amounts to, and how a decision came about. */
import type { ExplainView, PolicyCheckView } from "../actions/views.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { RightChange } from "../../policy/difference.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import type { RuleId } from "../../policy/rules.ts";
import type { Obligation } from "../../policy/types.ts";
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
};

/**
 * The decision, then layer by layer how it came about, what it obliges to, and what would change it. `remedyOf` gives a
 * rule's advice (`policy/rules.ts`).
 */
export function explainText(output: Output, view: ExplainView, remedyOf: (rule: RuleId) => string): string {
  const { decision, layers } = view;
  const isAllowed = decision.effect === "allow";
  const verdict = isAllowed ? output.style("green", "ALLOW") : output.style("red", "DENY");
  const rows = layers.filter(({ outcome }) => outcome !== "not_applicable").flatMap(layerRows(output));
  const unasked = layers.filter(({ outcome }) => outcome === "not_applicable").map(({ layer }) => layer);
  const advice = isAllowed
    ? []
    : [...new Set(decision.reasons.map(({ rule }) => rule))].map((rule) =>
      `${output.style("cyan", "hint:")} ${rule}: ${remedyOf(rule)}`
    );
  return [
    `${verdict} ${view.action} on ${view.vm}`,
    table(rows),
    ...(unasked.length === 0 ? [] : [output.style("dim", `  not asked: ${unasked.join(", ")}`)]),
    ...decision.obligations.map((obligation) => `  must ${obligationText(obligation)}`),
    ...advice,
  ].join("\n");
}

const layerRows = (output: Output) => ({ layer, outcome, reasons }: ExplainView["layers"][number]) => {
  const [word, style] = OUTCOME[outcome] ?? [outcome, "bold" as const];
  const cells = reasons.map(({ rule, why, where }) => [
    sanitizeLine(`${rule}: ${why}`, 300),
    ...(where === undefined ? [] : [output.style("dim", sanitizeLine(where, 120))]),
  ]);
  const [first = [], ...more] = cells;
  return [[`  ${layer}`, output.style(style, word), ...first], ...more.map((cell) => ["", "", ...cell])];
};

/** An obligation as it reads after "must". */
export function obligationText(obligation: Obligation): string {
  switch (obligation.kind) {
    case "confine":
      return "run QEMU and its helpers confined";
    case "clamp_vcpu":
      return `start it with ${obligation.to} ${obligation.to === 1 ? "vCPU" : "vCPUs"}`;
    case "clamp_memory":
      return `start it with ${obligation.toMib} MiB of memory`;
    case "clamp_cpu":
      return `give it at most ${obligation.toPercent} percent of the processors`;
    case "clamp_network":
      return "start it without a network";
    case "revert_network_at_end":
      return "turn the network off when the provisioning run ends";
    case "mark_developer":
      return `mark the use of ${obligation.what} in the log`;
  }
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

/** What is done to a guest that runs, as it reads after its name. */
export const STEP_TEXT: Readonly<
  Record<PolicyCheckView["consequences"][number]["steps"][number]["kind"], string>
> = {
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
