/**
 * The closed table of events (contract, section 6). Tests and other programs wait for these names: they are stable.
 * Code can only emit what stands here, because {@link Marker} is derived from the table.
 */

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";
export const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

interface MarkerSpec {
  readonly level: LogLevel;
  /** Words that may follow the name after a colon; absent: the name stands alone. */
  readonly subs?: readonly string[];
  /** True when free words follow the name after colons (rule and detail of a violation). */
  readonly open?: true;
  readonly fields: readonly string[];
  readonly means: string;
}

export const MARKERS = {
  RAYOS_SUPERVISOR: {
    level: "info",
    subs: ["start", "ready", "stop"],
    fields: ["version", "pid", "root"],
    means: "the supervisor starts, takes requests, or ends (guests go on)",
  },
  RAYOS_SAFE_MODE: {
    level: "warn",
    subs: ["on", "off"],
    fields: ["reason"],
    means: "the policy can't be trusted: nothing may be started or widened; or it can again",
  },
  RAYOS_POLICY: {
    level: "info",
    subs: ["loaded", "rejected", "reloaded"],
    fields: ["revision", "file", "problems"],
    means: "a policy file was taken or refused",
  },
  RAYOS_POLICY_VIOLATION: {
    level: "warn",
    open: true,
    fields: ["vm", "action"],
    means: "policy refused a request: `RAYOS_POLICY_VIOLATION:<rule>:<detail>`",
  },
  RAYOS_VM: {
    level: "info",
    subs: [
      "define",
      "start",
      "running",
      "pause",
      "resume",
      "suspend",
      "reset",
      "stop",
      "stopped",
      "crash",
      "kill",
      "delete",
    ],
    fields: ["vm", "kind", "step", "reason", "accel", "pid"],
    means: "a guest's life; `stop` names each step of the escalation",
  },
  RAYOS_LINUX_VM_READY: { level: "info", fields: ["vm", "after_ms"], means: "a Linux guest's agent answers" },
  RAYOS_WINDOWS_VM_READY: {
    level: "info",
    fields: ["vm", "after_ms"],
    means: "a Windows guest's agent answers",
  },
  RAYOS_PRESENTATION: {
    level: "info",
    subs: ["on", "off"],
    fields: ["vm", "kind", "reason"],
    means: "the guest is shown to the operator and may receive input, or no longer",
  },
  RAYOS_INPUT: {
    level: "info",
    subs: ["denied", "accepted"],
    fields: ["vm", "events"],
    means: "input for a guest; counts, never the keys",
  },
  RAYOS_NETWORK: {
    level: "info",
    subs: ["on", "off"],
    fields: ["vm", "profile", "reason"],
    means: "a guest's network was switched",
  },
  RAYOS_NETWORK_DENIED: {
    level: "warn",
    fields: ["vm", "dst", "proto"],
    means: "a guest tried to reach what its network profile does not allow",
  },
  RAYOS_PROVISION: {
    level: "info",
    subs: ["begin", "step", "done", "failed"],
    fields: ["vm", "step", "reason"],
    means: "provisioning of a guest",
  },
  RAYOS_SNAPSHOT: {
    level: "info",
    subs: ["create", "revert", "delete", "prune"],
    fields: ["vm", "snapshot"],
    means: "a snapshot of a guest",
  },
  RAYOS_RECOVERED: {
    level: "warn",
    fields: ["vm", "as", "reason"],
    means: "a guest was found in another state than last recorded, and taken over as what it is",
  },
  RAYOS_SANDBOX_VIOLATION: {
    level: "warn",
    fields: ["vm", "pid", "rule", "action"],
    means: "a confined process ran into its limits",
  },
  RAYOS_EMULATION: {
    level: "warn",
    fields: ["vm", "reason"],
    means: "the guest runs without KVM (software emulation, about ten times slower)",
  },
  RAYOS_DEVELOPER: {
    level: "warn",
    fields: ["vm", "what"],
    means: "a rule was relaxed because `security.developer` is on",
  },
  RAYOS_HOST_ACK: {
    level: "info",
    open: true,
    fields: ["vm"],
    means: "one per request that asked to change something: `RAYOS_HOST_ACK:<op>:<ok|err>:<detail>`",
  },
} as const satisfies Record<string, MarkerSpec>;

type Table = typeof MARKERS;
export type MarkerName = keyof Table;

/** The event names that can be written: `NAME`, `NAME:sub`, or `NAME:free:words` where the table says so. */
export type MarkerEvent = {
  [N in MarkerName]: Table[N] extends { subs: readonly (infer S extends string)[] } ? `${N}:${S}`
    : Table[N] extends { open: true } ? `${N}:${string}`
    : N;
}[MarkerName];

export type MarkerFields = Readonly<Record<string, string | number | boolean>>;

/** One event as it goes to the log, to the audit trail and to whoever listens. */
export interface Marker {
  readonly event: MarkerEvent;
  readonly fields: MarkerFields;
}

/** Level of an event in the human log. */
export function levelOf(event: MarkerEvent): LogLevel {
  const name = event.split(":", 1)[0] as MarkerName; // MarkerEvent always begins with a MarkerName
  return MARKERS[name].level;
}

/** The table as a page of documentation. */
export function markersMarkdown(): string {
  const rows = Object.entries(MARKERS).map(([name, spec]: [string, MarkerSpec]) => {
    const shape = spec.subs ? `${name}:${spec.subs.join("\\|")}` : spec.open ? `${name}:…` : name;
    return `| \`${shape}\` | ${spec.level} | ${
      spec.fields.map((f) => `\`${f}\``).join(" ")
    } | ${spec.means} |`;
  });
  return [
    "# Markers",
    "",
    "Generated from `src/audit/markers.ts`; do not edit. A line of `logs/rayos.log` is",
    "`<time UTC> <LEVEL> <component> <EVENT> <k=v ...>`; values with spaces are quoted. The audit record of the same",
    "event carries the same names as JSON fields.",
    "",
    "| event | level | fields | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
