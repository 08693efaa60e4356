/** A registry with every field, to mutate. */
export const REGISTRY_SEED = JSON.stringify(
  {
    version: 0,
    vms: {
      "linux-desktop-001": {
        id: "linux-desktop-001",
        name: "Linux",
        type: "linux",
        state: "stopped",
        storage: {
          disks: { system: "vm/linux/linux-desktop-001/disk.qcow2" },
          cdroms: { install: "iso/a.iso" },
        },
        devices: { vcpu: 2, memory_mb: 2048, network: { enabled: true, profile: "restricted" } },
        machine: "pc-q35-7.2",
        policy_profile: "default-linux",
      },
      "windows-desktop-001": {
        id: "windows-desktop-001",
        name: "Büro",
        type: "windows",
        state: "suspended",
        storage: {
          disks: { system: "vm/windows/w/disk.qcow2" },
          ovmf_vars: "vm/windows/w/vars.qcow2",
          tpm_state: "vm/windows/w/tpm",
        },
        devices: {
          vcpu: 4,
          memory_mb: 8192,
          network: { enabled: false },
          tpm: { enabled: true },
          secure_boot: true,
          shares: [{ name: "office", path: "shares/office", readonly: true }],
        },
        policy_profile: "office-windows",
      },
    },
  },
  null,
  1,
);
