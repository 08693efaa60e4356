/** Disk images, by their first bytes. */
import { formatBytes } from "../core/units.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { parseQcow2Header, QCOW2_HEADER_BYTES } from "../qemu/qcow2_header.ts";
import type { RandomAccess } from "./access.ts";
import { Fields } from "./fields.ts";
import { readPartitions } from "./partitions.ts";
import {
  type DiskImage,
  type Found,
  type MediumProblem,
  type MediumWarning,
  problem,
  warning,
} from "./report.ts";

type Image = Found<DiskImage>;
type Format = DiskImage["format"];

/** What the image is; undefined when it is none, or raw without a partition table. `start`: the first 64 KiB. */
export async function inspectDiskImage(access: RandomAccess, start: Uint8Array): Promise<Image | undefined> {
  const fields = new Fields(start, "the image's header");
  const begins = (text: string) => start.length >= text.length && fields.latin1(0, text.length) === text;
  if (begins("QFI\xfb")) return qcow2(start.subarray(0, QCOW2_HEADER_BYTES), access.size);
  if (begins("KDMV") && start.length >= 20) return foreign("vmdk", fields.u64(12) * 512);
  if (begins("# Disk DescriptorFile")) return foreign("vmdk", undefined);
  if (begins("vhdxfile")) return foreign("vhdx", undefined);
  if (start.length >= 0x178 && fields.u32(0x40) === 0xbeda107f) return foreign("vdi", fields.u64(0x170));
  const footer = new Fields(await access.read(Math.max(0, access.size - 512), 512), "the image's footer");
  for (const one of [fields, footer]) {
    if (one.length >= 512 && one.latin1(0, 8) === "conectix") return foreign("vhd", one.u64be(48));
  }
  return await raw(access);
}

function foreign(format: Format, virtualBytes: number | undefined): Image {
  const size = virtualBytes === undefined || virtualBytes > Number.MAX_SAFE_INTEGER
    ? undefined
    : virtualBytes;
  return {
    kind: "disk-image",
    title: `disk image, ${format.toUpperCase()}${size === undefined ? "" : ` of ${formatBytes(size)}`}`,
    format,
    virtual_bytes: size,
    partitions: [],
    problems: [],
    warnings: [
      warning(
        "other_format",
        `guests have disks in the formats qcow2 and raw, not ${format}`,
        `qemu-img convert -f ${format === "vhd" ? "vpc" : format} -O qcow2 FILE NEW.qcow2`,
      ),
    ],
  };
}

function qcow2(start: Uint8Array, size: number): Image {
  const problems: MediumProblem[] = [], warnings: MediumWarning[] = [];
  const header = parseQcow2Header(start);
  if (!header.ok) problems.push(problem("damaged", header.error.message));
  const facts = header.ok ? header.value : undefined;
  // The tables that the header points to; what they point to in turn is not followed.
  const fields = new Fields(start, "the image's header");
  const end = facts ? Math.max(fields.u64be(40) + fields.u32be(36) * 8, fields.u64be(48)) : 0;
  if (end > size) {
    problems.push(problem("truncated", `its tables lie at byte ${end}, and it is ${size} bytes long`, AGAIN));
  }
  if (facts?.backingFile !== undefined || facts?.externalData) {
    const other = facts.backingFile === undefined ? "" : `: ${sanitizeLine(facts.backingFile, 200)}`;
    warnings.push(warning("refers_to_other_file", `the image is not whole without another file${other}`));
  }
  return {
    kind: "disk-image",
    title: `disk image, qcow2${facts === undefined ? "" : ` of ${formatBytes(facts.virtualBytes)}`}`,
    format: "qcow2",
    virtual_bytes: facts?.virtualBytes,
    partitions: [],
    problems,
    warnings,
  };
}

async function raw(access: RandomAccess): Promise<Image | undefined> {
  const found = await readPartitions(access);
  if (!found) return undefined;
  const { table, partitions, endBytes } = found;
  const problems = endBytes <= access.size ? [] : [
    problem(
      "truncated",
      `its partitions end at byte ${endBytes}, and it is ${access.size} bytes long`,
      AGAIN,
    ),
  ];
  return {
    kind: "disk-image",
    title: `disk image, raw with ${partitions.length} ${
      partitions.length === 1 ? "partition" : "partitions"
    } (${table.toUpperCase()})`,
    format: "raw",
    virtual_bytes: access.size,
    partition_table: table,
    partitions,
    problems,
    warnings: [],
  };
}

/** What to do about a file that is cut off. */
export const AGAIN = "download it again, and compare its SHA-256 with the publisher's (--expect-sha256)";
