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
  /**
   * Where its audit record comes from. `observed`: a record of its own for each event. `request`: it stands in a record of the
   * request that it is about. `log`: the audit log itself writes it. `none`: too many, a guest could fill the disk.
   */
  readonly recorded: "observed" | "request" | "log" | "none";
  readonly means: string;
}

export const MARKERS = {
  RAYOS_SUPERVISOR: {
    level: "info",
    subs: ["start", "ready", "stop", "crash"],
    fields: ["version", "pid", "root", "reason", "report"],
    recorded: "observed",
    means:
      "the supervisor starts, takes requests, or ends (guests go on); `crash`: it ends because of a defect of its own",
  },
  RAYOS_SAFE_MODE: {
    level: "warn",
    subs: ["on", "off"],
    fields: ["reason"],
    recorded: "observed",
    means: "the policy can't be trusted: nothing may be started or widened; or it can again",
  },
  RAYOS_POLICY: {
    level: "info",
    subs: ["loaded", "rejected", "reloaded"],
    fields: ["revision", "file", "problems"],
    recorded: "observed",
    means: "a policy file was taken or refused",
  },
  RAYOS_POLICY_VIOLATION: {
    level: "warn",
    open: true,
    fields: ["vm", "action"],
    recorded: "request",
    means: "policy refused a request: `RAYOS_POLICY_VIOLATION:<rule>:<detail>`",
  },
  RAYOS_VM: {
    level: "info",
    subs: [
      "define",
      "start",
      "running",
      "pause",
      "io_error",
      "resume",
      "suspend",
      "suspended",
      "dropped",
      "reset",
      "stop",
      "stopped",
      "crash",
      "kill",
      "delete",
      "tpm_lost",
      "panic",
      "watchdog",
    ],
    fields: ["vm", "kind", "step", "reason", "then", "accel", "pid", "after_ms", "disk", "why", "unsaid"],
    recorded: "observed",
    means: "a guest's life; `stop` names each step of the escalation and the time since the first, " +
      "`tpm_lost` says that its TPM emulator ended and it stands still, `io_error` that it stands still for a disk, and " +
      "why (`no_space`: until there is room, `io_error`: until it is resumed), `dropped` that the saved state of a suspended " +
      "guest is given up; `panic` and `watchdog` say what the guest has failed by and what policy makes of it `then`; " +
      "`unsaid` counts what a guest caused too often to be said",
  },
  RAYOS_STORAGE: {
    level: "warn",
    subs: ["low", "full", "ok"],
    fields: ["path", "short_of", "free_mib", "total_mib", "free_inodes"],
    recorded: "observed",
    means: "a file system runs out of space or inodes: soon, now (nothing is started), or no longer",
  },
  RAYOS_LINUX_VM_READY: {
    level: "info",
    fields: ["vm", "after_ms"],
    recorded: "observed",
    means: "a Linux guest's agent answers",
  },
  RAYOS_WINDOWS_VM_READY: {
    level: "info",
    fields: ["vm", "after_ms"],
    recorded: "observed",
    means: "a Windows guest's agent answers",
  },
  RAYOS_PRESENTATION: {
    level: "info",
    subs: ["on", "off"],
    fields: ["vm", "kind", "reason"],
    recorded: "observed",
    means: "the guest is shown to the operator and may receive input, or no longer",
  },
  RAYOS_INPUT: {
    level: "info",
    subs: ["denied", "accepted"],
    fields: ["vm", "events"],
    recorded: "none",
    means: "input for a guest; counts, never the keys",
  },
  RAYOS_NETWORK: {
    level: "info",
    subs: ["on", "off"],
    fields: ["vm", "profile", "reason"],
    recorded: "observed",
    means: "a guest's network was switched",
  },
  RAYOS_NETWORK_DENIED: {
    level: "warn",
    fields: ["vm", "dst", "proto", "unsaid"],
    recorded: "none",
    means:
      "a guest tried to reach what its network profile does not allow; `unsaid` counts such tries before it " +
      "that were too many to be said",
  },
  RAYOS_PROVISION: {
    level: "info",
    subs: ["begin", "step", "done", "failed"],
    fields: ["vm", "step", "phase", "reason", "restarts", "os"],
    recorded: "observed",
    means: "provisioning of a guest: begun or gone on with, each step, how it ended",
  },
  RAYOS_SNAPSHOT: {
    level: "info",
    subs: ["create", "revert", "delete", "prune"],
    fields: ["vm", "snapshot"],
    recorded: "observed",
    means: "a snapshot of a guest",
  },
  RAYOS_RECOVERED: {
    level: "warn",
    fields: ["vm", "as", "reason"],
    recorded: "observed",
    means: "a guest was found in another state than last recorded, and taken over as what it is",
  },
  RAYOS_SANDBOX_VIOLATION: {
    level: "warn",
    fields: ["vm", "pid", "rule", "action"],
    recorded: "observed",
    means: "a confined process ran into its limits",
  },
  RAYOS_EMULATION: {
    level: "warn",
    fields: ["vm", "reason"],
    recorded: "observed",
    means: "the guest runs without KVM (software emulation, about ten times slower)",
  },
  RAYOS_DEVELOPER: {
    level: "warn",
    fields: ["vm", "what"],
    recorded: "observed",
    means: "a rule was relaxed because `security.developer` is on",
  },
  RAYOS_AUDIT: {
    level: "warn",
    subs: ["unavailable", "available", "repaired", "mismatch"],
    fields: ["reason", "since"],
    recorded: "log",
    means:
      "the audit trail can't be written (changing actions are refused), can be again, was mended after a crash, " +
      "or does not fit what was kept of it",
  },
  RAYOS_HOST_ACK: {
    level: "info",
    open: true,
    fields: ["vm"],
    recorded: "request",
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

/** Where the audit record of an event comes from. */
export function recordedBy(event: MarkerEvent): MarkerSpec["recorded"] {
  const name = event.split(":", 1)[0] as MarkerName; // as above
  return MARKERS[name].recorded;
}

/** Action of the record of an event that nobody asked for: `RAYOS_VM:pause` is `vm.pause`. */
export function actionOf(event: MarkerEvent): string {
  return event.replace(/^RAYOS_/, "").toLowerCase().replaceAll(":", ".");
}

/** The table as a page of documentation. */
export function markersMarkdown(): string {
  const rows = Object.entries(MARKERS).map(([name, spec]: [string, MarkerSpec]) => {
    const shape = spec.subs ? `${name}:${spec.subs.join("\\|")}` : spec.open ? `${name}:…` : name;
    return `| \`${shape}\` | ${spec.level} | ${
      spec.fields.map((f) => `\`${f}\``).join(" ")
    } | ${spec.recorded} | ${spec.means} |`;
  });
  return [
    "# Markers",
    "",
    "Generated from `src/audit/markers.ts`; do not edit. A line of `logs/rayos.log` is",
    "`<time UTC> <LEVEL> <component> <EVENT> <k=v ...>`; values with spaces are quoted. The audit record of the same",
    "event carries the same names as JSON fields: `event`, and the fields in `detail`.",
    "",
    "Recorded: `observed` has an audit record of its own for each event; `request` stands in the last record of the request",
    "that it is about; `log` is written by the audit log about itself; `none` has no record, because a guest could fill",
    "the disk with them.",
    "",
    "| event | level | fields | recorded | meaning |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
