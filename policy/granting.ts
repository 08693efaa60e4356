/**
 * The keys that grant. A policy only narrows: whatever is added to it never allows what was denied before, unless the added
 * key is one of these. Tests add each of them (it grants) and every other key (it doesn't); `docs/policy.md` shows the list.
 */
import { DEFAULT_PROFILE_TEXT } from "./complete.ts";
import { policyKeysMarkdown, schemaKeys } from "./schema.ts";

/** Where the grant shows. */
export type GrantKind =
  /** A request that was denied is allowed. */
  | "decision"
  /** Something that is allowed anyway reaches further: a network, a share of the processors, a helper's limits. */
  | "reach"
  /** A file that was refused as contradictory loads. */
  | "load";

export interface Grant {
  readonly kind: GrantKind;
  /** What it grants, in a few words. */
  readonly what: string;
}

const decision = (what: string): Grant => ({ kind: "decision", what });
const reach = (what: string): Grant => ({ kind: "reach", what });

const ofKind = (kind: "linux" | "windows"): Readonly<Record<string, Grant>> => ({
  [`${kind}.enabled`]: decision(`${kind} guests`),
  [`${kind}.vm_id`]: decision("starting by itself, for that guest"),
  [`${kind}.autoboot`]: decision("starting by itself, where `defaults.autoboot_vms` is true"),
  [`${kind}.present_on_boot`]: decision("presenting without an operator"),
  [`${kind}.networking`]: decision("a network, as far as the profile allows"),
  [`${kind}.limits.cpus`]: decision("more vCPUs than the default"),
  [`${kind}.limits.mem_mib`]: decision("more memory than the default"),
  [`${kind}.devices.input`]: decision("input"),
  [`${kind}.devices.gpu`]: decision("a display device"),
});

const inProfile = (key: string) => `profiles.<name>.${key}`;

/** Every key that can grant, by its path in the schema. All others never do. */
export const GRANTING_KEYS: Readonly<Record<string, Grant>> = {
  "defaults.networking": decision("`networking` of kinds that leave it out"),
  "defaults.present_on_boot": decision("`present_on_boot` of kinds that leave it out"),
  "defaults.autoboot_vms": decision("`autoboot` of kinds"),
  "limits.cpu_percent": decision("a larger sum of processor shares than the default"),
  "limits.mem_mib": decision("a larger sum of memory than the default"),
  "limits.max_running": decision("more guests at once than the default"),
  "limits.clamp": decision("starting with less, instead of a refusal"),
  "security.confine_processes": reach("false: helpers run unconfined, where `security.developer` is true"),
  "security.developer": { kind: "load", what: "`security.confine_processes = false`" },
  ...ofKind("linux"),
  ...ofKind("windows"),
  "windows.devices.vtpm": { kind: "load", what: "`windows.enabled = true`" },
  [inProfile("kind")]: decision("a profile of that name, at its strictest"),
  [inProfile("present")]: decision("being presented"),
  [inProfile("networking")]: decision("a network, as far as the kind allows"),
  [inProfile("network_profiles")]: decision("the network profiles it lists"),
  [inProfile("max_vcpu")]: decision("more than one vCPU"),
  [inProfile("max_memory_mb")]: decision("more than 64 MiB"),
  [inProfile("cpu_percent")]: reach("a larger share of the processors"),
  [inProfile("secure_boot")]: decision("starting without Secure Boot"),
  [inProfile("tpm")]: decision("a TPM (linux), or none (windows)"),
  [inProfile("allow_below_minimum")]: decision("less than the system's published minimum"),
  [inProfile("guest_agent")]: decision("the agent calls it lists"),
  [inProfile("input")]: decision("input"),
  [inProfile("restart")]: decision("a restart after a crash, with `max_restarts`"),
  [inProfile("max_restarts")]: decision("as many restarts, with `restart`"),
  [inProfile("shares")]: decision("the folders it lists"),
  [inProfile("shares[].path")]: decision("that folder"),
  [inProfile("shares[].readonly")]: decision("false: writing to that folder"),
  [inProfile("snapshots.every")]: decision("snapshots by schedule"),
  [inProfile("snapshots.max")]: decision("as many snapshots"),
  [inProfile("snapshots.live")]: decision("snapshots of a running guest"),
  [inProfile("snapshots.suspend")]: decision("suspending to disk"),
  "network_profiles.<name>.egress": reach("destinations"),
  "network_profiles.<name>.allow": reach("the destinations it lists"),
  "network_profiles.<name>.dns": reach("names"),
  "network_profiles.<name>.private_ranges": reach("private networks and the host"),
  "sandbox.max_processes": reach("more processes of a helper than the default"),
  "sandbox.memory_limit_mib": reach("more memory of a helper than the default"),
};

/** Keys with a value of their own (no tables) that never grant. */
export function neverGranting(): readonly string[] {
  return schemaKeys()
    .filter(([, { shape }]) => shape.fields === undefined && !shape.want.startsWith("a table"))
    .map(([path]) => path)
    .filter((path) => !Object.hasOwn(GRANTING_KEYS, path));
}

/** The section of `docs/policy.md`. */
export function grantingMarkdown(): string {
  const shows: Readonly<Record<GrantKind, string>> = {
    decision: "a request that was denied is allowed",
    reach: "what is allowed anyway reaches further",
    load: "a file that was refused loads",
  };
  return [
    "## Keys that grant",
    "",
    "A policy only narrows: adding a key, a table or a whole section never allows what was denied without it, unless it is one of",
    "these (and then only with a laxer value than the one that holds without it). A new network profile grants nothing until a",
    "profile lists it. Every key that is not here can only take away, or is about logs.",
    "",
    "| key | grants | so that |",
    "|---|---|---|",
    ...Object.entries(GRANTING_KEYS).map(([path, { kind, what }]) =>
      `| \`${path}\` | ${what} | ${shows[kind]} |`
    ),
    "",
    `Never granting: ${neverGranting().map((path) => `\`${path}\``).join(", ")}.`,
    "",
  ].join("\n");
}

/** The text of `docs/policy.md`. */
export function policyMarkdown(): string {
  return `${policyKeysMarkdown()}\n${DEFAULT_PROFILE_TEXT}\n${grantingMarkdown()}`;
}
