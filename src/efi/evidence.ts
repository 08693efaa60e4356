/**
 * Proof from outside a running guest that its firmware ran, that its Secure Boot variables are enrolled, and that the firmware talked
 * to the TPM. It comes from the guest's own physical memory, read over QMP (`pmemsave`) in about a millisecond: no log,
 * no agent and no debug build of anything is needed, and a guest that is not asked pays nothing.
 *
 * It speaks of firmware only as long as nothing else has run: an operating system can write the TPM's buffer itself, and the variables
 * by the firmware's services.
 */
import { Bytes } from "./bytes.ts";
import { type SecureBootState, secureBootState } from "./secure_boot.ts";
import { type EfiVariable, parseVariableStore } from "./var_store.ts";

/** A stretch of the guest's physical memory, for `pmemsave {val, size}`. */
export interface PhysicalRange {
  readonly address: number;
  readonly bytes: number;
}

/**
 * Where q35 shows the variable store: flash ends at 4 GiB, first unit (code) on top, second below (QEMU hw/i386/pc_sysfw.c).
 * The sizes are those of the two images' contents.
 */
export function variableStoreRange(codeBytes: number, variableBytes: number): PhysicalRange {
  return { address: 0x1_0000_0000 - codeBytes - variableBytes, bytes: variableBytes };
}

/**
 * The command buffer of `tpm-crb`: locality 0's registers start at 0xFED40000, the buffer 0x80 behind (TCG PC Client
 * Platform TPM Profile 1.05, section 6.5.3). It is zero at start and then holds the last answer of the TPM.
 */
export const TPM_BUFFER: PhysicalRange = { address: 0xfed4_0080, bytes: 128 };

/** Header of a TPM 2.0 answer (TPM Library part 1, section 18). */
export interface TpmAnswer {
  readonly responseCode: number;
  readonly length: number;
}

/** The answer in the TPM's buffer, or undefined when there is none: nobody has used the TPM since power-on. */
export function parseTpmAnswer(buffer: Uint8Array): TpmAnswer | undefined {
  if (buffer.length < 10) return undefined;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const tag = view.getUint16(0), length = view.getUint32(2);
  const NO_SESSIONS = 0x8001, SESSIONS = 0x8002;
  if ((tag !== NO_SESSIONS && tag !== SESSIONS) || length < 10 || length > 4096) return undefined;
  return { length, responseCode: view.getUint32(6) };
}

/** Vendor GUID of EDK2's TPM configuration (Tcg2ConfigDxe). */
const TCG2_CONFIG = "6339d487-26ba-424b-9a5d-687e25d740bc";
/** EDK2's monotonic counter; its upper half is written anew at every boot. */
const COUNTER = "eb704011-1402-11d3-8e77-00a0c969723b";

export interface StoreEvidence {
  readonly secureBoot: SecureBootState;
  /** Times that firmware has booted on this store, as far as it counts them; 0 on a fresh copy of an empty template. */
  readonly bootCount: number;
  /** What the firmware last found: `2.0`, `1.2`, `none`, or undefined when it never looked (no TPM so far). */
  readonly tpmSeen?: "none" | "1.2" | "2.0" | "unknown";
}

/** What a raw variable store says; undefined when it is none. */
export function storeEvidence(image: Uint8Array): StoreEvidence | undefined {
  const store = parseVariableStore(image);
  if (!store.ok) return undefined;
  const { variables } = store.value;
  const seen = find(variables, "TCG2_DEVICE_DETECTION", TCG2_CONFIG)?.[0];
  return {
    secureBoot: secureBootState(variables),
    bootCount: new Bytes(find(variables, "MTC", COUNTER) ?? new Uint8Array()).u32(0) ?? 0,
    ...(seen === undefined ? {} : { tpmSeen: (["none", "1.2", "2.0"] as const)[seen] ?? "unknown" }),
  };
}

/** What is known about one boot of a guest. */
export interface BootObservation {
  /** The store before the guest was started (the template, for a new guest) and now, raw. */
  readonly storeBefore: Uint8Array;
  readonly storeNow: Uint8Array;
  /** {@link TPM_BUFFER} now; undefined without a TPM. */
  readonly tpmBuffer?: Uint8Array;
}

export interface BootEvidence {
  /** The firmware ran: it counted this boot in its variables. */
  readonly firmwareRan: boolean;
  /** Keys are enrolled and enforcement is on, in the store that the firmware uses at this moment. */
  readonly secureBootEnforced: boolean;
  readonly certificates: readonly string[];
  /** The TPM answered the firmware without an error in this boot. */
  readonly tpmAnswered: boolean;
  /** The firmware itself wrote down that it has found a TPM 2.0. */
  readonly tpmRecorded: boolean;
}

/** Pure; hostile bytes give `false`, never a throw. */
export function bootEvidence(seen: BootObservation): BootEvidence {
  const before = storeEvidence(seen.storeBefore), now = storeEvidence(seen.storeNow);
  const answer = seen.tpmBuffer && parseTpmAnswer(seen.tpmBuffer);
  return {
    firmwareRan: now !== undefined && now.bootCount > (before?.bootCount ?? 0),
    secureBootEnforced: now?.secureBoot.enforced ?? false,
    certificates: now?.secureBoot.db ?? [],
    tpmAnswered: answer?.responseCode === 0,
    tpmRecorded: now?.tpmSeen === "2.0",
  };
}

/** What firmware says on the serial port at the end of its search. */
export type FirmwareSaying = "starting" | "refused" | "no_bootable_device";

/**
 * What the lines of EDK2's boot device selection say (MdeModulePkg/Universal/BdsDxe). A hint only: anything in the guest can print it,
 * so it may end a wait, and prove nothing.
 */
export function firmwareSayings(serial: string): FirmwareSaying[] {
  const said: FirmwareSaying[] = [];
  for (const line of serial.split(/[\r\n]+/)) {
    if (/BdsDxe: starting Boot[0-9A-F]{4} /.test(line)) said.push("starting");
    else if (
      /BdsDxe: failed to (?:load|start) Boot[0-9A-F]{4} .*: (?:Access Denied|Security Violation)/.test(line)
    ) {
      said.push("refused");
    } else if (/BdsDxe: No bootable option or device was found/.test(line)) said.push("no_bootable_device");
  }
  return said;
}

function find(variables: readonly EfiVariable[], name: string, guid: string): Uint8Array | undefined {
  return variables.find((v) => v.name === name && v.guid === guid)?.data;
}
