/** What import and export of guests are made of. Pure: nothing here touches a file. */
import type { GuestKind, VmId } from "../core/ids.ts";
import type { VmRecord } from "../../registry/types.ts";

/** One thing of a foreign description that does not come over as it is. */
export interface Remark {
  /** Where it stands: `devices/interface[2]`, or a key of a configuration. Made harmless, bounded. */
  readonly path: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** What stands there. */
  readonly what: string;
  /** What becomes of it. */
  readonly becomes: string;
}

/** What a guest has beside its disks. None of it is lost unless whoever imports it says so. */
export type StateKind = "variables" | "tpm";

/** What a file that is brought in is, which says how it is copied and looked at. */
export type BringAs = "disk" | "medium" | StateKind;

/** A file outside the data root that becomes the guest's own, as a copy. */
export interface Bring {
  readonly as: BringAs;
  /** Absolute path of the file; of `tpm`: of the TPM's state file. */
  readonly from: string;
  /** Format that the description gives it; checked against the file, never guessed. */
  readonly format: "qcow2" | "raw";
  /** Path of the copy, relative to the data root. Disks and variables become qcow2. */
  readonly to: string;
}

export interface ImportOptions {
  /** Absolute path of the data root that the guest is brought into. */
  readonly root: string;
  /** Instead of one made from the guest's name. */
  readonly id?: VmId;
  /** Instead of what the description tells of the guest's system. */
  readonly type?: GuestKind;
  /** Profile of the policy; default `default-linux` or `default-windows`. */
  readonly profile?: string;
  /** Folder of the TPM's state, absolute; default is where libvirt's system service keeps it. */
  readonly tpmState?: string;
  /** Also files that lie inside the data root are copied. */
  readonly copy?: boolean;
  /** New UEFI variables where the guest's own are not found or can't be used. */
  readonly newVariables?: boolean;
  /** A new and empty TPM where the state of the guest's own is not found or can't be used. */
  readonly newTpm?: boolean;
}

/** What a foreign description comes to. */
export interface ImportDraft {
  readonly record: VmRecord;
  readonly bring: readonly Bring[];
  /** State that the guest may begin anew with: its source has none of the kind, or whoever imports it says so. */
  readonly anew: readonly StateKind[];
  /** All that does not come over as it is, in the order of the file. */
  readonly remarks: readonly Remark[];
  /** Why the guest can't be brought in as it is described; empty when it can. */
  readonly blockers: readonly Remark[];
}
