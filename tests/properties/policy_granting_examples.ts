/** For every key that grants a decision: what is denied without it and allowed with it. */

/** Both kinds on, a profile for each at its strictest but for what the kind needs at all, and a network to ask for. */
export const BASE = `version = 0
[linux]
enabled = true
networking = "on"
autoboot = true
present_on_boot = true
vm_id = "linux-desktop-001"
[linux.limits]
cpus = 8
mem_mib = 16384
[linux.devices]
input = true
gpu = "virtio"
[windows]
enabled = true
[windows.limits]
cpus = 8
mem_mib = 16384
[windows.devices]
vtpm = true
[defaults]
autoboot_vms = true
[profiles.p]
kind = "linux"
networking = "on"
network_profiles = ["restricted"]
present = true
input = true
max_vcpu = 4
max_memory_mb = 8192
secure_boot = "allowed"
restart = "on-crash"
max_restarts = 1
[[profiles.p.shares]]
path = "shares/a"
[profiles.p.snapshots]
max = 5
[profiles.w]
kind = "windows"
max_vcpu = 4
max_memory_mb = 8192
`;

export type Request = Readonly<Record<string, unknown>>;
export interface Example {
  /** Taken away from the base first; undefined: as it stands. */
  readonly without?: Readonly<Record<string, unknown>>;
  /** Key in the base, and the value that grants. */
  readonly key: string;
  readonly value: unknown;
  readonly request: Request;
}

const P = { policy_profile: "p" };
const start = (more: object = {}, guest: object = {}): Request => ({
  action: "vm.start",
  guest: { ...P, ...guest },
  ...more,
});
const windows = (devices: object = {}): Request => ({
  kind: "windows",
  guest: { policy_profile: "w", devices: { memory_mb: 4096, ...devices } },
});
export const net: Request = { action: "net.set", guest: P, network: { profile: "restricted" } };
const input: Request = { action: "vm.input", guest: P, facts: { presented: "linux-desktop-001" } };
const without = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, null]));

/** By the path in the schema: what is denied without the key and allowed with it. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  "defaults.networking": {
    without: without("linux.networking"),
    key: "defaults.networking",
    value: "on",
    request: net,
  },
  "defaults.present_on_boot": {
    without: without("linux.present_on_boot"),
    key: "defaults.present_on_boot",
    value: true,
    request: { action: "vm.present", trigger: "autoboot", guest: P },
  },
  "defaults.autoboot_vms": {
    without: without("defaults.autoboot_vms"),
    key: "defaults.autoboot_vms",
    value: true,
    request: start({ trigger: "autoboot" }),
  },
  "limits.cpu_percent": {
    key: "limits.cpu_percent",
    value: 100,
    request: start({ facts: { running: { cpuPercent: 80 } } }),
  },
  "limits.mem_mib": {
    key: "limits.mem_mib",
    value: 32768,
    request: start({ facts: { running: { memoryMib: 24576 } } }),
  },
  "limits.max_running": {
    key: "limits.max_running",
    value: 9,
    request: start({ facts: { running: { count: 8 } } }),
  },
  "limits.clamp": { key: "limits.clamp", value: true, request: start({}, { devices: { vcpu: 9 } }) },
  "linux.enabled": { without: without("linux.enabled"), key: "linux.enabled", value: true, request: start() },
  "linux.vm_id": {
    without: without("linux.vm_id"),
    key: "linux.vm_id",
    value: "linux-desktop-001",
    request: start({ trigger: "autoboot" }),
  },
  "linux.autoboot": {
    without: { "linux.autoboot": false },
    key: "linux.autoboot",
    value: true,
    request: start({ trigger: "autoboot" }),
  },
  "linux.present_on_boot": {
    without: without("linux.present_on_boot"),
    key: "linux.present_on_boot",
    value: true,
    request: { action: "vm.present", trigger: "autoboot", guest: P },
  },
  "linux.networking": {
    without: without("linux.networking"),
    key: "linux.networking",
    value: "on",
    request: net,
  },
  "linux.limits.cpus": {
    without: without("linux.limits.cpus"),
    key: "linux.limits.cpus",
    value: 2,
    request: start(),
  },
  "linux.limits.mem_mib": {
    without: without("linux.limits.mem_mib"),
    key: "linux.limits.mem_mib",
    value: 2048,
    request: start(),
  },
  "linux.devices.input": {
    without: without("linux.devices.input"),
    key: "linux.devices.input",
    value: true,
    request: input,
  },
  "linux.devices.gpu": {
    without: without("linux.devices.gpu"),
    key: "linux.devices.gpu",
    value: "virtio",
    request: start({ deviceModels: ["virtio-vga"] }),
  },
  "windows.enabled": {
    without: without("windows.enabled"),
    key: "windows.enabled",
    value: true,
    request: windows(),
  },
  "windows.vm_id": {
    key: "windows.vm_id",
    value: "windows-desktop-001",
    request: { ...windows(), trigger: "autoboot" },
  },
  "windows.autoboot": {
    without: { "windows.autoboot": false, "windows.vm_id": "windows-desktop-001" },
    key: "windows.autoboot",
    value: true,
    request: { ...windows(), trigger: "autoboot" },
  },
  "windows.present_on_boot": {
    without: { "profiles.w.present": true },
    key: "windows.present_on_boot",
    value: true,
    request: { ...windows(), action: "vm.present", trigger: "autoboot" },
  },
  "windows.networking": {
    without: { "profiles.w.networking": "on", "profiles.w.network_profiles": ["restricted"] },
    key: "windows.networking",
    value: "on",
    request: { ...windows(), action: "net.set", network: { profile: "restricted" } },
  },
  "windows.limits.cpus": {
    without: without("windows.limits.cpus"),
    key: "windows.limits.cpus",
    value: 4,
    request: windows({ vcpu: 4 }),
  },
  "windows.limits.mem_mib": {
    without: without("windows.limits.mem_mib"),
    key: "windows.limits.mem_mib",
    value: 8192,
    request: windows({ memory_mb: 8192 }),
  },
  "windows.devices.input": {
    without: { "profiles.w.input": true },
    key: "windows.devices.input",
    value: true,
    request: { ...windows(), action: "vm.input", facts: { presented: "windows-desktop-001" } },
  },
  "windows.devices.gpu": {
    key: "windows.devices.gpu",
    value: "virtio",
    request: { ...windows(), deviceModels: ["virtio-vga"] },
  },
  "profiles.<name>.kind": {
    key: "profiles.new.kind",
    value: "linux",
    request: start({}, { policy_profile: "new", devices: { vcpu: 1, memory_mb: 64, secure_boot: true } }),
  },
  "profiles.<name>.present": {
    without: without("profiles.p.present"),
    key: "profiles.p.present",
    value: true,
    request: { action: "vm.present", guest: P },
  },
  "profiles.<name>.networking": {
    without: without("profiles.p.networking"),
    key: "profiles.p.networking",
    value: "on",
    request: net,
  },
  "profiles.<name>.network_profiles": {
    without: without("profiles.p.network_profiles"),
    key: "profiles.p.network_profiles",
    value: ["restricted"],
    request: net,
  },
  "profiles.<name>.max_vcpu": {
    without: without("profiles.p.max_vcpu"),
    key: "profiles.p.max_vcpu",
    value: 2,
    request: start(),
  },
  "profiles.<name>.max_memory_mb": {
    without: without("profiles.p.max_memory_mb"),
    key: "profiles.p.max_memory_mb",
    value: 2048,
    request: start(),
  },
  "profiles.<name>.secure_boot": {
    without: without("profiles.p.secure_boot"),
    key: "profiles.p.secure_boot",
    value: "allowed",
    request: start(),
  },
  "profiles.<name>.tpm": {
    key: "profiles.p.tpm",
    value: "allowed",
    request: start({}, { devices: { tpm: { enabled: true } }, storage: { tpm_state: "vm/x/tpm" } }),
  },
  "profiles.<name>.allow_below_minimum": {
    key: "profiles.w.allow_below_minimum",
    value: true,
    request: windows({ vcpu: 1 }),
  },
  "profiles.<name>.guest_agent": {
    key: "profiles.p.guest_agent",
    value: ["exec"],
    request: { action: "vm.exec", guest: P },
  },
  "profiles.<name>.input": {
    without: without("profiles.p.input"),
    key: "profiles.p.input",
    value: true,
    request: input,
  },
  "profiles.<name>.restart": {
    without: without("profiles.p.restart"),
    key: "profiles.p.restart",
    value: "on-crash",
    request: start({ trigger: "recovery", restarts: 0 }),
  },
  "profiles.<name>.max_restarts": {
    without: without("profiles.p.max_restarts"),
    key: "profiles.p.max_restarts",
    value: 1,
    request: start({ trigger: "recovery", restarts: 0 }),
  },
  "profiles.<name>.shares": {
    without: without("profiles.p.shares"),
    key: "profiles.p.shares",
    value: [{ path: "shares/a" }],
    request: start({}, { devices: { shares: [{ name: "a", path: "shares/a", readonly: true }] } }),
  },
  "profiles.<name>.shares[].path": {
    key: "profiles.p.shares",
    value: [{ path: "shares/a" }, { path: "shares/b" }],
    request: start({}, { devices: { shares: [{ name: "b", path: "shares/b", readonly: true }] } }),
  },
  "profiles.<name>.shares[].readonly": {
    key: "profiles.p.shares",
    value: [{ path: "shares/a", readonly: false }],
    request: start({}, { devices: { shares: [{ name: "a", path: "shares/a", readonly: false }] } }),
  },
  "profiles.<name>.snapshots.every": {
    key: "profiles.p.snapshots.every",
    value: "24h",
    request: { action: "snapshot.create", trigger: "schedule", guest: P, snapshot: { count: 0 } },
  },
  "profiles.<name>.snapshots.max": {
    without: without("profiles.p.snapshots.max"),
    key: "profiles.p.snapshots.max",
    value: 1,
    request: { action: "snapshot.create", guest: P, snapshot: { count: 0 } },
  },
  "profiles.<name>.snapshots.live": {
    key: "profiles.p.snapshots.live",
    value: true,
    request: { action: "snapshot.create", guest: P, snapshot: { count: 0 }, facts: { guestRunning: true } },
  },
  "profiles.<name>.snapshots.suspend": {
    key: "profiles.p.snapshots.suspend",
    value: true,
    request: { action: "vm.suspend", guest: P, facts: { guestRunning: true } },
  },
};
