/**
 * A domain of libvirt's as a draft of a record (https://libvirt.org/formatdomain.html). What is read is read here by name; what is
 * not has its word in `fates.ts`, so that nothing is dropped in silence. Pure.
 */
import type { GuestKind, VmId } from "../core/ids.ts";
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { guestUuid } from "../qemu/machine.ts";
import { parseRecord } from "../../registry/schema.ts";
import type { VmRecord } from "../../registry/types.ts";
import { fateOf } from "./fates.ts";
import { type Kept, KEPT_ELEMENT, KEPT_NAMESPACE, parseKept } from "./kept.ts";
import { readFirmware, readTpm } from "./libvirt_firmware.ts";
import { readStorage } from "./libvirt_storage.ts";
import { memoryMib } from "./memory_units.ts";
import { idFrom, nameFrom } from "./names.ts";
import { Reading } from "./reading.ts";
import { holdable } from "./xml_write.ts";
import type { ImportDraft, ImportOptions } from "./types.ts";
import { readXml, type XmlElement } from "./xml_read.ts";

const OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

/** What the parts of a domain are read with. */
export interface DomainContext {
  readonly reading: Reading;
  readonly options: ImportOptions;
  /** What an export of ours has kept in the domain. */
  readonly kept: Kept | undefined;
  readonly id: VmId;
  readonly type: GuestKind;
  readonly uuid: string | undefined;
}

/**
 * The draft that a domain comes to. Problem `usage` for what is no domain, or one that has no name to be called by; all else that
 * stands in the way is among the draft's blockers.
 */
export function fromLibvirt(text: string, options: ImportOptions): Result<ImportDraft, Problem> {
  const documents = readXml(text);
  if (!documents.ok) return documents;
  const last = lastDomain(documents.value);
  if (!last.ok) return last;
  const domain = last.value;
  const reading = new Reading(domain);
  for (const earlier of documents.value.slice(0, -1)) {
    reading.remark(
      earlier,
      "left out: the last of several domains is taken",
      "an earlier <domain> of the same name",
    );
  }
  const kept = keptIn(reading);
  const nameElement = reading.one(domain, "name");
  const name = reading.text(nameElement) ?? "";
  const id = options.id ?? idFrom(name);
  if (!id) {
    return err({
      code: "usage",
      message: "no id can be made of the domain's name",
      hint: "give one: --id ID",
    });
  }
  if (nameElement && id !== name && options.id === undefined) {
    reading.remark(nameElement, `replaced: the id ${id}`);
  }
  const type = options.type ?? kindOf(reading, kept);
  const context = { reading, options, kept, id, type, uuid: uuidOf(reading, id) };
  return draft(context, name);
}

function lastDomain(documents: readonly XmlElement[]): Result<XmlElement, Problem> {
  const last = documents.at(-1);
  const foreign = documents.find((document) => document.name !== "domain" || document.namespace !== "");
  if (foreign || !last) {
    return err({
      code: "usage",
      message: `it is <${foreign?.name ?? "nothing"}>, not the <domain> of one guest`,
    });
  }
  const nameIn = (document: XmlElement) => document.children.find((c) => c.name === "name")?.text;
  if (documents.some((document) => nameIn(document) !== nameIn(last))) {
    return err({ code: "usage", message: "it holds several domains", hint: "give each a file of its own" });
  }
  return ok(last);
}

function draft(context: DomainContext, name: string): Result<ImportDraft, Problem> {
  const { reading, options, kept, id, type } = context;
  const before = kept?.record;
  const size = sizeOf(context);
  const machine = machineOf(context);
  const firmware = readFirmware(context);
  const tpm = readTpm(context);
  const storage = readStorage(context);
  checkClock(context);
  const features = reading.one(reading.root, "features"); // its parts have their words in the table
  if (kept) {
    // Written by policy's word, and policy's again.
    reading.whole(reading.one(reading.root, "on_reboot"));
    reading.whole(reading.one(features, "ps2"));
  }
  const title = reading.text(reading.one(reading.root, "title"));
  const sameTitle = before !== undefined && title === holdable(before.name).trim();
  const record: VmRecord = {
    id,
    name: sameTitle ? before.name : nameFrom(title ?? name) ?? id,
    type,
    state: "stopped",
    storage: { ...storage.storage, ...firmware.storage, ...tpm.storage },
    devices: {
      ...size,
      network: before?.devices.network ?? { enabled: false },
      ...(tpm.tpm ? { tpm: tpm.tpm } : {}),
      ...(firmware.secureBoot === undefined ? {} : { secure_boot: firmware.secureBoot }),
      ...(before?.devices.shares ? { shares: before.devices.shares } : {}),
    },
    ...(machine === undefined ? {} : { machine }),
    policy_profile: options.profile ?? before?.policy_profile ?? `default-${type}`,
  };
  const { remarks, blockers } = reading.finish(fateOf);
  const anew = [
    ...(firmware.anew ? ["variables" as const] : []),
    ...(tpm.anew ? ["tpm" as const] : []),
  ];
  if (blockers.length > 0) return ok({ record, bring: [], anew, remarks, blockers });
  const checked = parseRecord(record, "record", options.root);
  if (!checked.ok) {
    return err({ code: "usage", message: "no usable record comes of it", problems: checked.error });
  }
  return ok({
    record: checked.value,
    bring: [...storage.bring, ...firmware.bring, ...tpm.bring],
    anew,
    remarks,
    blockers,
  });
}

function keptIn(reading: Reading): Kept | undefined {
  const metadata = reading.one(reading.root, "metadata");
  const element = metadata?.children.find((c) => c.name === KEPT_ELEMENT && c.namespace === KEPT_NAMESPACE);
  const kept = element && parseKept(element.text);
  if (kept) reading.whole(element);
  return kept;
}

/** What the guest runs: said by whoever imports it, by our own export, by libosinfo's id, or taken from what Windows alone is given. */
function kindOf(reading: Reading, kept: Kept | undefined): GuestKind {
  const { root } = reading;
  const os = reading.foreign(
    reading.foreign(reading.one(root, "metadata"), OSINFO, "libosinfo"),
    OSINFO,
    "os",
  );
  const osId = reading.attribute(os, "id");
  if (kept) return kept.record.type;
  if (osId !== undefined) {
    const isWindows = /^https?:\/\/microsoft\.com\/win/.test(osId);
    if (os && !isWindows && !/linux|debian|ubuntu|fedora|redhat|centos|suse|arch/i.test(osId)) {
      reading.remark(os, "assumed: of kind linux");
    }
    return isWindows ? "windows" : "linux";
  }
  const child = (of: XmlElement | undefined, name: string) => of?.children.find((c) => c.name === name);
  const isWindows = child(child(root, "features"), "hyperv") !== undefined ||
    child(root, "clock")?.attributes.get("offset") === "localtime";
  const kind = isWindows ? "windows" : "linux";
  reading.remark(root, `assumed: of kind ${kind} (--type says otherwise)`, "no word on what the guest runs");
  return kind;
}

/** The domain's UUID. The guest gets the one that its id stands for, which it sees, and libvirt names files by the old one. */
function uuidOf(reading: Reading, id: VmId): string | undefined {
  const element = reading.one(reading.root, "uuid");
  const uuid = reading.text(element)?.toLowerCase();
  if (!element || uuid === undefined) return undefined;
  const own = guestUuid(id);
  if (uuid !== own) reading.remark(element, `replaced: ${own}, which follows from its id`);
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined;
}

/** vCPUs and memory; what an export of ours wrote for more that the record asks for is taken back to that. */
function sizeOf({ reading, kept }: DomainContext): { vcpu: number; memory_mb: number } {
  const { root } = reading;
  const vcpuElement = reading.one(root, "vcpu"), memoryElement = reading.one(root, "memory");
  const vcpuText = reading.text(vcpuElement) ?? "1";
  const vcpu = /^\d{1,4}$/.test(vcpuText) ? Number(vcpuText) : 0;
  if (vcpu < 1 || vcpu > 512) reading.block(vcpuElement ?? root, "a guest has 1 to 512 vCPUs");
  const read = (element: XmlElement | undefined) =>
    element && memoryMib(reading.text(element) ?? "", reading.attribute(element, "unit") ?? "KiB");
  const memory = read(memoryElement) ?? 0;
  if (!(memory >= 64)) reading.block(memoryElement ?? root, "a guest has at least 64 MiB of memory");
  else if (!Number.isInteger(memory) && memoryElement) {
    reading.remark(memoryElement, `rounded: ${Math.floor(memory)} MiB`);
  }
  const current = reading.one(root, "currentMemory");
  if (current && read(current) !== memory) {
    reading.remark(current, "left out: a guest begins with all its memory");
  }
  const domainType = reading.attribute(root, "type");
  if (domainType !== "kvm" && domainType !== "qemu") reading.block(root, "it is not run by QEMU");
  return {
    vcpu: kept && vcpu === kept.vcpu ? kept.record.devices.vcpu : vcpu,
    memory_mb: kept && memory === kept.memoryMib ? kept.record.devices.memory_mb : Math.floor(memory),
  };
}

/** The machine type to pin; undefined: that of this host. */
function machineOf({ reading, kept }: DomainContext): string | undefined {
  const type = reading.at(reading.root, "os", "type");
  if (!type) {
    reading.block(reading.root, "it does not say what it boots (<os><type>hvm</type></os>)");
    return undefined;
  }
  if (reading.text(type) !== "hvm") reading.block(type, "only whole machines (hvm) are run");
  const arch = reading.attribute(type, "arch") ?? "x86_64";
  if (arch !== "x86_64") reading.block(type, "guests here are of the architecture x86_64");
  const machine = reading.attribute(type, "machine");
  if (kept && machine === kept.machine) return kept.record.machine;
  if (machine === undefined || machine === "q35") return undefined;
  if (/^pc-q35-[A-Za-z0-9._-]{1,40}$/.test(machine)) return machine;
  reading.remark(type, "replaced: a q35 machine, on which a system made for another may not start");
  return undefined;
}

function checkClock({ reading, type }: DomainContext): void {
  const clock = reading.one(reading.root, "clock");
  const offset = reading.attribute(clock, "offset");
  const own = type === "windows" ? "localtime" : "utc";
  if (clock && offset !== own) {
    reading.remark(clock, `replaced: ${own}, as for every ${type} guest`, `offset="${offset}"`);
  }
}
