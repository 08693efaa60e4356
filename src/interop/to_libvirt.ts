/**
 * A guest as a domain of libvirt's (https://libvirt.org/formatdomain.html): what it really is on this host, from its record and the
 * plan by which it would be started. Pure.
 */
import type { Accelerator } from "../host/capabilities.ts";
import type { FirmwareChoice } from "../qemu/firmware.ts";
import type { ImageFormat } from "../qemu/plan_types.ts";
import type { VmRecord } from "../../registry/types.ts";
import { KEPT_ELEMENT, KEPT_NAMESPACE, keptText } from "./kept.ts";
import { devices } from "./libvirt_devices.ts";
import { element, holdable, type XmlNode, xmlText } from "./xml_write.ts";

/** Version of the libvirt that is to read the domain: what it can say has grown. */
export interface LibvirtVersion {
  readonly major: number;
  readonly minor: number;
}

/** The oldest that is written for: Debian 12's. */
export const OLDEST_LIBVIRT: LibvirtVersion = { major: 9, minor: 0 };

export interface ExportInput {
  readonly record: VmRecord;
  /** Data root, absolute. */
  readonly root: string;
  /** The emulator's program, absolute. */
  readonly emulator: string;
  readonly uuid: string;
  readonly machine: string;
  readonly cpu: string;
  readonly accelerator: Accelerator;
  /** Switches of `-cpu`, for example `hv-relaxed=on`. */
  readonly hyperv: readonly string[];
  /** What policy left of the record's wishes. */
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly firmware: FirmwareChoice | null;
  /** Format of each disk of the record, by its name. */
  readonly formats: Readonly<Record<string, ImageFormat>>;
  readonly display: boolean;
  readonly input: boolean;
  readonly onReboot: "reset" | "stop";
  readonly libvirt: LibvirtVersion;
}

export interface Exported {
  readonly text: string;
  /** What libvirt can't hold or does otherwise, a sentence each. */
  readonly notes: readonly string[];
}

export function atLeast(version: LibvirtVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** The domain's XML, and what a reader must know of it. */
export function toLibvirt(input: ExportInput): Exported {
  const { record, vcpu, memoryMib, machine } = input;
  const nvram = nvramOf(input);
  const title = holdable(record.name);
  const node = element("domain", { type: input.accelerator === "kvm" ? "kvm" : "qemu" }, [
    element("name", {}, record.id),
    element("uuid", {}, input.uuid),
    element("title", {}, title),
    element("metadata", {}, [
      element(
        `rayvisor:${KEPT_ELEMENT}`,
        { "xmlns:rayvisor": KEPT_NAMESPACE },
        keptText({
          record,
          root: input.root,
          vcpu,
          memoryMib,
          machine,
          ...(nvram ? { nvram: nvram.path } : {}),
        }),
      ),
    ]),
    element("memory", { unit: "MiB", dumpCore: "off" }, memoryMib),
    element("currentMemory", { unit: "MiB" }, memoryMib),
    element("memoryBacking", {}, [element("nosharepages")]),
    element("vcpu", { placement: "static" }, vcpu),
    operatingSystem(input, nvram),
    features(input),
    processor(input),
    clock(input),
    element("on_poweroff", {}, "destroy"),
    element("on_reboot", {}, input.onReboot === "stop" ? "destroy" : "restart"),
    // A guest that panicked stands still, to be looked at.
    element("on_crash", {}, "preserve"),
    element("pm", {}, [element("suspend-to-mem", { enabled: "no" })]),
    element("devices", {}, devices(input)),
  ]);
  return { text: xmlText(node), notes: notesOf(input, nvram) };
}

interface Nvram {
  readonly path: string;
  readonly format: ImageFormat;
  /** The guest's own file, where libvirt is to be given another one. */
  readonly original: string;
}

/** Before 9.2 libvirt takes any file of variables for raw; then a raw copy beside ours is named, which is to be made. */
function nvramOf({ record, root, libvirt, firmware }: ExportInput): Nvram | undefined {
  const path = record.storage.ovmf_vars;
  if (path === undefined || !firmware) return undefined;
  const original = `${root}/${path}`;
  return atLeast(libvirt, 9, 2)
    ? { path: original, format: "qcow2", original }
    : { path: `${original.replace(/\.qcow2$/, "")}.fd`, format: "raw", original };
}

function operatingSystem({ machine, firmware }: ExportInput, nvram: Nvram | undefined): XmlNode {
  const secure = firmware?.secureBoot && firmware.requiresSmm;
  const flash = firmware && nvram
    ? [
      element(
        "loader",
        {
          readonly: "yes",
          secure: secure ? "yes" : "no",
          type: "pflash",
          ...(firmware.code.format === "raw" ? {} : { format: firmware.code.format }),
        },
        firmware.code.path,
      ),
      element(
        "nvram",
        nvram.format === "raw" ? { template: firmware.varsTemplate.path } : { format: nvram.format },
        nvram.path,
      ),
    ]
    : [];
  return element("os", {}, [
    element("type", { arch: "x86_64", machine }, "hvm"),
    ...flash,
    element("bootmenu", { enable: "no" }),
  ]);
}

function features({ firmware, hyperv, input, libvirt }: ExportInput): XmlNode {
  const enlightenments = hyperv.filter((text) => text !== "hv-time=on").map((text) => {
    const [name = "", value = "on"] = text.replace(/^hv-/, "").split("=");
    return element(name, { state: "on", ...(value === "on" ? {} : { retries: Number(value) }) });
  });
  return element("features", {}, [
    element("acpi"),
    element("apic"),
    enlightenments.length > 0 ? element("hyperv", {}, enlightenments) : undefined,
    element("vmport", { state: "off" }),
    element("smm", { state: firmware?.requiresSmm ? "on" : "off" }),
    !input && hasPs2Switch(libvirt) ? element("ps2", { state: "off" }) : undefined,
  ]);
}

function hasPs2Switch(libvirt: LibvirtVersion): boolean {
  return atLeast(libvirt, 10, 7);
}

/** Names of processor models in libvirt that are versions of one model in QEMU (libvirt, src/cpu_map). */
const MODELS: Readonly<Record<string, string>> = {
  "Westmere-v1": "Westmere",
  "Westmere-v2": "Westmere-IBRS",
};

function processor({ cpu, vcpu }: ExportInput): XmlNode {
  return element("cpu", { mode: "custom", match: "exact", check: "none" }, [
    element("model", { fallback: "forbid" }, MODELS[cpu] ?? cpu),
    element("topology", { sockets: 1, dies: 1, cores: vcpu, threads: 1 }),
  ]);
}

function clock({ record, hyperv }: ExportInput): XmlNode {
  const isWindows = record.type === "windows";
  return element("clock", { offset: isWindows ? "localtime" : "utc" }, [
    element("timer", { name: "rtc", tickpolicy: "catchup" }),
    isWindows ? element("timer", { name: "hpet", present: "no" }) : undefined,
    hyperv.includes("hv-time=on") ? element("timer", { name: "hypervclock", present: "yes" }) : undefined,
  ]);
}

function notesOf(input: ExportInput, nvram: Nvram | undefined): string[] {
  const { record, libvirt } = input;
  const { network, shares, tpm } = record.devices;
  const notes = [
    `policy is not part of it: what profile ${record.policy_profile} limits or denies, libvirt does not`,
  ];
  if (nvram && nvram.path !== nvram.original) {
    notes.push(
      "libvirt before 9.2 reads UEFI variables as raw alone and makes new ones where the file is absent; make it first: " +
        `qemu-img convert -f qcow2 -O raw ${nvram.original} ${nvram.path}`,
    );
  }
  if (tpm?.enabled) {
    notes.push(
      "libvirt keeps a TPM's state in a folder of its own: before the first start copy " +
        `${input.root}/${record.storage.tpm_state ?? ""}/tpm2-00.permall to swtpm/${input.uuid}/tpm2/ ` +
        "below its state folder (/var/lib/libvirt), or the guest has a new TPM",
    );
  }
  if (network.enabled) notes.push("the record asks for a network; the domain has no interface");
  if (shares?.length) {
    notes.push("shared folders are left out: libvirt may not be able to keep them read-only");
  }
  if (!atLeast(libvirt, 9, 1)) {
    notes.push(
      "libvirt before 9.1 knows neither the chipset's watchdog, which is left out, nor pvpanic on PCI, in whose place stands pvpanic on ISA",
    );
  }
  if (!input.input && !hasPs2Switch(libvirt)) {
    notes.push("libvirt before 10.7 gives every guest a PS/2 keyboard and mouse");
  }
  return notes;
}
