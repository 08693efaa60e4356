/** What is said of a medium: facts, what is wrong, what to be warned of. In the form that `--json` gives. */
import { sanitizeLine } from "../core/sanitize.ts";
import type { BootImage } from "./el_torito.ts";
import type { EditionFamily, Is23H2 } from "./servicing.ts";
import type { TreeKind } from "./tree.ts";
import type { WimFacts, WimImage } from "./wim.ts";

/** Closed list. Problems: the medium is damaged or not what it pretends to be. */
export type MediumProblemCode =
  | "not_a_medium"
  | "empty"
  | "damaged"
  | "truncated"
  | "install_image_missing"
  | "install_image_damaged"
  | "hash_mismatch";

/** Closed list. Warnings: whole, but perhaps not what is wanted. */
export type MediumWarningCode =
  | "older_than_23h2"
  | "perhaps_older_than_23h2"
  | "servicing_ended"
  | "servicing_ends_soon"
  | "other_architecture"
  | "not_windows_11"
  | "no_efi_boot"
  | "hostile_names"
  | "directory_loop"
  | "drivers_missing"
  | "drivers_unsigned"
  | "version_unknown"
  | "other_format"
  | "refers_to_other_file"
  | "partly_unwritten"
  | "not_all_looked_at";

export interface Finding<Code extends string> {
  readonly code: Code;
  readonly message: string;
  readonly hint?: string;
}
export type MediumProblem = Finding<MediumProblemCode>;
export type MediumWarning = Finding<MediumWarningCode>;

const MAX_MESSAGE = 600;

interface Common {
  readonly path: string;
  readonly bytes: number;
  /** What it is, in a few words. */
  readonly title: string;
  readonly problems: readonly MediumProblem[];
  readonly warnings: readonly MediumWarning[];
}

/** Facts about the disc as such. */
export interface DiscFacts {
  readonly label: string;
  /** The file systems that it has; the first is the one whose files were looked at. */
  readonly file_systems: readonly TreeKind[];
  /** Size that its descriptors claim. */
  readonly volume_bytes: number;
  readonly boot: readonly BootImage[];
  readonly files: number;
  readonly directories: number;
}

/** An image of Windows that can be installed. */
export interface EditionReport extends WimImage {
  /** `Windows 11 23H2`, where the build is one of the table. */
  readonly release?: string;
  readonly family?: EditionFamily;
  readonly windows_11_23h2_or_later: Is23H2;
  /** Last day of updates, `YYYY-MM-DD`. */
  readonly servicing_ends?: string;
  /** That day was not found at the source: it is reckoned by Microsoft's rule for such editions. */
  readonly servicing_derived?: true;
}

export interface WindowsMedium extends Common {
  readonly kind: "windows";
  readonly disc: DiscFacts;
  /** Undefined when it is missing or could not be read. */
  readonly image: (Omit<WimFacts, "images" | "faults"> & { readonly path: string }) | undefined;
  readonly editions: readonly EditionReport[];
  /** `yes` when every edition is, `no` when none can be, `some` when it depends on the edition. */
  readonly windows_11_23h2_or_later: Is23H2 | "some";
}

/** One driver for Windows 11 on amd64. */
export interface DriverReport {
  readonly name: string;
  readonly purpose: string;
  /** Directory on the medium. */
  readonly path: string;
  /** Version that its .inf names. */
  readonly version?: string;
  /** A catalogue in the form of a signed message is there. Nobody has verified the signature. */
  readonly catalog: "signed" | "not_signed" | "missing";
  /** Whether the catalogue names Microsoft's publisher for drivers that passed its tests. */
  readonly names_microsoft: boolean;
  /** Files that are missing or empty. */
  readonly missing: readonly string[];
}

export interface VirtioMedium extends Common {
  readonly kind: "virtio-win";
  readonly disc: DiscFacts;
  /** `0.1.266`. */
  readonly version: string | undefined;
  /** Of Windows 11 on amd64. */
  readonly drivers: readonly DriverReport[];
  readonly guest_agent: boolean;
  readonly guest_tools: boolean;
  /** What exactly was looked at, for whoever relies on it. */
  readonly checked: string;
}

export interface LinuxMedium extends Common {
  readonly kind: "linux-live";
  readonly disc: DiscFacts;
  /** What it says of itself: `Debian GNU/Linux 12.5.0 "Bookworm"`. */
  readonly name: string;
}

export interface OtherIso extends Common {
  readonly kind: "iso";
  readonly disc: DiscFacts;
}

export interface PartitionReport {
  /** GPT's name, or what the type is called. */
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

export interface DiskImage extends Common {
  readonly kind: "disk-image";
  readonly format: "qcow2" | "raw" | "vmdk" | "vhd" | "vhdx" | "vdi";
  /** Size that a guest sees; undefined where the header was not read for it. */
  readonly virtual_bytes: number | undefined;
  readonly partition_table?: "gpt" | "mbr";
  readonly partitions: readonly PartitionReport[];
}

export interface NotAMedium extends Common {
  readonly kind: "not-a-medium";
}

export type MediumReport = WindowsMedium | VirtioMedium | LinuxMedium | OtherIso | DiskImage | NotAMedium;

/** What the readers of one kind give; path and size are added at the end. */
export type Found<M extends MediumReport = MediumReport> = M extends MediumReport ? Omit<M, "path" | "bytes">
  : never;

/** A message may hold text of the medium, so it is made harmless here. */
export function problem(code: MediumProblemCode, message: string, hint?: string): MediumProblem {
  return finding(code, message, hint);
}

/** As {@link problem}. */
export function warning(code: MediumWarningCode, message: string, hint?: string): MediumWarning {
  return finding(code, message, hint);
}

function finding<Code extends string>(code: Code, message: string, hint: string | undefined): Finding<Code> {
  return { code, message: sanitizeLine(message, MAX_MESSAGE), ...(hint === undefined ? {} : { hint }) };
}
