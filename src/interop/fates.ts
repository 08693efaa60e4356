/**
 * What becomes of the parts of a domain that are not read one by one, by their path. Null: it says what holds for every guest
 * here anyway. What stands in no row is left out, and that is told.
 */
import { HYPERV_PROPERTIES } from "../qemu/hyperv.ts";
import type { XmlElement } from "./xml_read.ts";

interface Fate {
  /** What becomes of it. */
  readonly becomes: string;
  /** Whether it says what every guest has here anyway. */
  readonly same?: (element: XmlElement) => boolean;
  /** What may stand inside of it then, at any depth. */
  readonly parts?: readonly string[];
}

const DEVICES = "left out: a guest has the devices of the list of allowed ones, which policy can't widen";
const ALWAYS = () => true;
const is = (name: string, ...values: string[]) => (e: XmlElement) =>
  values.includes(e.attributes.get(name) ?? "");
const text = (...values: string[]) => (e: XmlElement) => values.includes(e.text);

const FATES: Readonly<Record<string, Fate>> = {
  "@id": { becomes: "left out: it names a run of libvirt's", same: ALWAYS },
  "metadata": { becomes: "left out" },
  "metadata/libosinfo/os": { becomes: "left out" },
  "description": { becomes: "left out: a record has a name alone" },
  "genid": { becomes: "left out: a guest here is told of no copies" },
  "maxMemory": { becomes: "left out: memory is not plugged in" },
  "memory@dumpCore": { becomes: "off in every guest", same: is("dumpCore", "off") },
  "memoryBacking": {
    becomes: "replaced: memory of its own, neither shared nor locked",
    same: () => true,
    parts: ["nosharepages"],
  },
  "memtune": { becomes: "left out: policy limits memory" },
  "numatune": { becomes: "left out: policy limits processors" },
  "cputune": { becomes: "left out: policy limits processors" },
  "blkiotune": { becomes: "left out" },
  "iothreads": { becomes: "left out" },
  "resource": { becomes: "left out: a guest has a group of its own", same: ALWAYS },
  "sysinfo": { becomes: "left out" },
  "vcpu@placement": { becomes: "left out", same: is("placement", "static") },
  "os@firmware": { becomes: "left out" },
  "os/type@arch": { becomes: "left out", same: is("arch", "x86_64") },
  "os/boot": { becomes: "replaced: disks boot first, then CD-ROMs", same: is("dev", "hd") },
  "os/bootmenu": { becomes: "replaced: no boot menu", same: is("enable", "no") },
  "os/smbios": { becomes: "left out" },
  "os/bios": { becomes: "left out", same: is("useserial", "no") },
  "os/kernel": { becomes: "left out: a guest boots from its disks" },
  "os/initrd": { becomes: "left out: a guest boots from its disks" },
  "os/cmdline": { becomes: "left out: a guest boots from its disks" },
  "os/loader@readonly": { becomes: "the firmware is never written to", same: is("readonly", "yes") },
  "os/nvram@template": { becomes: "the template of this host's firmware is taken", same: ALWAYS },
  "features/acpi": { becomes: "on in every guest", same: ALWAYS },
  "features/apic": { becomes: "on in every guest", same: ALWAYS },
  "features/pae": { becomes: "on in every guest", same: ALWAYS },
  "features/hyperv": {
    becomes: "replaced: a list of its own for Windows guests, as far as KVM here offers it",
    same: isOwnHyperv,
    parts: HYPERV_PROPERTIES.map((property) => property.replace(/^hv-/, "")),
  },
  "features/kvm": { becomes: "left out" },
  "features/vmport": { becomes: "off in every guest", same: is("state", "off") },
  "features/smm": { becomes: "on with Secure Boot, otherwise off", same: ALWAYS },
  "features/ps2": { becomes: "by policy's word on input" },
  "cpu": {
    becomes: "replaced: a named processor model that is the same on every host",
    same: isOwnCpu,
    parts: ["model", "topology"],
  },
  "clock/timer": { becomes: "replaced: the timers of its kind of guest", same: isUsualTimer },
  "on_poweroff": { becomes: "replaced: QEMU ends", same: text("destroy") },
  "on_reboot": { becomes: "replaced: policy says (on_reboot)", same: text("restart") },
  "on_crash": { becomes: "replaced: policy says (on_panic)", same: ALWAYS },
  "on_lockfailure": { becomes: "left out" },
  "pm": {
    becomes: "replaced: a guest can't suspend itself to memory",
    same: isNoSleep,
    parts: ["suspend-to-mem", "suspend-to-disk"],
  },
  "seclabel": { becomes: "left out: QEMU is confined by rayvisor" },
  "launchSecurity": { becomes: "left out" },
  "commandline": { becomes: "refused: no options of QEMU's are taken over" },
  "devices/emulator": { becomes: "replaced: the QEMU of this host", same: ALWAYS },
  "devices/controller": { becomes: "replaced: a guest's controllers are always the same", same: ALWAYS },
  "devices/serial": {
    becomes: "replaced: one serial port, read by the supervisor",
    same: is("type", "pty"),
    parts: ["target", "model", "source"],
  },
  "devices/console": {
    becomes: "replaced: one serial port, read by the supervisor",
    same: is("type", "pty"),
    parts: ["target", "source"],
  },
  "devices/parallel": { becomes: DEVICES },
  "devices/channel": { becomes: DEVICES, same: isAgentChannel, parts: ["target", "source"] },
  "devices/input": { becomes: "replaced: keyboard and tablet, by policy's word on input", same: ALWAYS },
  "devices/graphics": {
    becomes: "replaced: the screen is shown by presenting the guest, never by a port",
    same: hasNoListener,
    parts: ["listen"],
  },
  "devices/video": {
    becomes: "replaced: virtio, by policy's word on the display",
    same: isVirtioVideo,
    parts: ["model"],
  },
  "devices/audio": { becomes: "left out: a guest has no sound", same: is("type", "none") },
  "devices/sound": { becomes: "left out: a guest has no sound" },
  "devices/interface": { becomes: "left out: a guest has no network until policy grants one (`net set`)" },
  "devices/hostdev": { becomes: "refused: no device of the host is passed through" },
  "devices/redirdev": { becomes: "refused: no device is redirected into a guest" },
  "devices/smartcard": { becomes: "refused: no device of the host is passed through" },
  "devices/filesystem": {
    becomes: "left out: a shared folder must lie in the data root and be allowed by policy",
  },
  "devices/memballoon": {
    becomes: "replaced: every guest has a virtio balloon",
    same: is("model", "virtio", "virtio-non-transitional"),
  },
  "devices/rng": {
    becomes: "replaced: every guest has a virtio source of random numbers",
    same: is("model", "virtio"),
    parts: ["backend"],
  },
  "devices/watchdog": { becomes: "replaced: the chipset's watchdog", same: is("model", "itco") },
  "devices/panic": { becomes: "replaced: pvpanic", same: is("model", "pvpanic", "isa") },
  "devices/tpm@model": {
    becomes: "replaced: tpm-crb, which Windows and Linux drive as well",
    same: is("model", "tpm-crb"),
  },
  "devices/iommu": { becomes: DEVICES },
  "devices/vsock": { becomes: DEVICES },
  "devices/shmem": { becomes: DEVICES },
  "devices/memory": { becomes: DEVICES },
  "devices/disk/address": { becomes: "replaced: places follow the order of the disks", same: ALWAYS },
  "devices/disk/alias": { becomes: "left out", same: ALWAYS },
  "devices/disk/backingStore": {
    becomes: "left out: what the image rests on is read from the image",
    same: (e) => e.children.length === 0,
  },
  "devices/disk/readonly": { becomes: "replaced: a disk can be written to" },
  "devices/disk/serial": { becomes: "replaced: the disk's name" },
  "devices/disk/shareable": { becomes: "left out: a disk is one guest's" },
  "devices/disk/iotune": { becomes: "left out" },
  "devices/disk/encryption": { becomes: "refused" },
  "devices/disk@snapshot": { becomes: "left out" },
  "devices/disk@model": { becomes: "left out" },
  "devices/disk/source@index": { becomes: "left out: it names a run of libvirt's", same: ALWAYS },
  "devices/disk/target@tray": { becomes: "left out", same: is("tray", "closed") },
  "devices/disk/driver@name": { becomes: "left out", same: is("name", "qemu") },
  "devices/disk/driver@discard": {
    becomes: "passed on to the image in every guest",
    same: is("discard", "unmap"),
  },
  "devices/disk/driver@cache": { becomes: "replaced: QEMU's default" },
  "devices/disk/driver@io": { becomes: "replaced: QEMU's default" },
  "devices/disk/driver@error_policy": {
    becomes: "replaced: the guest stands still",
    same: is("error_policy", "stop"),
  },
  "devices/disk/driver@rerror_policy": {
    becomes: "replaced: the guest stands still",
    same: is("rerror_policy", "stop"),
  },
};

/** The word for a path such as `devices/video` or `memory@dumpCore` (an attribute); undefined when there is none. */
export function fateOf(path: string, element: XmlElement): string | null | undefined {
  const fate = Object.hasOwn(FATES, path) ? FATES[path] : undefined;
  if (!fate) return undefined;
  const { same, becomes, parts = [] } = fate;
  const isSame = same !== undefined && same(element) &&
    (same === ALWAYS || path.includes("@") || onlyHas(element, parts));
  return isSame ? null : becomes;
}

/** Nothing is inside but these parts, and names and places that libvirt gives every device. */
function onlyHas(element: XmlElement, parts: readonly string[]): boolean {
  return element.children.every((child) =>
    ([...parts, "address", "alias"].includes(child.name)) && onlyHas(child, parts)
  );
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((c) => c.name === name);
}

/** A processor as export writes it. */
function isOwnCpu(cpu: XmlElement): boolean {
  const topology = child(cpu, "topology");
  const plain = topology === undefined ||
    ["sockets", "dies", "threads"].every((key) => (topology.attributes.get(key) ?? "1") === "1");
  return /^Westmere(-IBRS)?$/.test(child(cpu, "model")?.text ?? "") && plain &&
    cpu.children.every(({ name }) => name === "model" || name === "topology");
}

/** Timers as virt-install writes them for either kind, which are those that a guest has here or that change nothing. */
function isUsualTimer({ attributes }: XmlElement): boolean {
  const value = (name: string) => attributes.get(name);
  switch (value("name")) {
    case "rtc":
      return value("tickpolicy") === "catchup";
    case "pit":
      return value("tickpolicy") === "delay";
    case "hpet":
      return value("present") === "no";
    case "hypervclock":
      return value("present") === "yes";
    default:
      return false;
  }
}

/** Suspend to memory is off in every guest; suspend to disk is the guest's own affair where its firmware has it. */
function isNoSleep({ children }: XmlElement): boolean {
  return children.every(({ attributes }) => attributes.get("enabled") === "no");
}

/** Nothing that a Windows guest here does not have as well. */
function isOwnHyperv(hyperv: XmlElement): boolean {
  return (hyperv.attributes.get("mode") ?? "custom") === "custom" &&
    hyperv.children.every(({ name, attributes }) =>
      HYPERV_PROPERTIES.includes(`hv-${name}`) && attributes.get("state") === "on"
    );
}

function isAgentChannel(channel: XmlElement): boolean {
  return channel.attributes.get("type") === "unix" &&
    child(channel, "target")?.attributes.get("name") === "org.qemu.guest_agent.0";
}

function hasNoListener(graphics: XmlElement): boolean {
  return child(graphics, "listen")?.attributes.get("type") === "none";
}

function isVirtioVideo(video: XmlElement): boolean {
  return ["virtio", "none"].includes(child(video, "model")?.attributes.get("type") ?? "");
}
