/** Disks, CD-ROMs and firmware flash as named block nodes. */
import type { Problem } from "../core/problem.ts";
import type { JsonObject } from "../core/json.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { FirmwareChoice } from "./firmware.ts";
import type { AllowedBlockDriver, AllowedDevice } from "./allowed_devices.ts";
import { nodeName } from "./options.ts";
import { type DiskPlan, type GuestFiles, type ImageFile, QEMU_IDS } from "./plan_types.ts";

export interface DeviceNode extends JsonObject {
  readonly driver: AllowedDevice;
  readonly id: string;
}

export interface StoragePlan {
  readonly blockdevs: readonly JsonObject[];
  readonly devices: readonly DeviceNode[];
  readonly disks: readonly DiskPlan[];
}

/** Slots 0x10 to 0x1e of the root bus, so that a disk's place never moves when another device comes or goes. */
const FIRST_DISK_SLOT = 0x10;
export const MAX_DISKS = 15;
/** Ports of q35's SATA controller. */
export const MAX_CDROMS = 6;

/**
 * Disks are virtio-blk. CD-ROMs are on the SATA controller that q35 has anyway: firmware and Windows Setup drive it with what they
 * have in the box, and it is from such a CD that Setup loads the virtio drivers.
 * Boot order: disks as listed, then CD-ROMs; so an install medium starts while the disk is empty, and no longer after.
 */
export function storagePlan(files: GuestFiles): Result<StoragePlan, Problem> {
  if (files.disks.length > MAX_DISKS) return err(tooMany("disks", files.disks.length, MAX_DISKS));
  if (files.cdroms.length > MAX_CDROMS) return err(tooMany("cdroms", files.cdroms.length, MAX_CDROMS));
  const blockdevs: JsonObject[] = [];
  const devices: DeviceNode[] = [];
  const disks: DiskPlan[] = [];
  files.disks.forEach(({ name, path, format, backing }, i) => {
    const node = nodeName(`disk${i}`);
    blockdevs.push(...chainNodes(node, [{ path, format }, ...backing]));
    devices.push({
      driver: "virtio-blk-pci",
      id: `vblk${i}`,
      drive: node,
      bus: "pcie.0",
      addr: `0x${(FIRST_DISK_SLOT + i).toString(16)}`,
      bootindex: i + 1,
      // The guest sees the registry's name of the disk, where it fits into virtio's 20 bytes.
      ...(/^[A-Za-z0-9_-]{1,20}$/.test(name) ? { serial: name } : {}),
      // A full or failing host disk pauses the guest with an event; it never tells the guest of errors.
      werror: "stop",
      rerror: "stop",
    });
    disks.push({ name, node, device: `vblk${i}`, format });
  });
  files.cdroms.forEach(({ path }, i) => {
    const node = nodeName(`cdrom${i}`);
    blockdevs.push(...imageNodes(node, { path, format: "raw" }, null, { "read-only": true }));
    devices.push({
      driver: "ide-cd",
      id: `cd${i}`,
      drive: node,
      bus: `ide.${i}`,
      bootindex: files.disks.length + i + 1,
      werror: "stop",
      rerror: "stop",
    });
  });
  return ok({ blockdevs, devices, disks });
}

/** Nodes of an image and all below it. The bottom comes first: QEMU wants a node to be there before another names it. */
function chainNodes(node: string, images: readonly ImageFile[]): JsonObject[] {
  const nameAt = (depth: number) => depth === 0 ? node : `${node}-base${depth}`;
  return images.flatMap((_, i) => {
    const depth = images.length - 1 - i;
    const image = images[depth];
    const below = depth + 1 < images.length ? nameAt(depth + 1) : null;
    const options = depth === 0 ? { "read-only": false, discard: "unmap" } : { "read-only": true };
    return image ? imageNodes(nameAt(depth), image, below, options) : [];
  });
}

/**
 * A protocol node and a format node on it; the format is always named, never probed. `backing` is the node below a qcow2 image, null for
 * none: QEMU then opens no file that only the image's header names.
 */
function imageNodes(
  node: string,
  image: ImageFile,
  backing: string | null,
  options: JsonObject,
): JsonObject[] {
  const file: AllowedBlockDriver = "file";
  const format: AllowedBlockDriver = image.format;
  return [
    {
      driver: file,
      "node-name": nodeName(`${node}-file`),
      filename: image.path,
      ...options,
      // Two writers of one image destroy it: without locks on this file system QEMU must refuse, not go on.
      ...(options["read-only"] === true ? {} : { locking: "on" }),
    },
    {
      driver: format,
      "node-name": nodeName(node),
      file: `${node}-file`,
      ...options,
      ...(format === "qcow2" ? { backing } : {}),
    },
  ];
}

/** Nodes of the firmware: its code, which the guest can't write, and the guest's own variables. */
export function flashNodes(firmware: FirmwareChoice, ovmfVars: string): JsonObject[] {
  return [
    ...imageNodes(QEMU_IDS.code, firmware.code, null, { "read-only": true }),
    ...imageNodes(QEMU_IDS.variables, { path: ovmfVars, format: "qcow2" }, null, { "read-only": false }),
  ];
}

function tooMany(what: string, count: number, most: number): Problem {
  return {
    code: "usage",
    message: `a guest can't have ${count} ${what}; the most is ${most}`,
    path: `storage.${what}`,
  };
}
