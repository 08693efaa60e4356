/** Disks and CD-ROMs of a domain. */
import { parsePath } from "../core/relative_path.ts";
import type { DomainContext } from "./from_libvirt.ts";
import { fileKey, guestFolder, insideRoot } from "./names.ts";
import type { Bring } from "./types.ts";
import type { XmlElement } from "./xml_read.ts";

export interface StorageDraft {
  readonly storage: {
    readonly disks: Readonly<Record<string, string>>;
    readonly cdroms?: Readonly<Record<string, string>>;
  };
  readonly bring: readonly Bring[];
}

interface Drive {
  readonly element: XmlElement;
  readonly isMedium: boolean;
  readonly source: string;
  readonly format: "qcow2" | "raw";
  readonly target: string;
  readonly serial: string | undefined;
  readonly order: number;
}

/** Disks in boot order and CD-ROMs, each where it lies when that is inside the data root, otherwise as a copy in the guest's folder. */
export function readStorage(context: DomainContext): StorageDraft {
  const { reading, kept } = context;
  const devices = reading.one(reading.root, "devices");
  const drives = reading.all(devices, "disk").flatMap((disk) => readDrive(context, disk) ?? []);
  const ordered = drives.map((drive, i) => ({ drive, i }))
    .sort((a, b) => a.drive.order - b.drive.order || a.i - b.i).map(({ drive }) => drive);
  const before = kept?.record.storage;
  const disks = place(context, ordered.filter((d) => !d.isMedium), before?.disks ?? {}, "root");
  const media = place(context, ordered.filter((d) => d.isMedium), before?.cdroms ?? {}, "install");
  const hasCdroms = Object.keys(media.paths).length > 0 || before?.cdroms !== undefined;
  return {
    storage: { disks: disks.paths, ...(hasCdroms ? { cdroms: media.paths } : {}) },
    bring: [...disks.bring, ...media.bring],
  };
}

function readDrive({ reading }: DomainContext, disk: XmlElement): Drive | undefined {
  const device = reading.attribute(disk, "device") ?? "disk";
  const type = reading.attribute(disk, "type") ?? "file";
  const source = reading.one(disk, "source"), driver = reading.one(disk, "driver");
  const target = reading.one(disk, "target");
  const file = reading.attribute(source, "file");
  const written = reading.attribute(driver, "type");
  const dev = reading.attribute(target, "dev") ?? "disk", bus = reading.attribute(target, "bus");
  const order = Number(reading.attribute(reading.one(disk, "boot"), "order") ?? Infinity);
  const isMedium = device === "cdrom";
  if (device !== "disk" && !isMedium) {
    reading.whole(disk);
    reading.remark(disk, `left out: a guest has disks and CD-ROMs, no ${device}`);
    return undefined;
  }
  if (isMedium && file === undefined && !source?.attributes.size) {
    reading.whole(disk);
    reading.remark(disk, "left out: an empty drive");
    return undefined;
  }
  const isEncrypted = [disk, source].some((of) => of?.children.some((c) => c.name === "encryption"));
  if (isEncrypted) reading.block(disk, "it is encrypted, and its key can't be brought along");
  if (type !== "file" || file === undefined) {
    reading.block(
      disk,
      `it is no file but of type ${type}: make an image file of it first (qemu-img convert)`,
    );
    return undefined;
  }
  const parsed = parsePath(file);
  if (!parsed.ok || !parsed.value.absolute) {
    reading.block(disk, `its path can't be used: ${parsed.ok ? "it is not absolute" : parsed.error}`);
    return undefined;
  }
  const format = written ?? "raw";
  if (written === undefined && driver) reading.remark(driver, "assumed: the format raw, as libvirt takes it");
  if (format !== "raw" && (format !== "qcow2" || isMedium)) {
    reading.block(
      disk,
      `it is of format ${format}: convert it first (qemu-img convert -f ${format} -O qcow2)`,
    );
    return undefined;
  }
  checkBus(reading, target, bus, isMedium);
  if (isMedium) reading.one(disk, "readonly");
  const serialElement = disk.children.find((c) => c.name === "serial");
  const serial = /^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$/.exec(serialElement?.text ?? "")?.[0];
  if (serial !== undefined && !isMedium) reading.text(reading.one(disk, "serial"));
  return {
    element: disk,
    isMedium,
    source: `/${parsed.value.parts.join("/")}`,
    format,
    target: dev,
    serial: isMedium ? undefined : serial,
    order: Number.isFinite(order) ? order : Infinity,
  };
}

function checkBus(
  reading: DomainContext["reading"],
  target: XmlElement | undefined,
  bus: string | undefined,
  isMedium: boolean,
): void {
  if (!target) return;
  if (isMedium) {
    if (bus !== undefined && bus !== "sata" && bus !== "ide") {
      reading.remark(target, "replaced: on the SATA bus");
    }
  } else if (bus !== "virtio") {
    reading.remark(
      target,
      "replaced: a virtio disk, for which the guest must have its driver before it boots",
    );
  }
}

/** Keys and paths of the drives, in their order, and what is to be copied. */
function place(
  { options, kept, type, id }: DomainContext,
  drives: readonly Drive[],
  before: Readonly<Record<string, string>>,
  firstKey: string,
): { paths: Record<string, string>; bring: Bring[] } {
  const paths: Record<string, string> = {};
  const bring: Bring[] = [];
  const taken = new Set<string>();
  for (const [i, { source, format, target, serial, isMedium }] of drives.entries()) {
    const known = kept &&
      Object.entries(before).find(([key, path]) => `${kept.root}/${path}` === source && !taken.has(key))?.[0];
    const key = known ?? fileKey(serial ?? (i === 0 ? firstKey : target), taken);
    taken.add(key);
    const inside = options.copy ? undefined : insideRoot(options.root, source);
    // The registry goes by a name's end for what format an image has.
    const fits = inside !== undefined && (isMedium || (format === "qcow2") === inside.endsWith(".qcow2"));
    const to = `${guestFolder(type, id)}/${key}${isMedium ? ".iso" : ".qcow2"}`;
    paths[key] = fits ? inside : to;
    if (!fits) bring.push({ as: isMedium ? "medium" : "disk", from: source, format, to });
  }
  return { paths, bring };
}
