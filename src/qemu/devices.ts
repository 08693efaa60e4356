/** Devices other than storage, each at a fixed place on the bus: Windows takes a device that moved for a new one. */
import type { GuestPlanInput } from "./plan_types.ts";
import { QEMU_IDS } from "./plan_types.ts";
import type { DeviceNode } from "./storage.ts";

const ROOT_BUS = "pcie.0";

/** All of a guest's devices but disks and CD-ROMs. No network device: policy hot-plugs it when it grants one. */
export function deviceNodes(input: GuestPlanInput): DeviceNode[] {
  return [
    ...displayDevices(input),
    ...hotplugPorts(),
    { driver: "virtio-serial-pci", id: "vserial0", bus: ROOT_BUS, addr: "0x3" },
    {
      // Only a port with an id announces by VSERPORT_CHANGE that the agent in the guest opened it.
      driver: "virtserialport",
      id: QEMU_IDS.agentPort,
      bus: "vserial0.0",
      nr: 1,
      chardev: QEMU_IDS.agentChardev,
      name: "org.qemu.guest_agent.0",
    },
    { driver: "virtio-balloon-pci", id: QEMU_IDS.balloon, bus: ROOT_BUS, addr: "0x4" },
    { driver: "virtio-rng-pci", id: "rng0", rng: "rng-source", bus: ROOT_BUS, addr: "0x5" },
    // Tells the host of a guest's panic (Linux: pvpanic; Windows: virtio-win).
    { driver: "pvpanic-pci", id: QEMU_IDS.panic, bus: ROOT_BUS, addr: "0x6" },
    { driver: "isa-serial", id: QEMU_IDS.serial, chardev: "chr-serial", index: 0 },
    ...inputDevices(input),
    ...(input.record.devices.tpm?.enabled
      ? [{ driver: "tpm-crb", id: "tpm-crb0", tpmdev: QEMU_IDS.tpm } as const]
      : []),
  ];
}

/** virtio-vga is a plain VGA until its driver comes: firmware and Windows Setup show a picture on it as they are. */
function displayDevices(input: GuestPlanInput): DeviceNode[] {
  return input.rights.gpu === "virtio"
    ? [{ driver: "virtio-vga", id: QEMU_IDS.display, bus: ROOT_BUS, addr: "0x1" }]
    : [];
}

/** PCIe allows hot-plug only below a root port; these four are for network devices. */
function hotplugPorts(): DeviceNode[] {
  return QEMU_IDS.hotplugPorts.map((id, i) => ({
    driver: "pcie-root-port",
    id,
    bus: ROOT_BUS,
    addr: `0x2.${i}`,
    chassis: i + 1,
    port: i,
    ...(i === 0 ? { multifunction: true } : {}),
  }));
}

/**
 * Keyboard and tablet, only where policy ever allows input. Linux drives virtio input; Windows and firmware know USB.
 */
function inputDevices(input: GuestPlanInput): DeviceNode[] {
  if (!input.rights.input) return [];
  if (input.record.type === "linux") {
    return [
      { driver: "virtio-keyboard-pci", id: "kbd0", bus: ROOT_BUS, addr: "0x7" },
      { driver: "virtio-tablet-pci", id: "tablet0", bus: ROOT_BUS, addr: "0x8" },
    ];
  }
  return [
    { driver: "qemu-xhci", id: "xhci0", bus: ROOT_BUS, addr: "0x9" },
    { driver: "usb-kbd", id: "kbd0", bus: "xhci0.0", port: "1" },
    { driver: "usb-tablet", id: "tablet0", bus: "xhci0.0", port: "2" },
  ];
}
