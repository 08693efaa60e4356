/**
 * The UEFI variables in an image of an EDK2 variable store (the raw form of `OVMF_VARS*.fd`), read without running
 * firmware. The image may have been written by a hostile guest: nothing here throws, sizes are bounded by the input.
 *
 * Layout after EDK2: MdePkg/Include/Pi/PiFirmwareVolume.h (volume header),
 * MdeModulePkg/Include/Guid/VariableFormat.h (store and variable headers, state bits).
 */
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { Bytes } from "./bytes.ts";

export interface EfiVariable {
  readonly name: string;
  /** Vendor GUID, lower case. */
  readonly guid: string;
  /** EFI_VARIABLE_NON_VOLATILE 1, BOOTSERVICE_ACCESS 2, RUNTIME_ACCESS 4, TIME_BASED_AUTHENTICATED 0x20. */
  readonly attributes: number;
  readonly data: Uint8Array;
}

export interface VariableStore {
  /** Live variables in the order of the store; of several versions of one, only the one that counts. */
  readonly variables: readonly EfiVariable[];
  /** Bytes of the store that hold variables, dead ones included. */
  readonly usedBytes: number;
  readonly sizeBytes: number;
}

/** Largest image that is looked at; OVMF's own are 128 KiB and 528 KiB. */
export const MAX_STORE_BYTES = 16 * 1024 * 1024;

const NV_DATA_VOLUME = "fff12b8d-7696-4c8b-a985-2747075b4f50";
const AUTHENTICATED_STORE = "aaf32c78-947b-439a-a180-2e144ec37792";
const PLAIN_STORE = "ddcf3616-3275-4164-98b6-fe85707ffe7d";
const FORMATTED = 0x5a, HEALTHY = 0xfe;
const VARIABLE_START = 0x55aa;
/** Flash bits only go from 1 to 0, so states are made by clearing bits. */
const ADDED = 0x3f, ADDED_BEING_DELETED = 0x3e;
const STORE_HEADER = 28;
/** Offsets of the fields that follow the attributes in a variable header. */
const AUTHENTICATED = { name: 36, data: 40, guid: 44, length: 60 } as const;
const PLAIN = { name: 8, data: 12, guid: 16, length: 32 } as const;

/** Reads a raw image. A problem of code `io` says what is wrong with it. */
export function parseVariableStore(image: Uint8Array): Result<VariableStore, Problem> {
  const bad = (why: string) => err<Problem>({ code: "io", message: `not a UEFI variable store: ${why}` });
  if (image.length > MAX_STORE_BYTES) {
    return bad(`it is ${image.length} bytes long, more than ${MAX_STORE_BYTES}`);
  }
  const bytes = new Bytes(image);
  if (bytes.u32(40) !== 0x4856465f) return bad("the firmware volume signature _FVH is missing at byte 40");
  const volume = bytes.guid(16);
  if (volume !== NV_DATA_VOLUME) {
    return bad(`the firmware volume is of type ${volume}, not ${NV_DATA_VOLUME}`);
  }
  const at = bytes.u16(48) ?? 0;
  const type = bytes.guid(at);
  if (type !== AUTHENTICATED_STORE && type !== PLAIN_STORE) {
    return bad(`the store at byte ${at} is of unknown type ${type}`);
  }
  const size = bytes.u32(at + 16) ?? 0;
  const store = size >= STORE_HEADER ? bytes.slice(at, size) : undefined;
  if (!store) return bad(`the store at byte ${at} claims ${size} bytes of an image of ${image.length}`);
  if (bytes.u8(at + 20) !== FORMATTED || bytes.u8(at + 21) !== HEALTHY) {
    return bad("the store is not formatted or not healthy");
  }
  return ok(readVariables(new Bytes(store), type === AUTHENTICATED_STORE ? AUTHENTICATED : PLAIN));
}

function readVariables(store: Bytes, layout: typeof AUTHENTICATED | typeof PLAIN): VariableStore {
  const live = new Map<string, { variable: EfiVariable; state: number }>();
  let at = STORE_HEADER;
  while (store.u16(at) === VARIABLE_START) {
    const nameSize = store.u32(at + layout.name) ?? 0;
    const dataSize = store.u32(at + layout.data) ?? 0;
    const name = store.slice(at + layout.length, nameSize);
    const data = store.slice(at + layout.length + nameSize, dataSize);
    const guid = store.guid(at + layout.guid);
    // A header that points outside the store ends the list, as it does for the firmware.
    if (!name || !data || guid === undefined) break;
    const state = store.u8(at + 2) ?? 0;
    if (state === ADDED || state === ADDED_BEING_DELETED) {
      const variable = { name: ucs2(name), guid, attributes: store.u32(at + 4) ?? 0, data };
      const key = `${guid}/${variable.name}`;
      // While an update is under way both versions are there: the one being deleted counts only without the other.
      if (state === ADDED || !live.has(key)) live.set(key, { variable, state });
    }
    at = (at + layout.length + nameSize + dataSize + 3) & ~3;
  }
  return {
    variables: [...live.values()].map((entry) => entry.variable),
    usedBytes: Math.min(at, store.length),
    sizeBytes: store.length,
  };
}

/** A name in UCS-2 up to its final NUL. */
function ucs2(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-16le").decode(bytes);
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
