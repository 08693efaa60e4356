/** Effective rights in words: what each is called, its value with its unit, and where it comes from. */
import type { EffectiveRights, RightSource } from "../../../policy/rights.ts";
import type { Rights } from "../../../policy/types.ts";
import type { Json } from "../../../src/core/json.ts";
import { formatBytes, formatDuration, MIB } from "../../../src/core/units.ts";
import { clean } from "../../text.ts";

interface Words {
  readonly label: string;
  /** Absent: the value as it is, or yes and no. */
  readonly text?: (value: Json) => string;
}

const WORDS: { readonly [K in keyof Rights]: Words } = {
  kind: { label: "kind" },
  profile: { label: "profile" },
  enabled: { label: "enabled" },
  autoboot: { label: "starts by itself" },
  presentOnBoot: { label: "presented at boot" },
  present: { label: "may be presented" },
  input: { label: "input" },
  networking: { label: "network" },
  networkProfiles: { label: "network profiles" },
  maxVcpu: { label: "vCPUs", text: (n) => `at most ${n}` },
  maxMemoryMib: {
    label: "memory",
    text: (n) => typeof n === "number" ? `at most ${formatBytes(n * MIB)}` : "no bound",
  },
  cpuPercent: { label: "processors", text: (n) => `at most ${n} % of the host's` },
  cpuReservedPercent: { label: "processors promised", text: (n) => `${n} % of the host's` },
  secureBoot: { label: "Secure Boot" },
  tpm: { label: "TPM" },
  allowBelowMinimum: { label: "below its minimum" },
  requireKvm: { label: "KVM required" },
  clamp: { label: "lowered to its cap" },
  gpu: { label: "display card" },
  guestAgent: { label: "agent calls" },
  shares: { label: "shared folders", text: sharesText },
  restart: { label: "restarted" },
  maxRestarts: { label: "restarts an hour", text: (n) => `at most ${n}` },
  onReboot: { label: "after its own reboot" },
  onPanic: { label: "after a panic" },
  onWatchdog: { label: "after its watchdog" },
  snapshots: { label: "snapshots", text: snapshotsText },
};

/** One right as it is shown. */
export interface RightRow {
  readonly right: keyof Rights;
  readonly label: string;
  readonly value: string;
  /** Layer, key and line that it comes from. */
  readonly where: string;
  /** Layer and line alone, for little room. */
  readonly short: string;
  /** Line of the policy file; undefined where the file leaves the key out. */
  readonly line: number | undefined;
}

/** All rights, in the order of the table. */
export function rightRows({ rights, sources }: EffectiveRights): readonly RightRow[] {
  const values = rights as unknown as Readonly<Record<string, Json>>; // as it comes over the API: plain JSON
  return (Object.keys(WORDS) as (keyof Rights)[]).map((right) => ({ // Object.keys forgets the literal types
    right,
    label: WORDS[right].label,
    value: rightValue(right, values[right] ?? null),
    where: sourceText(sources[right]),
    short: `${sources[right]?.layer ?? ""}, ${lineText(sources[right])}`,
    line: sources[right]?.line,
  }));
}

/** What a right is called; the name itself, where it is none that is known here. */
export function rightLabel(right: string): string {
  return Object.hasOwn(WORDS, right) ? WORDS[right as keyof Rights].label : clean(right, 120);
}

/** The value of a right or of a key, for a person. */
export function rightValue(right: string, value: Json): string {
  const text = Object.hasOwn(WORDS, right) ? WORDS[right as keyof Rights].text : undefined;
  return clean(text && value !== null ? text(value) : plainValue(value), 300);
}

function plainValue(value: Json): string {
  if (value === null) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(plainValue).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Layer, key and line that a right comes from. */
function sourceText(source: RightSource | undefined): string {
  return source ? clean(`${source.layer}: ${source.key} (${lineText(source)})`, 200) : "";
}

function lineText(source: RightSource | undefined): string {
  if (source?.layer === "builtin") return "built in";
  return source?.line === undefined ? "default" : `line ${source.line}`;
}

function sharesText(value: Json): string {
  if (!Array.isArray(value) || value.length === 0) return "none";
  return value.map((share) => {
    const { path, readonly } = share as { readonly path?: unknown; readonly readonly?: unknown }; // a right's
    return `${String(path)} (${readonly === false ? "written" : "read only"})`;
  }).join(", ");
}

function snapshotsText(value: Json): string {
  const { everyMs, retain, max, live, suspend } = value as Partial<Rights["snapshots"]>; // a right's
  return [
    `at most ${max}`,
    `${retain} kept`,
    ...(everyMs === undefined ? [] : [`every ${formatDuration(everyMs)}`]),
    ...(live ? ["while it runs"] : []),
    suspend ? "suspend" : "no suspend",
  ].join(", ");
}
