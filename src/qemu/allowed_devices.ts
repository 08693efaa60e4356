/**
 * The only device types that a guest may ever have (contract, section 5, invariant 4). All are made by software; nothing here
 * reaches a device of the host. A plan that names another one is refused before QEMU sees it, and hot-plug uses the
 * same list.
 */
export const ALLOWED_DEVICES = [
  "ide-cd",
  "isa-serial",
  "pcie-root-port",
  "pvpanic-pci",
  "qemu-xhci",
  "tpm-crb",
  "usb-kbd",
  "usb-tablet",
  "vhost-user-fs-pci",
  "virtio-balloon-pci",
  "virtio-blk-pci",
  "virtio-keyboard-pci",
  "virtio-net-pci",
  "virtio-rng-pci",
  "virtio-serial-pci",
  "virtio-tablet-pci",
  "virtio-vga",
  "virtserialport",
] as const;

export type AllowedDevice = typeof ALLOWED_DEVICES[number];

export function isAllowedDevice(type: string): type is AllowedDevice {
  return (ALLOWED_DEVICES as readonly string[]).includes(type);
}

/** Block drivers that a guest's images may use. Never `host_device`, `host_cdrom`, `nbd` or anything that guesses. */
export const ALLOWED_BLOCK_DRIVERS = ["file", "qcow2", "raw"] as const;
export type AllowedBlockDriver = typeof ALLOWED_BLOCK_DRIVERS[number];
