/** The policy that `rayvisor init` writes: modest, commented, every key shown. Keys behind `#` are at the value shown. */
export const POLICY_TEMPLATE = `# Policy of this data root, version 0. It outranks the registry, always.
# Check it with:  rayvisor policy validate
# A line behind '#' shows the default. A file with one fault is refused as a whole; the supervisor is in safe mode then.
version = 0

[defaults]
networking = "off"              # off | on: for a kind's section that leaves networking out
present_on_boot = false
autoboot_vms = false            # whether any guest may start by itself

[limits]                        # sums over all running guests
cpu_percent = 80                # of the host's processors, 1 to 100
# mem_mib = 12288               # left out: three quarters of the host's memory
max_running = 8
require_kvm = false             # true refuses software emulation
on_narrowed = "mark"            # mark | stop: what happens to a running guest that has more than a new policy allows
clamp = false                   # true lowers what the registry asks to the cap; false refuses it

[logging]
level = "info"                  # error | warn | info | debug | trace
persist = true
keep_files = 10
max_file_mib = 10
log_input = false               # only false: keys typed into a guest are never logged

[security]
require_signature = false       # true: rayos-policy.toml.sig must verify against a trusted key
confine_processes = true        # false only with developer = true
developer = false

[presentation]
max_presented = 1
release_after_s = 0             # hide a guest after so many seconds without input; 0: never

[linux]
enabled = true
# vm_id = "linux-desktop-001"   # the guest that is meant by default, and the only one that may start by itself
autoboot = false
present_on_boot = false
networking = "off"              # off | provisioning_only | on: the most that any Linux guest may have

[linux.limits]                  # each Linux guest
cpus = 2
mem_mib = 4096

[linux.storage]
# root_disk = "vm/linux/linux-desktop-001/disk.qcow2"

[linux.devices]
input = true
gpu = "virtio"                  # virtio | none

# To run Windows guests: set enabled = true here. vtpm has to stay true then.
[windows]
enabled = false
# vm_id = "windows-desktop-001"
autoboot = false
present_on_boot = false
networking = "off"

[windows.limits]                # each Windows guest
cpus = 4
mem_mib = 8192

[windows.storage]
# disk = "vm/windows/windows-desktop-001/disk.qcow2"
# ovmf_vars = "vm/windows/windows-desktop-001/ovmf_vars.qcow2"
# vtpm_state_dir = "vm/windows/windows-desktop-001/tpm"

[windows.devices]
input = true
gpu = "virtio"
vtpm = true

# The profiles default-linux and default-windows always exist and follow from the sections above. A profile of your own is
# named by a guest's record (policy_profile). A key that a profile leaves out is at its strictest value.
# [profiles.office-windows]
# kind = "windows"
# present = true
# networking = "off"            # off | provisioning_only | on
# network_profiles = []         # for example ["restricted"]
# max_vcpu = 4
# max_memory_mb = 8192
# cpu_percent = 50              # kept by the kernel while it runs
# secure_boot = "required"      # required | allowed
# tpm = "required"              # required | allowed | denied
# allow_below_minimum = false
# guest_agent = ["ping", "osinfo", "shutdown", "fsfreeze"]   # also network, exec, files
# input = true
# clipboard = false             # only false
# restart = "never"             # never | on-crash
# max_restarts = 0              # within an hour
# on_reboot = "reset"           # reset | stop: what its own reboot comes to
# on_panic = "pause"            # pause | stop | reset, after a report under crash/
# on_watchdog = "pause"         # pause | stop | reset: it no longer feeds the watchdog that it has armed
#
# [[profiles.office-windows.shares]]
# path = "shares/office"
# readonly = true
#
# [profiles.office-windows.snapshots]
# every = "24h"
# retain = 7
# max = 20
# live = true
# suspend = true
# guest_initiated = false       # only false

# off, restricted and unrestricted always exist: restricted allows nothing until it is stated here.
# [network_profiles.restricted]
# egress = "allowlist"          # none | allowlist | any
# allow = ["time.example.net:123/udp", "*.example.net:443/tcp", "203.0.113.0/24:443/tcp", "[2001:db8::/32]:443/tcp"]
# dns = "allowlist"             # none | allowlist | any
# private_ranges = false
# inbound = false               # only false

[sandbox]                       # helper processes
max_processes = 64
memory_limit_mib = 512
cpu_time_s = 0                  # 0: no limit
`;
