/**
 * A configuration of quickemu's as a draft of a record. It is a shell script that quickemu sources; here it is read as data
 * (https://github.com/quickemu-project/quickemu, docs/quickemu_conf.5.md). Pure.
 */
import type { GuestKind } from "../core/ids.ts";
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { parseRecord } from "../../registry/schema.ts";
import type { VmRecord } from "../../registry/types.ts";
import { type Assignment, MAX_CONF_BYTES, readAssignments } from "./assignments.ts";
import { memoryMib } from "./memory_units.ts";
import { guestFolder, idFrom, insideRoot, nameFrom } from "./names.ts";
import type { Bring, ImportDraft, ImportOptions, Remark } from "./types.ts";

/** Where the configuration lies: its name is the guest's, and quickemu takes relative paths from its folder. */
export interface ConfPlace {
  readonly folder: string;
  /** File name without `.conf`. */
  readonly name: string;
}

/** What becomes of keys that do not come over. Others are not understood. */
const FATES: Readonly<Record<string, string>> = {
  disk_size: "left out: the size of the image is taken",
  preallocation: "left out: the copy takes what room it needs",
  network: "left out: a guest has no network until policy grants one (`net set`)",
  macaddr: "left out: a guest has no network until policy grants one (`net set`)",
  port_forwards: "left out: a guest has no network until policy grants one (`net set`)",
  ssh_port: "left out: a guest has no network until policy grants one (`net set`)",
  usb_devices: "refused: no device of the host is passed through",
  usb_controller: "left out: a guest's controllers are always the same",
  public_dir: "left out: a shared folder must lie in the data root and be allowed by policy",
  floppy: "left out: a guest has disks and CD-ROMs, no floppy",
  img: "left out: bring it as a disk of its own",
  extra_args: "refused: no options of QEMU's are taken over",
  macos_release: "left out",
  display: "left out: the screen is shown by presenting the guest",
  viewer: "left out: the screen is shown by presenting the guest",
  spice_port: "left out: the screen is shown by presenting the guest",
  width: "left out: the screen is shown by presenting the guest",
  height: "left out: the screen is shown by presenting the guest",
  gl: "left out: a guest has no accelerated graphics",
  sound_card: "left out: a guest has no sound",
  keyboard: "replaced: keyboard and tablet, by policy's word on input",
  keyboard_layout: "replaced: keyboard and tablet, by policy's word on input",
  mouse: "replaced: keyboard and tablet, by policy's word on input",
  monitor: "left out: QEMU's monitor is the supervisor's alone",
  monitor_cmd: "left out: QEMU's monitor is the supervisor's alone",
  monitor_telnet_host: "left out: QEMU's monitor is the supervisor's alone",
  monitor_telnet_port: "left out: QEMU's monitor is the supervisor's alone",
  serial: "replaced: one serial port, read by the supervisor",
  serial_telnet_host: "replaced: one serial port, read by the supervisor",
  serial_telnet_port: "replaced: one serial port, read by the supervisor",
};

/** Keys that the draft is made from. A value of theirs that can't be read stands in the way of the import. */
const READ = [
  "guest_os",
  "disk_img",
  "disk_format",
  "iso",
  "fixed_iso",
  "cpu_cores",
  "ram",
  "boot",
  "tpm",
  "secureboot",
  "arch",
] as const;
type Key = typeof READ[number];

/** What quickemu does when nothing is said of it. It takes processors and memory by the host's size; here they are fixed. */
const DEFAULTS: Readonly<Record<GuestKind, { vcpu: number; memoryMib: number }>> = {
  linux: { vcpu: 2, memoryMib: 2048 },
  windows: { vcpu: 2, memoryMib: 4096 },
};

class Conf {
  readonly remarks: Remark[] = [];
  readonly blockers: Remark[] = [];
  readonly #values = new Map<Key, Assignment>();

  constructor(text: string) {
    const { assignments, unread } = readAssignments(text);
    for (const { name, line, text, why } of unread) {
      const becomes = name !== undefined && isKey(name) ? why : `left out: ${why}`;
      const list = name !== undefined && isKey(name) ? this.blockers : this.remarks;
      list.push(remark(name ?? "", line, text, becomes));
    }
    for (const assignment of assignments) this.#take(assignment);
  }

  #take(assignment: Assignment): void {
    const { name, line, value } = assignment;
    const what = `${name}=${JSON.stringify(value)}`;
    if (!isKey(name)) {
      const isEmpty = value.length === 0;
      if (!isEmpty) this.remarks.push(remark(name, line, what, FATES[name] ?? "not understood: left out"));
    } else if (typeof value !== "string") {
      this.blockers.push(remark(name, line, what, "one value is wanted"));
    } else {
      const earlier = this.#values.get(name);
      if (earlier) {
        const what = `${name}=${JSON.stringify(earlier.value)}`;
        this.remarks.push(remark(name, earlier.line, what, `left out: line ${line} says otherwise`));
      }
      this.#values.set(name, assignment);
    }
  }

  /** The value of a key; undefined where it is not set or empty. */
  get(key: Key): string | undefined {
    const value = this.#values.get(key)?.value;
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  /** Says something of a key's line. */
  about(key: Key, list: "remarks" | "blockers", becomes: string, what?: string): void {
    const found = this.#values.get(key);
    this[list].push(
      remark(key, found?.line ?? 1, what ?? `${key}=${JSON.stringify(found?.value ?? "")}`, becomes),
    );
  }

  /** A switch: `on` or `off`, anything else stands in the way. */
  isOn(key: Key): boolean {
    const value = this.get(key) ?? "off";
    if (value !== "on" && value !== "off") this.about(key, "blockers", 'it is neither "on" nor "off"');
    return value === "on";
  }
}

function isKey(name: string): name is Key {
  return (READ as readonly string[]).includes(name);
}

function remark(path: string, line: number, what: string, becomes: string): Remark {
  return {
    path: sanitizeLine(path, 120),
    line,
    what: sanitizeLine(what, 160),
    becomes: sanitizeLine(becomes, 200),
  };
}

/** The draft that a configuration comes to. Problem `usage` where no id can be made of its name, or it is too large. */
export function fromQuickemu(
  text: string,
  place: ConfPlace,
  options: ImportOptions,
): Result<ImportDraft, Problem> {
  if (new TextEncoder().encode(text).length > MAX_CONF_BYTES) {
    return err({ code: "usage", message: `the configuration is larger than ${MAX_CONF_BYTES} bytes` });
  }
  const id = options.id ?? idFrom(place.name);
  if (!id) return err({ code: "usage", message: "no id can be made of its name", hint: "give one: --id ID" });
  const conf = new Conf(text);
  const type = options.type ?? kindOf(conf);
  const folder = guestFolder(type, id);
  const size = sizeOf(conf, type);
  const storage = storageOf(conf, place, folder, options);
  const isUefi = isUefiOf(conf);
  const tpm = conf.isOn("tpm"), secureBoot = conf.isOn("secureboot");
  if (secureBoot && !isUefi) conf.about("secureboot", "blockers", "it needs UEFI, and boot is legacy");
  const vmFolder = storage.imageFolder;
  const bring = [...storage.bring];
  const beside = (name: string) => `${vmFolder}/${name}`;
  const ovmfVars = `${folder}/ovmf_vars.qcow2`, tpmState = `${folder}/tpm`;
  if (isUefi && vmFolder) {
    bring.push({ as: "variables", from: beside("OVMF_VARS.fd"), format: "raw", to: ovmfVars });
  }
  if (tpm && vmFolder) {
    const from = options.tpmState === undefined
      ? beside("tpm2-00.permall")
      : `${options.tpmState}/tpm2-00.permall`;
    bring.push({ as: "tpm", from, format: "raw", to: `${tpmState}/tpm2-00.permall` });
  }
  const record: VmRecord = {
    id,
    name: nameFrom(place.name) ?? id,
    type,
    state: "stopped",
    storage: {
      ...storage.paths,
      ...(isUefi ? { ovmf_vars: ovmfVars } : {}),
      ...(tpm ? { tpm_state: tpmState } : {}),
    },
    devices: { ...size, network: { enabled: false }, tpm: { enabled: tpm }, secure_boot: secureBoot },
    policy_profile: options.profile ?? `default-${type}`,
  };
  const remarks = conf.remarks.sort((a, b) => a.line - b.line);
  const { blockers } = conf;
  const anew = [
    ...(isUefi && options.newVariables ? ["variables" as const] : []),
    ...(tpm && options.newTpm ? ["tpm" as const] : []),
  ];
  if (blockers.length > 0) return ok({ record, bring: [], anew, remarks, blockers });
  const checked = parseRecord(record, "record", options.root);
  if (!checked.ok) {
    return err({ code: "usage", message: "no usable record comes of it", problems: checked.error });
  }
  return ok({ record: checked.value, bring, anew, remarks, blockers });
}

function kindOf(conf: Conf): GuestKind {
  const os = (conf.get("guest_os") ?? "linux").toLowerCase();
  if (os === "linux" || os === "windows") return os;
  if (os === "windows-server") return "windows";
  if (/^(macos|kolibrios|reactos|freedos|solaris|haiku|batocera|truenas.*|.*bsd.*)$/.test(os)) {
    conf.about("guest_os", "blockers", "guests here run Linux or Windows");
  } else conf.about("guest_os", "remarks", "assumed: of kind linux");
  return "linux";
}

function sizeOf(conf: Conf, type: GuestKind): { vcpu: number; memory_mb: number } {
  const arch = conf.get("arch") ?? "x86_64";
  if (arch !== "x86_64") conf.about("arch", "blockers", "guests here are of the architecture x86_64");
  const cores = conf.get("cpu_cores"), ram = conf.get("ram");
  const fallback = DEFAULTS[type];
  if (cores !== undefined && !/^[1-9]\d{0,2}$/.test(cores)) {
    conf.about("cpu_cores", "blockers", "it is no number of processors");
  }
  const [, amount, unit] = /^(\d{1,6})([MGT])i?B?$/i.exec(ram ?? "") ?? [];
  const memory = amount === undefined ? undefined : memoryMib(amount, `${unit}iB`);
  if (ram !== undefined && !(memory !== undefined && memory >= 64)) {
    conf.about("ram", "blockers", "it is no size of at least 64 MiB, such as 4G");
  }
  if (cores === undefined) {
    conf.about("cpu_cores", "remarks", `assumed: ${fallback.vcpu}`, "no word on processors");
  }
  if (ram === undefined) {
    conf.about("ram", "remarks", `assumed: ${fallback.memoryMib} MiB`, "no word on memory");
  }
  return {
    vcpu: cores === undefined ? fallback.vcpu : Number(cores),
    memory_mb: memory ?? fallback.memoryMib,
  };
}

function isUefiOf(conf: Conf): boolean {
  const boot = conf.get("boot") ?? "efi";
  if (boot !== "efi" && boot !== "legacy") conf.about("boot", "blockers", 'it is neither "efi" nor "legacy"');
  return boot === "efi";
}

function storageOf(conf: Conf, place: ConfPlace, folder: string, options: ImportOptions) {
  const absolute = (path: string) => path.startsWith("/") ? path : `${place.folder}/${path}`;
  const bring: Bring[] = [];
  const placed = (path: string, to: string, as: "disk" | "medium", format: "qcow2" | "raw") => {
    const from = absolute(path);
    const inside = options.copy ? undefined : insideRoot(options.root, from);
    if (inside !== undefined && (as === "medium" || (format === "qcow2") === inside.endsWith(".qcow2"))) {
      return inside;
    }
    bring.push({ as, from, format, to });
    return to;
  };
  const image = conf.get("disk_img");
  const format = conf.get("disk_format") ?? "qcow2";
  if (format !== "qcow2" && format !== "raw") {
    conf.about("disk_format", "blockers", `convert it first (qemu-img convert -f ${format} -O qcow2)`);
  }
  if (image === undefined) conf.about("disk_img", "blockers", "no disk is named");
  const disks = image === undefined ? {} : {
    root: placed(image, `${folder}/root.qcow2`, "disk", format === "raw" ? "raw" : "qcow2"),
  };
  const cdroms: Record<string, string> = {};
  for (const [key, name] of [["iso", "install"], ["fixed_iso", "drivers"]] as const) {
    const path = conf.get(key);
    if (path !== undefined) cdroms[name] = placed(path, `${folder}/${name}.iso`, "medium", "raw");
  }
  const from = image === undefined ? undefined : absolute(image);
  return {
    bring,
    paths: { disks, ...(Object.keys(cdroms).length > 0 ? { cdroms } : {}) },
    imageFolder: from?.slice(0, from.lastIndexOf("/")),
  };
}
