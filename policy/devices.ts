/**
 * QEMU device models that a guest may be given. Anything else is refused: a model that is not here was either forgotten
 * (then a test of the argument builder says so) or opens a way into the host.
 */

/** Models that every guest may have. */
const PLAIN = [
  "virtio-blk-pci",
  "virtio-scsi-pci",
  "scsi-hd",
  "scsi-cd",
  "ide-cd",
  "ide-hd",
  "ahci",
  "ich9-ahci",
  "virtio-serial-pci",
  "virtserialport",
  "virtconsole",
  "virtio-balloon-pci",
  "virtio-rng-pci",
  "pcie-root-port",
  "pcie-pci-bridge",
  "qemu-xhci",
  "isa-serial",
  "pvpanic",
  "pvpanic-pci",
  "vmgenid",
  "vmcoreinfo",
  "hv-balloon",
  "isa-debugcon",
  "cfi.pflash01",
] as const;
const DISPLAY = ["virtio-vga", "virtio-gpu-pci", "VGA", "bochs-display", "ramfb"] as const;
const INPUT = [
  "virtio-keyboard-pci",
  "virtio-tablet-pci",
  "virtio-mouse-pci",
  "usb-kbd",
  "usb-tablet",
  "usb-mouse",
] as const;
const TPM = ["tpm-crb", "tpm-tis"] as const;
const NETWORK = ["virtio-net-pci", "e1000e"] as const;
const SHARE = ["vhost-user-fs-pci"] as const;

export type DeviceGroup = "plain" | "display" | "input" | "tpm" | "network" | "share";

const GROUP_OF: ReadonlyMap<string, DeviceGroup> = new Map<string, DeviceGroup>([
  ...PLAIN.map((model) => [model, "plain"] as const),
  ...DISPLAY.map((model) => [model, "display"] as const),
  ...INPUT.map((model) => [model, "input"] as const),
  ...TPM.map((model) => [model, "tpm"] as const),
  ...NETWORK.map((model) => [model, "network"] as const),
  ...SHARE.map((model) => [model, "share"] as const),
]);

/** The group of an allowed model, or undefined. */
export function deviceGroup(model: string): DeviceGroup | undefined {
  return GROUP_OF.get(model);
}

/** Models that hand a device of the host to the guest. */
export function isPassthrough(model: string): boolean {
  return /^(vfio|usb-host|usb-redir|pci-assign|kvm-pci-assign|scsi-block|scsi-generic|u2f-passthru|ccid-card-passthru|vhost-(?!user-fs)|xen-pci)/
    .test(model);
}
