/**
 * Every key of a policy file of version 0: type, range, default and meaning. Validation, `docs/policy.md` and the test of
 * the template all read this table. Keys of a profile that are left out are at their strictest value; those that
 * grant nothing (`on_reboot`, `on_panic`, `on_watchdog`) at the usual one.
 */
import {
  bool,
  defaulted,
  type Field,
  int,
  list,
  mapOf,
  oneOf,
  only,
  optional,
  required,
  section,
  type Shape,
  table,
  text,
} from "../src/core/shape.ts";
import { type GuestKind, parseVmId, VM_ID_RULE } from "../src/core/ids.ts";
import { parseRelativePath } from "../src/core/relative_path.ts";
import { parseDuration } from "../src/core/units.ts";
import type { KindFile, NetworkProfile, Policy, PolicyFile, Profile, ProfileFile } from "./model.ts";
import type { AgentRight } from "./types.ts";
import { parseAllowEntry } from "./network_profile.ts";

/** Largest number of vCPUs and MiB of one guest that version 0 takes as meant. */
const MOST_VCPUS = 512;
const MOST_MIB = 16 * 1024 * 1024;
const LEAST_MIB = 64;

export const AGENT_RIGHTS: readonly AgentRight[] = [
  "ping",
  "osinfo",
  "shutdown",
  "fsfreeze",
  "network",
  "exec",
  "files",
];

/** What a profile and a network profile may be called. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const profileName: Shape<string> = text(
  "a name of lower-case letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit",
  (name) => NAME.test(name) ? { value: name } : {},
);

const vmId: Shape<string> = text(`a guest id (${VM_ID_RULE})`, (id) => {
  const parsed = parseVmId(id);
  return parsed === undefined ? {} : { value: parsed };
});

/**
 * A path below the data root. An absolute one stays as it is written: whether it lies inside is known only where the
 * root is, see `load.ts`.
 */
const path: Shape<string> = text("a path below the data root", (written) => {
  const relative = parseRelativePath(written.replace(/^\/+/, ""));
  if (!relative.ok) return { why: relative.error, rule: "path_escape" };
  return { value: written.startsWith("/") ? `/${relative.value}` : relative.value };
});

const duration: Shape<number> = text('a duration of at least a minute, such as "90m" or "24h"', (written) => {
  const ms = parseDuration(written);
  if (ms === undefined) return /^\d+$/.test(written) ? { hint: `add a unit: "${written}h"` } : {};
  return ms >= 60_000 && ms <= 366 * 86_400_000 ? { value: ms } : { why: "it is out of range" };
});

const networking = oneOf(["off", "provisioning_only", "on"]);

function kindSection(kind: GuestKind): Shape<KindFile> {
  const isLinux = kind === "linux";
  const stored = isLinux ? { root_disk: optional(path, "The root disk of the guest `vm_id`.") } : {
    disk: optional(path, "The system disk of the guest `vm_id`."),
    ovmf_vars: optional(path, "Its UEFI variable store."),
    vtpm_state_dir: optional(path, "The folder of its TPM state."),
  };
  const devices = {
    input: defaulted(bool, false, "Whether guests of this kind may get input (while presented)."),
    gpu: defaulted(oneOf(["virtio", "none"]), "none", "The display device."),
  };
  const vtpm = {
    vtpm: defaulted(bool, false, "A virtual TPM 2.0; must be true where `windows.enabled` is."),
  };
  // The two kinds differ in which keys exist; their common type has those keys as optional.
  const storage = table(stored as Parameters<typeof table<KindFile["storage"]>>[0]);
  const device = table(
    (isLinux ? devices : { ...devices, ...vtpm }) as Parameters<typeof table<KindFile["devices"]>>[0],
  );
  return table<KindFile>({
    enabled: defaulted(bool, false, "Whether guests of this kind may exist and run."),
    vm_id: optional(
      vmId,
      "The guest that this subsystem means by default; the only one that may start by itself.",
    ),
    autoboot: optional(
      bool,
      "Start `vm_id` with the supervisor; needs `defaults.autoboot_vms` too. Default: that key.",
    ),
    present_on_boot: optional(
      bool,
      "Present it when it has started by itself. Default: `defaults.present_on_boot`.",
    ),
    networking: optional(
      networking,
      "The most that any guest of this kind may have. Default: `defaults.networking`.",
    ),
    limits: section(
      table({
        cpus: defaulted(int(1, MOST_VCPUS), isLinux ? 1 : 2, "vCPUs of each guest of the kind."),
        mem_mib: defaulted(
          int(LEAST_MIB, MOST_MIB),
          isLinux ? 1024 : 4096,
          "Memory of each guest of the kind, MiB.",
        ),
      }),
      "Caps of each guest of the kind.",
    ),
    storage: section(storage, "Where the files of the guest `vm_id` are."),
    devices: section(device, "Devices that guests of this kind may have."),
  });
}

const share = table<Profile["shares"][number]>({
  path: required(path, "Folder below the data root that may be shared."),
  readonly: defaulted(bool, true, "Whether the guest may only read it."),
});

const snapshots = table<Profile["snapshots"]>({
  every: optional(duration, "How often one is taken by schedule. Left out: never."),
  retain: defaulted(int(0, 10_000), 0, "How many scheduled ones are kept. Left out: none."),
  max: defaulted(int(0, 10_000), 0, "How many the guest may have in all. Left out: none."),
  live: defaulted(bool, false, "May be taken of a running guest."),
  suspend: defaulted(bool, false, "May be suspended to disk."),
  guest_initiated: defaulted(only(false), false, "Only false in version 0."),
});

const profile = table<ProfileFile>({
  kind: required(oneOf(["linux", "windows"]), "Which guests may name this profile."),
  present: defaulted(bool, false, "May be presented."),
  networking: defaulted(networking, "off", "The most network the guest may have."),
  network_profiles: defaulted(list(profileName, 64), [], "Which network profiles it may ask for."),
  max_vcpu: defaulted(int(1, MOST_VCPUS), 1, "Most vCPUs. Left out: 1."),
  max_memory_mb: defaulted(int(LEAST_MIB, MOST_MIB), LEAST_MIB, "Most memory, MiB. Left out: 64."),
  cpu_percent: defaulted(
    int(1, 100),
    1,
    "Share of the host's processors that the kernel lets it have, percent. Left out: 1.",
  ),
  secure_boot: defaulted(oneOf(["required", "allowed"]), "required", "Left out: required."),
  tpm: optional(
    oneOf(["required", "allowed", "denied"]),
    "Left out: required for windows, denied for linux (each the strictest that such a guest can meet).",
  ),
  allow_below_minimum: defaulted(bool, false, "May be smaller than its system's published minimum."),
  guest_agent: defaulted(list(oneOf(AGENT_RIGHTS), 16), [], "Agent calls the host may make."),
  input: defaulted(bool, false, "May get input while presented."),
  clipboard: defaulted(only(false), false, "Only false in version 0."),
  restart: defaulted(oneOf(["never", "on-crash"]), "never", "Whether it is started again after a crash."),
  max_restarts: defaulted(int(0, 1000), 0, "How often within an hour. Left out: 0."),
  on_reboot: defaulted(
    oneOf(["reset", "stop"]),
    "reset",
    "What the guest's own reboot comes to. stop: any reset of the machine ends it, so `vm reset` is refused. Left out: " +
      "reset, for every system reboots itself, and it gains nothing by it: same process, devices and caps.",
  ),
  on_panic: defaulted(
    oneOf(["pause", "stop", "reset"]),
    "pause",
    "What becomes of a guest whose system panics, after a report is written under `crash/`. stop: it counts as crashed.",
  ),
  on_watchdog: defaulted(
    oneOf(["pause", "stop", "reset"]),
    "pause",
    "What becomes of a guest that no longer feeds the watchdog it has armed. stop: it counts as crashed.",
  ),
  shares: defaulted(list(share, 64), [], "Folders it may have shared."),
  snapshots: section(snapshots, "Snapshots of the guest."),
});

const networkProfile = table<NetworkProfile>({
  egress: defaulted(oneOf(["none", "allowlist", "any"]), "none", "Where the guest may connect to."),
  allow: defaulted(list(parseAllow(), 1024), [], "Destinations of `allowlist`."),
  dns: defaulted(
    oneOf(["none", "allowlist", "any"]),
    "none",
    "Which names resolve; allowlist: those above alone.",
  ),
  private_ranges: defaulted(bool, false, "RFC 1918, link-local and the host itself may be reached."),
  inbound: defaulted(only(false), false, "Only false in version 0."),
});

function parseAllow(): Shape<NetworkProfile["allow"][number]> {
  return text(
    '"host:port/proto", "*.host:port/proto", "network/prefix:port/proto" or "[v6/prefix]:port/proto"',
    (written) => {
      const entry = parseAllowEntry(written);
      return entry.ok
        ? { value: entry.value }
        : { why: entry.error.why, ...(entry.error.hint ? { hint: entry.error.hint } : {}) };
    },
  );
}

/** The whole file. */
export const POLICY_SHAPE: Shape<PolicyFile> = table<PolicyFile>({
  version: required(only(0), "Version of this form."),
  defaults: section(
    table<Policy["defaults"]>({
      networking: defaulted(
        oneOf(["off", "on"]),
        "off",
        "`networking` of a kind's section that leaves it out.",
      ),
      present_on_boot: defaulted(bool, false, "`present_on_boot` of a kind's section that leaves it out."),
      autoboot_vms: defaulted(bool, false, "Whether any guest may start by itself."),
    }),
    "What a kind's section leaves out.",
  ),
  limits: section(
    table<Policy["limits"]>({
      cpu_percent: defaulted(int(1, 100), 80, "Of the host's processors, percent."),
      mem_mib: optional(int(LEAST_MIB, MOST_MIB), "Memory, MiB. Default: three quarters of the host's."),
      max_running: defaulted(int(0, 1024), 8, "How many guests may run."),
      require_kvm: defaulted(bool, false, "Refuse software emulation."),
      on_narrowed: defaulted(
        oneOf(["mark", "stop"]),
        "mark",
        "What happens to a running guest that has more than a new policy allows and can't be narrowed live.",
      ),
      clamp: defaulted(bool, false, "Lower what the registry asks to the cap instead of refusing it."),
    }),
    "Sums over all running guests.",
  ),
  logging: section(
    table<Policy["logging"]>({
      level: defaulted(
        oneOf(["error", "warn", "info", "debug", "trace"]),
        "info",
        "Least severe line of `rayos.log`.",
      ),
      persist: defaulted(bool, true, "Keep `rayos.log` on disk. The audit log is always kept."),
      keep_files: defaulted(int(1, 1000), 10, "How many files of a log are kept."),
      max_file_mib: defaulted(int(1, 1024), 10, "Size at which a log file is rotated, MiB."),
      log_input: defaulted(only(false), false, "Keys typed into a guest are never logged."),
    }),
    "Logs.",
  ),
  security: section(
    table<Policy["security"]>({
      require_signature: defaulted(
        bool,
        false,
        "The file needs a signature by a trusted key (signing.md). Trusted keys on the host demand one too.",
      ),
      confine_processes: defaulted(
        bool,
        true,
        "Run QEMU, swtpm and helpers confined; false needs `developer`.",
      ),
      developer: defaulted(bool, false, "Relaxed rules are allowed; every use of one is marked in the log."),
    }),
    "How far the host trusts itself.",
  ),
  presentation: section(
    table<Policy["presentation"]>({
      max_presented: defaulted(only(1), 1, "Only 1 in version 0."),
      release_after_s: defaulted(int(0, 86_400), 0, "Hide after so many seconds without input; 0: never."),
    }),
    "The presented guest.",
  ),
  linux: section(kindSection("linux"), "Linux guests."),
  windows: section(kindSection("windows"), "Windows guests."),
  profiles: section(
    mapOf(profileName, profile),
    "Named profiles; `default-linux` and `default-windows` always exist.",
  ),
  network_profiles: section(
    mapOf(profileName, networkProfile),
    "Named network rules; `off`, `restricted` and `unrestricted` always exist, and `off` can't be restated.",
  ),
  sandbox: section(
    table<Policy["sandbox"]>({
      max_processes: defaulted(int(1, 65_536), 64, "Processes of a helper."),
      memory_limit_mib: defaulted(int(16, MOST_MIB), 512, "Memory of a helper, MiB."),
      cpu_time_s: defaulted(int(0, 31_536_000), 0, "Processor time of a helper, seconds; 0: no limit."),
    }),
    "Confinement of helper processes.",
  ),
});

/** Every key path of a file with its field; `<name>` stands for a name that the operator chooses. */
export function schemaKeys(
  shape: Shape<unknown> = POLICY_SHAPE,
  prefix = "",
): readonly (readonly [string, Field<unknown>])[] {
  return Object.entries(shape.fields ?? {}).flatMap(([key, field]) => {
    const path = `${prefix}${key}`;
    const inner = field.shape.fields !== undefined
      ? schemaKeys(field.shape, `${path}.`)
      : field.shape.element?.fields === undefined
      ? []
      : schemaKeys(field.shape.element, Array.isArray(field.fallback) ? `${path}[].` : `${path}.<name>.`);
    return [[path, field] as const, ...inner];
  });
}

/** The text of `docs/policy.md`: every key with its default and meaning. */
export function policyKeysMarkdown(): string {
  const lines = [
    "<!-- deno-fmt-ignore-file -->",
    "# Keys of the policy file, version 0",
    "",
    "Generated from `policy/schema.ts`; a test fails when this page and the table differ. Unknown keys are refused. A key of a",
    "profile that is left out is at its strictest value; `on_reboot`, `on_panic` and `on_watchdog`, which grant nothing, at the",
    "usual one. Paths are relative to the data root.",
    "",
    "| key | allowed | default | meaning |",
    "|---|---|---|---|",
  ];
  for (const [path, { shape, presence, fallback, doc }] of schemaKeys()) {
    const value = presence === "required"
      ? "required"
      : presence === "optional" || fallback === undefined
      ? ""
      : `\`${JSON.stringify(fallback)}\``;
    const allowed = shape.fields ? "a table" : shape.want.replaceAll("|", "\\|").replaceAll("*", "\\*");
    lines.push(`| \`${path}\` | ${allowed} | ${value} | ${doc} |`);
  }
  lines.push("");
  return lines.join("\n");
}
