/** Effective rights of a guest: the strictest of `[limits]`, its kind's section and its profile (contract, section 4). */
import type { GuestKind } from "../src/core/ids.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { didYouMean } from "../src/core/suggest.ts";
import type { LoadedPolicy, Policy, Profile } from "./model.ts";
import type { Networking, OnFailure, PolicyReason, Rights } from "./types.ts";

export type RightsLayer = "limits" | "defaults" | "kind" | "profile" | "builtin";

/** Where a right comes from. `line` is absent where the file leaves the key out and its default holds. */
export interface RightSource {
  readonly layer: RightsLayer;
  readonly key: string;
  readonly line?: number;
}
export type RightSources = { readonly [K in keyof Rights]: RightSource };

export interface EffectiveRights {
  readonly rights: Rights;
  readonly sources: RightSources;
}

const cache = new WeakMap<LoadedPolicy, Map<string, Result<EffectiveRights, PolicyReason>>>();

/**
 * What a guest of this kind with this profile may do, and which key each right comes from. The error is the reason why it has
 * no rights at all: the profile doesn't exist or is for the other kind.
 */
export function effectiveRights(
  loaded: LoadedPolicy,
  kind: GuestKind,
  profile: string,
): Result<EffectiveRights, PolicyReason> {
  let known = cache.get(loaded);
  if (!known) cache.set(loaded, known = new Map());
  const key = `${kind} ${profile}`;
  let found = known.get(key);
  if (!found) {
    found = compute(loaded, kind, profile);
    // Names that don't exist come from records: they must not fill the memory.
    if (found.ok) known.set(key, found);
  }
  return found;
}

function compute(loaded: LoadedPolicy, kind: GuestKind, name: string): Result<EffectiveRights, PolicyReason> {
  const { policy } = loaded;
  const profile = Object.hasOwn(policy.profiles, name) ? policy.profiles[name] : undefined;
  if (profile === undefined) {
    const near = didYouMean(name, Object.keys(policy.profiles));
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return err({
      rule: "profile_unknown",
      why: `the policy has no profile ${JSON.stringify(name.slice(0, 80))}${hint}`,
      where: "profiles",
    });
  }
  const where = whereIn(loaded, `profiles.${keyText(name)}.kind`);
  if (profile.kind !== kind) {
    return err({
      rule: "profile_kind_mismatch",
      why: `profile ${name} is for ${profile.kind} guests; the guest is ${kind}`,
      where,
    });
  }
  const rights = combine(policy, kind, name, profile);
  return ok({ rights, sources: sourcesOf(loaded, rights, profile) });
}

const NETWORKING: readonly Networking[] = ["off", "provisioning_only", "on"];

function stricterNetworking(a: Networking, b: Networking): Networking {
  return NETWORKING.indexOf(a) <= NETWORKING.indexOf(b) ? a : b;
}

function combine(policy: Policy, kind: GuestKind, name: string, profile: Profile): Rights {
  const section = policy[kind];
  const cpuPercent = Math.min(policy.limits.cpu_percent, profile.cpu_percent);
  const networking = stricterNetworking(section.networking, profile.networking);
  const { every, retain, max, live, suspend } = profile.snapshots;
  return {
    kind,
    profile: name,
    enabled: section.enabled,
    autoboot: section.enabled && section.autoboot,
    presentOnBoot: section.present_on_boot && profile.present,
    present: profile.present,
    input: section.devices.input && profile.input,
    networking,
    networkProfiles: networking === "off" ? [] : profile.network_profiles,
    maxVcpu: Math.min(section.limits.cpus, profile.max_vcpu),
    maxMemoryMib: Math.min(section.limits.mem_mib, profile.max_memory_mb, policy.limits.mem_mib ?? Infinity),
    cpuPercent,
    cpuReservedPercent: profile.builtin === true ? 1 : cpuPercent,
    secureBoot: profile.secure_boot,
    tpm: kind === "windows" && section.devices.vtpm === true && profile.tpm === "allowed"
      ? "required"
      : profile.tpm,
    allowBelowMinimum: profile.allow_below_minimum,
    requireKvm: policy.limits.require_kvm,
    clamp: policy.limits.clamp,
    gpu: section.devices.gpu,
    guestAgent: profile.guest_agent,
    shares: profile.shares,
    restart: profile.restart,
    maxRestarts: profile.restart === "never" ? 0 : profile.max_restarts,
    onReboot: profile.on_reboot,
    onPanic: orStop(profile, "on_panic"),
    onWatchdog: orStop(profile, "on_watchdog"),
    snapshots: { ...(every === undefined ? {} : { everyMs: every }), retain, max, live, suspend },
  };
}

/** Where a reset of the machine ends the guest, none is asked for. */
function orStop(profile: Profile, key: "on_panic" | "on_watchdog"): OnFailure {
  return profile[key] === "reset" && profile.on_reboot === "stop" ? "stop" : profile[key];
}

/** A key as it stands in a key path. */
export function keyText(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** `linux.networking (line 23)`, or `(default)` where the file leaves the key out. */
export function whereIn(loaded: LoadedPolicy, key: string): string {
  const place = loaded.places.get(key);
  return place === undefined ? `${key} (default)` : `${key} (line ${place.line})`;
}

/** For each right the keys that it is the strictest of, each with its own value, in the order of the layers. */
function sourcesOf(loaded: LoadedPolicy, rights: Rights, profile: Profile): RightSources {
  const { policy } = loaded;
  const { kind } = rights;
  const section = policy[kind];
  const base = `profiles.${keyText(rights.profile)}`;
  const source = (layer: RightsLayer, key: string): RightSource => {
    const line = loaded.places.get(key)?.line;
    return line === undefined ? { layer, key } : { layer, key, line };
  };
  const own = (key: string) => source(profile.builtin === true ? "builtin" : "profile", `${base}.${key}`);
  const ofKind = (key: string) => source("kind", `${kind}.${key}`);
  const limit = (key: string) => source("limits", `limits.${key}`);
  /** A key that the kind's section takes from `[defaults]` when it leaves it out. */
  const ofKindOr = (key: string, other: string) =>
    loaded.places.has(`${kind}.${key}`) ? ofKind(key) : source("defaults", `defaults.${other}`);
  const offByAll = !policy.defaults.autoboot_vms || !loaded.places.has(`${kind}.autoboot`);
  const snapshots = own("snapshots");
  return {
    kind: own("kind"),
    profile: own("kind"),
    enabled: ofKind("enabled"),
    autoboot: !section.enabled
      ? ofKind("enabled")
      : offByAll
      ? source("defaults", "defaults.autoboot_vms")
      : ofKind("autoboot"),
    presentOnBoot: section.present_on_boot && !profile.present
      ? own("present")
      : ofKindOr("present_on_boot", "present_on_boot"),
    present: own("present"),
    input: section.devices.input ? own("input") : ofKind("devices.input"),
    networking: section.networking === rights.networking
      ? ofKindOr("networking", "networking")
      : own("networking"),
    networkProfiles: own("network_profiles"),
    maxVcpu: section.limits.cpus === rights.maxVcpu ? ofKind("limits.cpus") : own("max_vcpu"),
    maxMemoryMib: policy.limits.mem_mib === rights.maxMemoryMib
      ? limit("mem_mib")
      : section.limits.mem_mib === rights.maxMemoryMib
      ? ofKind("limits.mem_mib")
      : own("max_memory_mb"),
    cpuPercent: policy.limits.cpu_percent === rights.cpuPercent ? limit("cpu_percent") : own("cpu_percent"),
    cpuReservedPercent: own("cpu_percent"),
    secureBoot: own("secure_boot"),
    tpm: rights.tpm === profile.tpm ? own("tpm") : ofKind("devices.vtpm"),
    allowBelowMinimum: own("allow_below_minimum"),
    requireKvm: limit("require_kvm"),
    clamp: limit("clamp"),
    gpu: ofKind("devices.gpu"),
    guestAgent: own("guest_agent"),
    shares: own("shares"),
    restart: own("restart"),
    maxRestarts: own("max_restarts"),
    onReboot: own("on_reboot"),
    onPanic: own(rights.onPanic === profile.on_panic ? "on_panic" : "on_reboot"),
    onWatchdog: own(rights.onWatchdog === profile.on_watchdog ? "on_watchdog" : "on_reboot"),
    snapshots,
  };
}

/** The most memory that all running guests may have together. */
export function mostMemoryMib(limits: Policy["limits"], hostMemoryMib: number): number {
  return limits.mem_mib ?? Math.floor(hostMemoryMib * 3 / 4);
}
