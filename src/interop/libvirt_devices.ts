/** The devices of a domain, each at the place on the bus where it is here: Windows takes a device that moved for a new one. */
import type { ExportInput } from "./to_libvirt.ts";
import { atLeast } from "./to_libvirt.ts";
import { element, type XmlNode } from "./xml_write.ts";

/** A place on the root bus. The same as in `src/qemu/devices.ts` and `storage.ts`. */
function onRootBus(slot: number, fn = 0, isMultifunction = false): XmlNode {
  const hex = (n: number, digits: number) => `0x${n.toString(16).padStart(digits, "0")}`;
  return element("address", {
    type: "pci",
    domain: "0x0000",
    bus: "0x00",
    slot: hex(slot, 2),
    function: hex(fn, 1),
    ...(isMultifunction ? { multifunction: "on" } : {}),
  });
}

const FIRST_DISK_SLOT = 0x10;
const HOTPLUG_PORTS = 4;

export function devices(input: ExportInput): XmlNode[] {
  const { record, libvirt } = input;
  const newer = atLeast(libvirt, 9, 1);
  return [
    element("emulator", {}, input.emulator),
    ...disks(input),
    ...cdroms(input),
    ...controllers(input),
    element("serial", { type: "pty" }, [
      element("target", { type: "isa-serial", port: 0 }, [element("model", { name: "isa-serial" })]),
    ]),
    element("console", { type: "pty" }, [element("target", { type: "serial", port: 0 })]),
    element("channel", { type: "unix" }, [
      element("target", { type: "virtio", name: "org.qemu.guest_agent.0" }),
      element("address", { type: "virtio-serial", controller: 0, bus: 0, port: 1 }),
    ]),
    ...inputs(input),
    record.devices.tpm?.enabled
      ? element("tpm", { model: "tpm-crb" }, [element("backend", { type: "emulator", version: "2.0" })])
      : undefined,
    // As here: a server without a listener.
    input.display ? element("graphics", { type: "vnc" }, [element("listen", { type: "none" })]) : undefined,
    input.display
      ? element("video", {}, [element("model", { type: "virtio", heads: 1, primary: "yes" }), onRootBus(1)])
      : element("video", {}, [element("model", { type: "none" })]),
    element("memballoon", { model: "virtio" }, [onRootBus(4)]),
    element("rng", { model: "virtio" }, [element("backend", { model: "builtin" }), onRootBus(5)]),
    newer ? element("watchdog", { model: "itco", action: "pause" }) : undefined,
    newer ? element("panic", { model: "pvpanic" }, [onRootBus(6)]) : element("panic", { model: "isa" }),
  ].filter((node) => node !== undefined);
}

/** `vda` to `vdz`; a guest has at most 15 disks and 6 CD-ROMs. */
function targetName(prefix: string, n: number): string {
  return `${prefix}${String.fromCharCode("a".charCodeAt(0) + n)}`;
}

function disks({ record, root, formats }: ExportInput): XmlNode[] {
  return Object.entries(record.storage.disks).map(([name, path], i) =>
    element("disk", { type: "file", device: "disk" }, [
      element("driver", {
        name: "qemu",
        type: formats[name] ?? "raw",
        error_policy: "stop",
        rerror_policy: "stop",
        discard: "unmap",
      }),
      element("source", { file: `${root}/${path}` }),
      element("target", { dev: targetName("vd", i), bus: "virtio" }),
      /^[A-Za-z0-9_-]{1,20}$/.test(name) ? element("serial", {}, name) : undefined,
      element("boot", { order: i + 1 }),
      onRootBus(FIRST_DISK_SLOT + i),
    ])
  );
}

function cdroms({ record, root }: ExportInput): XmlNode[] {
  const first = Object.keys(record.storage.disks).length + 1;
  return Object.values(record.storage.cdroms ?? {}).map((path, i) =>
    element("disk", { type: "file", device: "cdrom" }, [
      element("driver", { name: "qemu", type: "raw", error_policy: "stop", rerror_policy: "stop" }),
      element("source", { file: `${root}/${path}` }),
      element("target", { dev: targetName("sd", i), bus: "sata" }),
      element("readonly"),
      element("boot", { order: first + i }),
      element("address", { type: "drive", controller: 0, bus: 0, target: 0, unit: i }),
    ])
  );
}

function controllers(input: ExportInput): XmlNode[] {
  const ports = Array.from(
    { length: HOTPLUG_PORTS },
    (_, i) =>
      element("controller", { type: "pci", index: i + 1, model: "pcie-root-port" }, [
        element("model", { name: "pcie-root-port" }),
        element("target", { chassis: i + 1, port: i }),
        onRootBus(2, i, i === 0),
      ]),
  );
  const usb = hasUsbInput(input)
    ? element("controller", { type: "usb", index: 0, model: "qemu-xhci" }, [onRootBus(9)])
    : element("controller", { type: "usb", index: 0, model: "none" });
  return [
    element("controller", { type: "pci", index: 0, model: "pcie-root" }),
    ...ports,
    element("controller", { type: "sata", index: 0 }),
    element("controller", { type: "virtio-serial", index: 0 }, [onRootBus(3)]),
    usb,
  ];
}

function hasUsbInput({ input, record }: ExportInput): boolean {
  return input && record.type === "windows";
}

function inputs(input: ExportInput): XmlNode[] {
  if (!input.input) return [];
  if (hasUsbInput(input)) {
    return [
      element("input", { type: "keyboard", bus: "usb" }, [
        element("address", { type: "usb", bus: 0, port: 1 }),
      ]),
      element("input", { type: "tablet", bus: "usb" }, [
        element("address", { type: "usb", bus: 0, port: 2 }),
      ]),
    ];
  }
  return [
    element("input", { type: "keyboard", bus: "virtio" }, [onRootBus(7)]),
    element("input", { type: "tablet", bus: "virtio" }, [onRootBus(8)]),
  ];
}
