/** What another policy changes: for each guest its effective rights, and for all of them the limits. Pure. */
import type { GuestKind } from "../src/core/ids.ts";
import { canonicalJson, isObject, type Json } from "../src/core/json.ts";
import { pathText } from "../src/core/shape.ts";
import type { LoadedPolicy, Policy } from "./model.ts";
import { effectiveRights, type RightSource, whereIn } from "./rights.ts";

/** What is needed to know of a guest. */
export interface GuestProfile {
  readonly id: string;
  readonly kind: GuestKind;
  readonly profile: string;
}

/** One right or key; `from` or `to` is null where there is none. */
export interface RightChange {
  readonly right: string;
  readonly from: Json;
  readonly to: Json;
  /** Layer and key (with its line) that `to` comes from; that of `from` where nothing is left. */
  readonly where: string;
}

export interface GuestDifference {
  readonly vm: string;
  readonly changes: readonly RightChange[];
  /** Why the guest has no rights under the new policy. */
  readonly lost?: string;
}

export interface PolicyDifference {
  /** Guests whose effective rights change; in the order given. */
  readonly guests: readonly GuestDifference[];
  /** Keys that are about no single guest: sums, security, network profiles and so on. */
  readonly keys: readonly RightChange[];
}

/** Tables of the policy that effective rights don't tell the whole of. */
const HOST_TABLES = ["limits", "security", "logging", "presentation", "sandbox", "network_profiles"] as const;

/** From the policy in force (undefined: none was ever loaded) to another. */
export function policyDifference(
  before: LoadedPolicy | undefined,
  after: LoadedPolicy,
  guests: readonly GuestProfile[],
): PolicyDifference {
  return {
    guests: guests.map((guest) => guestDifference(before, after, guest)).filter(({ changes }) =>
      changes.length > 0
    ),
    keys: HOST_TABLES.flatMap((table) => tableChanges(table, before, after)),
  };
}

type Told = ReadonlyMap<string, { readonly value: Json; readonly where: string }>;

function guestDifference(
  before: LoadedPolicy | undefined,
  after: LoadedPolicy,
  guest: GuestProfile,
): GuestDifference {
  const next = effectiveRights(after, guest.kind, guest.profile);
  const changes = changesOf(before ? rightsOf(before, guest) : new Map(), rightsOf(after, guest));
  return { vm: guest.id, changes, ...(next.ok ? {} : { lost: next.error.why }) };
}

function rightsOf(loaded: LoadedPolicy, { kind, profile }: GuestProfile): Told {
  const rights = effectiveRights(loaded, kind, profile);
  if (!rights.ok) return new Map();
  const sources: Readonly<Record<string, RightSource>> = rights.value.sources;
  return new Map(
    Object.entries(rights.value.rights).map(([right, value]) => {
      const source = sources[right];
      return [right, { value, where: source ? `${source.layer}: ${whereIn(loaded, source.key)}` : "" }];
    }),
  );
}

function tableChanges(
  table: typeof HOST_TABLES[number],
  before: LoadedPolicy | undefined,
  after: LoadedPolicy,
): readonly RightChange[] {
  return changesOf(before ? keysOf(table, before) : new Map(), keysOf(table, after));
}

function keysOf(table: keyof Policy, loaded: LoadedPolicy): Told {
  const value: unknown = loaded.policy[table];
  const entries = isObject(value) ? Object.entries(value) : [];
  return new Map(entries.map(([key, entry]) => {
    const path = pathText([table, key]);
    return [path, { value: asWritten(entry), where: whereIn(loaded, path) }];
  }));
}

/** A value as the file has it: entries of a network profile's allow-list are texts there. */
function asWritten(value: unknown): Json {
  if (!isObject(value) || !Array.isArray(value.allow)) return value as Json; // a policy is plain data, read from TOML
  return {
    ...value,
    allow: value.allow.map((entry: unknown) => isObject(entry) ? entry.text : entry),
  } as Json; // as above
}

function changesOf(before: Told, after: Told): readonly RightChange[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].flatMap((right): RightChange[] => {
    const [old, now] = [before.get(right), after.get(right)];
    const [from, to] = [old?.value ?? null, now?.value ?? null];
    if (canonicalJson(from) === canonicalJson(to)) return [];
    return [{ right, from, to, where: (now ?? old)?.where ?? "" }];
  });
}
