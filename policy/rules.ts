/**
 * The closed table of rules. A rule id is stable: it stands in audit records, in answers of the API and in operators' own
 * test cases. `docs/rules.md` is generated from here.
 */

/** Layers in the order in which they are evaluated and shown. Every one is evaluated; the strictest answer wins. */
export const LAYERS = [
  "mode",
  "request",
  "kind",
  "profile",
  "trigger",
  "lifecycle",
  "storage",
  "devices",
  "caps",
  "totals",
  "network",
  "presentation",
  "agent",
  "snapshot",
  "default",
] as const;
export type Layer = typeof LAYERS[number];

interface RuleText {
  readonly layer: Layer | "load";
  /** `narrow`: denies, or lowers the request where `limits.clamp` is true. */
  readonly effect: "deny" | "allow" | "narrow";
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
}

const rule = (
  layer: RuleText["layer"],
  effect: RuleText["effect"],
  title: string,
  why: string,
  remedy: string,
): RuleText => ({ layer, effect, title, why, remedy });

const TABLE = {
  policy_invalid: rule(
    "load",
    "deny",
    "The policy file has faults",
    "A file with one fault could mean anything; it is loaded whole or not at all.",
    "Run `rayvisor policy validate` and correct every line it names.",
  ),
  unsupported_version: rule(
    "load",
    "deny",
    "The policy has another version",
    "Its keys may mean something else than this program knows.",
    "Write `version = 0`, or use the rayvisor that the file was written for.",
  ),
  policy_file_permissions: rule(
    "load",
    "deny",
    "Others can write the policy file",
    "Whoever can write the policy decides for every guest; that goes for a link that leads out of its folder too.",
    "`chmod go-w` the file and its folder, and give them to the user that runs the supervisor; no link that leads out.",
  ),
  signature_required: rule(
    "load",
    "deny",
    "The policy's signature is missing or does not verify",
    "`security.require_signature` is set or the host has trusted keys, and the file is not signed by one of them.",
    "Sign the exact file with `rayvisor policy sign` and a key in the trusted folder.",
  ),
  safe_mode: rule(
    "mode",
    "deny",
    "Safe mode",
    "The policy can't be trusted, so nothing may be started or widened.",
    "Correct the policy; a good file ends safe mode. Stop, kill, hide and network off go on working.",
  ),
  unevaluable: rule(
    "request",
    "deny",
    "A rule could not be evaluated",
    "What it needs is missing or makes no sense, and a rule that can't be evaluated denies.",
    "The reason names what is missing; from the command line this is a defect to report.",
  ),
  guest_initiated: rule(
    "request",
    "deny",
    "A guest asked for it",
    "Guests are never trusted; they ask the host for nothing.",
    "Let an operator ask.",
  ),
  kind_disabled: rule(
    "kind",
    "deny",
    "Guests of this kind are off",
    "`enabled` of the kind's section is false.",
    "Set `linux.enabled` or `windows.enabled` to true.",
  ),
  profile_unknown: rule(
    "profile",
    "deny",
    "The guest's profile does not exist",
    "Its registry record names a profile that the policy does not have.",
    "Add the profile to the policy, or change `policy_profile` of the record.",
  ),
  profile_kind_mismatch: rule(
    "profile",
    "deny",
    "The profile is for the other kind",
    "A profile grants rights to guests of one kind alone.",
    "Name a profile whose `kind` is that of the guest.",
  ),
  autoboot_not_allowed: rule(
    "trigger",
    "deny",
    "It may not start by itself",
    "Only the guest that the kind's section names as `vm_id` starts by itself, and only where autoboot is on.",
    "Set `defaults.autoboot_vms` and `autoboot` of the kind's section, and its `vm_id`.",
  ),
  restart_not_allowed: rule(
    "trigger",
    "deny",
    "It is not restarted after a crash",
    "`restart` of its profile is `never`.",
    'Set `restart = "on-crash"` in the profile, or start it by hand.',
  ),
  restart_limit: rule(
    "trigger",
    "deny",
    "It crashed too often",
    "`max_restarts` within an hour are used up.",
    "Look into `crash/`, then start it by hand.",
  ),
  reset_not_allowed: rule(
    "lifecycle",
    "deny",
    "A reset would end it",
    '`on_reboot = "stop"` makes an end of every reset of its machine, an operator\'s too.',
    'Stop it and start it again, or set `on_reboot = "reset"` in its profile.',
  ),
  schedule_not_allowed: rule(
    "trigger",
    "deny",
    "Not by schedule",
    "Only snapshots are taken by schedule, and only where the profile has `snapshots.every`.",
    "Set `snapshots.every` in the profile, or ask by hand.",
  ),
  path_escape: rule(
    "storage",
    "deny",
    "A path leaves the data root",
    "A guest is confined to its own files below the data root.",
    "Use a path below the data root, without `..`.",
  ),
  passthrough_denied: rule(
    "storage",
    "deny",
    "A host device would be passed through",
    "Guests get virtual devices alone: no vfio, no host USB, no raw host disk.",
    "Use a disk image and virtual devices.",
  ),
  image_backing_escape: rule(
    "storage",
    "deny",
    "A disk image refers to a file it must not",
    "A backing or data file outside the data root, or of a guessed format, would open the host's files to the guest.",
    "Flatten the image (`qemu-img convert`), or rebase it with the format named onto a file below the root.",
  ),
  device_not_allowed: rule(
    "devices",
    "deny",
    "The device is not on the list",
    "Devices come from an allow-list of virtual ones, as far as policy grants them.",
    "Leave the device out, or grant it in the kind's section.",
  ),
  vtpm_required: rule(
    "devices",
    "deny",
    "A TPM is required",
    "The kind or the profile requires a virtual TPM 2.0.",
    "Set `devices.tpm.enabled` and `storage.tpm_state` in the record.",
  ),
  tpm_denied: rule(
    "devices",
    "deny",
    "A TPM is denied",
    'The profile has `tpm = "denied"`.',
    "Turn the record's TPM off, or change the profile.",
  ),
  secure_boot_required: rule(
    "devices",
    "deny",
    "Secure Boot is required",
    'The profile has `secure_boot = "required"`.',
    "Set `devices.secure_boot` and `storage.ovmf_vars` in the record.",
  ),
  mount_not_allowed: rule(
    "devices",
    "deny",
    "The shared folder is not allowed",
    "A share needs both the registry's and the policy's word, and is read-only unless policy says otherwise.",
    "Add the path under `shares` of the profile, with `readonly = false` where it is written to.",
  ),
  vcpu_cap: rule(
    "caps",
    "narrow",
    "More vCPUs than allowed",
    "The guest asks for more vCPUs than its kind and profile allow.",
    "Lower `devices.vcpu`, or raise the caps; `limits.clamp = true` lowers it at start.",
  ),
  memory_cap: rule(
    "caps",
    "narrow",
    "More memory than allowed",
    "The guest asks for more memory than its kind and profile allow.",
    "Lower `devices.memory_mb`, or raise the caps; `limits.clamp = true` lowers it at start.",
  ),
  below_minimum: rule(
    "caps",
    "deny",
    "Less than the guest system needs",
    "The guest has fewer vCPUs or less memory than its system's published minimum.",
    "Give it more, or set `allow_below_minimum` in its profile.",
  ),
  kvm_required: rule(
    "caps",
    "deny",
    "KVM is required",
    "`limits.require_kvm` refuses software emulation, and KVM does not work on this host.",
    "Make KVM work (`rayvisor preflight` says what is missing), or set `require_kvm = false`.",
  ),
  max_running: rule(
    "totals",
    "deny",
    "Enough guests are running",
    "`limits.max_running` guests run already.",
    "Stop a guest, or raise `limits.max_running`.",
  ),
  total_memory_cap: rule(
    "totals",
    "deny",
    "Memory of all guests together",
    "With this guest the sum would pass `limits.mem_mib`.",
    "Stop a guest, lower `devices.memory_mb`, or raise `limits.mem_mib`.",
  ),
  total_cpu_cap: rule(
    "totals",
    "narrow",
    "Processors of all guests together",
    "With this guest the shares promised to running guests would pass `limits.cpu_percent`.",
    "Stop a guest, or lower `cpu_percent` of a profile; `limits.clamp = true` gives it what is left.",
  ),
  network_default_off: rule(
    "network",
    "narrow",
    "No network",
    "No network unless policy grants it: the kind's section or the profile has networking off.",
    "Set `networking` in the kind's section and in the profile.",
  ),
  network_provisioning_only: rule(
    "network",
    "narrow",
    "Network only while provisioning",
    "The guest has a network during a provisioning run and at no other time.",
    'Run `rayvisor provision`, or set `networking = "on"`.',
  ),
  network_profile_unknown: rule(
    "network",
    "narrow",
    "The network profile does not exist",
    "The policy has no `[network_profiles]` entry of that name.",
    "Name one that exists (`rayvisor policy show`), or add it.",
  ),
  network_profile_not_allowed: rule(
    "network",
    "narrow",
    "The network profile is not for this guest",
    "The guest's profile does not list it under `network_profiles`.",
    "Add it there, or ask for one that is listed.",
  ),
  network_enforcer_missing: rule(
    "network",
    "narrow",
    "Nothing here can enforce the network profile",
    "A network whose rules nobody enforces is not given.",
    "Install what `rayvisor preflight` names; until then the guest runs without a network.",
  ),
  presentation_not_allowed: rule(
    "presentation",
    "deny",
    "It may not be presented",
    "`present` of its profile is false, or it may not present itself at boot.",
    "Set `present = true` in the profile (`present_on_boot` of the kind's section at boot).",
  ),
  presentation_busy: rule(
    "presentation",
    "deny",
    "Another guest is presented",
    "At most one guest is presented.",
    "Hide the other guest first.",
  ),
  input_not_presented: rule(
    "presentation",
    "deny",
    "It is not presented",
    "Input and viewers reach only the presented guest.",
    "Present it first.",
  ),
  input_not_allowed: rule(
    "presentation",
    "deny",
    "It takes no input",
    "`input` is false in the kind's section or in the profile.",
    "Set `devices.input` of the kind's section and `input` of the profile.",
  ),
  guest_exec_not_allowed: rule(
    "agent",
    "deny",
    "No commands or files through the agent",
    "The profile's `guest_agent` does not list `exec` or `files`.",
    "Add the word to `guest_agent` of the profile.",
  ),
  agent_call_not_allowed: rule(
    "agent",
    "deny",
    "The agent call is not allowed",
    "The profile's `guest_agent` does not list it.",
    "Add the word to `guest_agent` of the profile.",
  ),
  snapshot_guest_initiated: rule(
    "snapshot",
    "deny",
    "A guest asked for a snapshot",
    "Snapshots belong to the host; in version 0 no guest can start one.",
    "Let an operator or the schedule take it.",
  ),
  snapshot_limit: rule(
    "snapshot",
    "deny",
    "Enough snapshots",
    "The guest has `snapshots.max` snapshots of its profile already.",
    "Delete or prune snapshots, or raise `snapshots.max`.",
  ),
  snapshot_live_not_allowed: rule(
    "snapshot",
    "deny",
    "Not while it runs",
    "`snapshots.live` of the profile is false.",
    "Stop the guest first, or set `snapshots.live = true`.",
  ),
  suspend_not_allowed: rule(
    "snapshot",
    "deny",
    "It may not be suspended to disk",
    "`snapshots.suspend` of the profile is false.",
    "Stop it, or set `snapshots.suspend = true`.",
  ),
  allowed: rule("default", "allow", "Allowed", "Every layer that applies lets it pass.", "Nothing to do."),
  no_rule: rule(
    "default",
    "deny",
    "No rule allows it",
    "What no rule allows is denied.",
    "Ask for an action that this version knows.",
  ),
} as const satisfies Record<string, RuleText>;

export type RuleId = keyof typeof TABLE;
export interface Rule extends RuleText {
  readonly id: RuleId;
}

/** All rules, in the order of the table. */
export const RULES: readonly Rule[] = Object.entries(TABLE).map(([id, text]) => ({
  id: id as RuleId,
  ...text,
}));

/** Whether a text is the id of a rule. */
export function isRuleId(text: string): text is RuleId {
  return Object.hasOwn(TABLE, text);
}

/** The rule of an id. */
export function ruleOf(id: RuleId): Rule {
  return { id, ...TABLE[id] };
}

/** The text of `docs/rules.md`. */
export function rulesMarkdown(): string {
  const lines = [
    "<!-- deno-fmt-ignore-file -->",
    "# Rules of the policy",
    "",
    "Generated from `policy/rules.ts`; a test fails when this page and the table differ. Ids are stable.",
    "",
    "A decision evaluates its layers in this order: " + LAYERS.map((layer) => `\`${layer}\``).join(", ") +
    ".",
    "Every layer that applies to the action is evaluated and every reason is kept; one `deny` is enough to deny. A rule marked",
    "`narrow` denies too, unless `limits.clamp = true`: then the request is lowered to what is allowed. Rules of layer `load` are",
    "the causes of safe mode and stand beside `safe_mode` in its reasons.",
    "",
  ];
  for (const layer of ["load", ...LAYERS] as const) {
    lines.push(`## ${layer}`, "", "| rule | effect | meaning | why | what to do |", "|---|---|---|---|---|");
    for (const { id, effect, title, why, remedy } of RULES.filter((r) => r.layer === layer)) {
      lines.push(`| \`${id}\` | ${effect} | ${title} | ${why} | ${remedy} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}
