/** The policy of the demonstration: short, commented, and strict enough to have something to refuse. */
export const DEMO_POLICY = `# The policy of the demonstration. What is not allowed here does not happen.
version = 0

[limits]
cpu_percent = 100
mem_mib = 2048              # sum over all running guests
max_running = 2

[linux]
enabled = true
networking = "off"          # no Linux guest has a network
[linux.limits]
cpus = 2
mem_mib = 512
[linux.devices]
input = true
gpu = "virtio"

[windows]
enabled = true
networking = "off"
[windows.limits]
cpus = 2
mem_mib = 1024
[windows.devices]
input = true
gpu = "virtio"
vtpm = true                 # Windows 11 wants a TPM 2.0

[profiles.demo-windows]
kind = "windows"
present = true
max_vcpu = 2
max_memory_mb = 1024
cpu_percent = 50
secure_boot = "required"
tpm = "required"
allow_below_minimum = true  # firmware only, no Windows: it needs no 4 GiB
guest_agent = ["ping", "shutdown"]
input = true
`;
