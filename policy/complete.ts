/** Fills in what a valid file leaves out, adds the profiles that always exist, and notes what is probably not meant. */
import type { Fault, KeyPath } from "../src/core/shape.ts";
import { pathText } from "../src/core/shape.ts";
import { GUEST_KINDS, type GuestKind } from "../src/core/ids.ts";
import { insideRoot } from "./check.ts";
import type { KindFile, KindSection, Policy, PolicyFile, Profile, ProfileFile } from "./model.ts";
import { BUILTIN_NETWORK_PROFILES } from "./network_profile.ts";

/** Profiles that always exist, by kind. */
export const DEFAULT_PROFILE: Readonly<Record<GuestKind, string>> = {
  linux: "default-linux",
  windows: "default-windows",
};

/** The policy with all defaults, and notes. `root` as in `loadPolicy`. */
export function completePolicy(file: PolicyFile, root?: string): { policy: Policy; notes: readonly Fault[] } {
  const linux = completeKind(file.linux, file, root);
  const windows = completeKind(file.windows, file, root);
  const profiles: Record<string, Profile> = {
    [DEFAULT_PROFILE.linux]: defaultProfile("linux", linux),
    [DEFAULT_PROFILE.windows]: defaultProfile("windows", windows),
  };
  for (const [name, profile] of Object.entries(file.profiles)) {
    profiles[name] = completeProfile(profile, root);
  }
  const policy: Policy = {
    ...file,
    linux,
    windows,
    profiles,
    network_profiles: { ...BUILTIN_NETWORK_PROFILES, ...file.network_profiles },
  };
  return { policy, notes: notesOn(file) };
}

function relative(path: string, root: string | undefined): string {
  return path.startsWith("/") ? insideRoot(path, root) ?? path : path;
}

function completeKind(kind: KindFile, file: PolicyFile, root: string | undefined): KindSection {
  const storage = Object.fromEntries(
    Object.entries(kind.storage).map(([key, path]) => [key, relative(path, root)]),
  );
  return {
    ...kind,
    storage,
    // The switch for all guests and the one of the kind must both be on.
    autoboot: file.defaults.autoboot_vms && (kind.autoboot ?? true),
    present_on_boot: kind.present_on_boot ?? file.defaults.present_on_boot,
    networking: kind.networking ?? file.defaults.networking,
  };
}

function completeProfile(profile: ProfileFile, root: string | undefined): Profile {
  return {
    ...profile,
    tpm: profile.tpm ?? (profile.kind === "windows" ? "required" : "denied"),
    shares: profile.shares.map((share) => ({ ...share, path: relative(share.path, root) })),
  };
}

/**
 * What a guest gets whose record names no profile of the operator's own: all that its kind's section allows, an ordinary
 * desktop's needs beyond it, and nothing that reaches into the host or the guest's files.
 */
function defaultProfile(kind: GuestKind, section: KindSection): Profile {
  const isWindows = kind === "windows";
  return {
    builtin: true,
    kind,
    present: true,
    networking: section.networking,
    network_profiles: section.networking === "off" ? [] : ["restricted"],
    max_vcpu: section.limits.cpus,
    max_memory_mb: section.limits.mem_mib,
    cpu_percent: 100,
    secure_boot: isWindows ? "required" : "allowed",
    tpm: isWindows ? "required" : "allowed",
    allow_below_minimum: false,
    guest_agent: ["ping", "osinfo", "shutdown", "fsfreeze"],
    input: section.devices.input,
    clipboard: false,
    restart: "never",
    max_restarts: 0,
    on_reboot: "reset",
    on_panic: "pause",
    on_watchdog: "pause",
    shares: [],
    snapshots: { retain: 0, max: 20, live: true, suspend: true, guest_initiated: false },
  };
}

/** The default profiles in words, for `docs/policy.md`. */
export const DEFAULT_PROFILE_TEXT = `## The profiles that always exist

\`default-linux\` and \`default-windows\` follow from their kind's section; a file that restates one replaces it wholly.

| key | default-linux | default-windows |
|---|---|---|
| \`present\` | true | true |
| \`networking\` | that of the section | that of the section |
| \`network_profiles\` | \`["restricted"]\`, none where networking is off | the same |
| \`max_vcpu\`, \`max_memory_mb\` | \`limits\` of the section | \`limits\` of the section |
| \`cpu_percent\` | no share of its own: what \`limits.cpu_percent\` leaves | the same |
| \`secure_boot\` | allowed | required |
| \`tpm\` | allowed | required |
| \`allow_below_minimum\` | false | false |
| \`guest_agent\` | ping, osinfo, shutdown, fsfreeze | the same |
| \`input\` | \`devices.input\` of the section | \`devices.input\` of the section |
| \`restart\` | never | never |
| \`on_reboot\` | reset | reset |
| \`on_panic\`, \`on_watchdog\` | pause | pause |
| \`shares\` | none | none |
| \`snapshots\` | max 20, live, suspend, none by schedule | the same |
`;

/** Keys whose strictest value makes a guest all but useless: worth a word when they are left out. */
const NOTED_KEYS = ["max_vcpu", "max_memory_mb", "cpu_percent"] as const;
const STRICTEST = { max_vcpu: 1, max_memory_mb: 64, cpu_percent: 1 } as const;

function notesOn(file: PolicyFile): readonly Fault[] {
  const notes: Fault[] = [];
  const note = (path: KeyPath, message: string) =>
    notes.push({ path, at: "key", message: `${pathText(path)} ${message}` });
  for (const [name, profile] of Object.entries(file.profiles)) {
    const path = ["profiles", name];
    for (const key of NOTED_KEYS) {
      if (profile[key] === STRICTEST[key]) {
        const at = [...path, key];
        const message = `${pathText(at)} is left out, and so at its strictest value, ${STRICTEST[key]}`;
        notes.push({ path: at, at: "key", missing: true, message });
      }
    }
    if (profile.networking !== "off" && profile.network_profiles.length === 0) {
      note([...path, "networking"], "is on, but the profile may ask for no network profile");
    }
    if (profile.networking === "off" && profile.network_profiles.length > 0) {
      note([...path, "network_profiles"], "names profiles, but networking is off");
    }
    if (profile.restart === "on-crash" && profile.max_restarts === 0) {
      note([...path, "restart"], 'is "on-crash", but max_restarts = 0: it is never restarted');
    }
    for (const key of ["on_panic", "on_watchdog"] as const) {
      if (profile[key] === "reset" && profile.on_reboot === "stop") {
        note([...path, key], 'is "reset", but on_reboot = "stop" makes of every reset an end: it is stopped');
      }
    }
    if (profile.snapshots.every !== undefined && profile.snapshots.retain === 0) {
      note([...path, "snapshots", "every"], "takes snapshots, but retain = 0 keeps none of them");
    }
  }
  for (const kind of GUEST_KINDS) {
    if (file[kind].autoboot === true && file[kind].vm_id === undefined) {
      note([kind, "autoboot"], "is true, but without vm_id no guest starts by itself");
    }
  }
  return notes;
}
