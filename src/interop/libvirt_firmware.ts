/** Firmware, its variables and the TPM of a domain. */
import { parsePath } from "../core/relative_path.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { DomainContext } from "./from_libvirt.ts";
import { guestFolder, insideRoot } from "./names.ts";
import type { Bring } from "./types.ts";
import type { XmlElement } from "./xml_read.ts";

export interface FirmwareDraft {
  readonly storage: Pick<VmRecord["storage"], "ovmf_vars">;
  readonly bring: readonly Bring[];
  /** Whether the guest may begin with new variables. */
  readonly anew: boolean;
  /** Undefined where neither domain nor record said a word. */
  readonly secureBoot: boolean | undefined;
}

/** UEFI or BIOS, Secure Boot, and the guest's variables. */
export function readFirmware(context: DomainContext): FirmwareDraft {
  const { reading, kept } = context;
  const os = reading.one(reading.root, "os");
  const automatic = reading.attribute(os, "firmware");
  const loader = reading.one(os, "loader"), nvram = reading.one(os, "nvram");
  const loaderType = reading.attribute(loader, "type");
  if (loader) {
    reading.text(loader);
    reading.attribute(loader, "format");
    if (!kept) reading.remark(loader, "replaced: the firmware of this host that offers the same");
  }
  const isUefi = automatic === "efi" || loaderType === "pflash" || nvram !== undefined;
  const said = secureBootSaid(context, os, loader);
  const before = kept?.record.devices.secure_boot;
  if (!isUefi) {
    const secureBoot = kept && !before ? before : false;
    return { storage: {}, bring: [], anew: false, secureBoot };
  }
  const isSecure = said ?? (context.type === "windows");
  if (said === undefined && os) {
    const becomes = isSecure ? "assumed: on, as Windows 11 needs it" : "assumed: off";
    reading.remark(os, becomes, "no word on Secure Boot");
  }
  return {
    ...readVariables(context, os, nvram),
    secureBoot: kept && isSecure === (before ?? false) ? before : isSecure,
  };
}

/** What the domain says of Secure Boot: of its loader, or of what the loader that libvirt chooses must offer. */
function secureBootSaid(
  { reading }: DomainContext,
  os: XmlElement | undefined,
  loader: XmlElement | undefined,
): boolean | undefined {
  const secure = reading.attribute(loader, "secure");
  let said = secure === undefined ? undefined : secure === "yes";
  for (const feature of reading.all(reading.one(os, "firmware"), "feature")) {
    const name = reading.attribute(feature, "name"),
      enabled = reading.attribute(feature, "enabled") === "yes";
    if (name === "secure-boot") said = enabled;
    else if (name === "enrolled-keys") {
      if (!enabled) reading.remark(feature, "replaced: with Secure Boot the usual keys are enrolled");
    } else reading.remark(feature, "not understood: left out");
  }
  return said;
}

/** Where libvirt's system service keeps the variables of domains that name no file for them. */
const SYSTEM_VARIABLES = "/var/lib/libvirt/qemu/nvram";

function readVariables(
  { reading, options, kept, type, id, uuid }: DomainContext,
  os: XmlElement | undefined,
  nvram: XmlElement | undefined,
): Omit<FirmwareDraft, "secureBoot"> {
  const to = `${guestFolder(type, id)}/ovmf_vars.qcow2`;
  const anew = options.newVariables ?? false;
  const copied = (from: string, format: Bring["format"]) => ({
    storage: { ovmf_vars: to },
    bring: [{ as: "variables" as const, from, format, to }],
    anew,
  });
  reading.attribute(nvram, "type");
  const source = reading.one(nvram, "source");
  const text = reading.text(nvram);
  const written = reading.attribute(source, "file") ?? (text === "" ? undefined : text);
  const format = reading.attribute(nvram, "format") ?? "raw";
  if (written === undefined) {
    // By the domain's name (libvirt, src/qemu/qemu_firmware.c, qemuFirmwareEnableFeatures). What libvirt knows has a UUID.
    const name = reading.text(reading.one(reading.root, "name")) ?? "";
    if (uuid !== undefined && !name.includes("/")) {
      return copied(`${SYSTEM_VARIABLES}/${name}_VARS.fd`, "raw");
    }
    if (os) {
      reading.remark(
        os,
        "made anew: the guest's boot entries and keys are not there",
        "no file of UEFI variables",
      );
    }
    return { storage: { ovmf_vars: to }, bring: [], anew: true };
  }
  if (kept && written === kept.nvram) {
    const path = kept.record.storage.ovmf_vars;
    if (path !== undefined && kept.root === options.root && kept.record.id === id && !options.copy) {
      return { storage: { ovmf_vars: path }, bring: [], anew };
    }
    // The raw copy that is to be made for older versions of libvirt may not be there; ours is.
    if (path !== undefined) return copied(`${kept.root}/${path}`, "qcow2");
  }
  const parsed = parsePath(written);
  if (!parsed.ok || !parsed.value.absolute || (format !== "raw" && format !== "qcow2")) {
    if (nvram) {
      reading.block(nvram, "its UEFI variables can't be read: an absolute path and raw or qcow2 are wanted");
    }
    return { storage: { ovmf_vars: to }, bring: [], anew };
  }
  const from = `/${parsed.value.parts.join("/")}`;
  const inside = options.copy ? undefined : insideRoot(options.root, from);
  if (inside?.endsWith(".qcow2") && format === "qcow2") {
    return { storage: { ovmf_vars: inside }, bring: [], anew };
  }
  return copied(from, format);
}

export interface TpmDraft {
  readonly storage: Pick<VmRecord["storage"], "tpm_state">;
  readonly bring: readonly Bring[];
  /** Whether the guest may begin with a new TPM. */
  readonly anew: boolean;
  readonly tpm: VmRecord["devices"]["tpm"];
}

/** Where swtpm keeps a TPM 2.0 in the folder of its state. */
const STATE_FILE = "tpm2-00.permall";
/** Where libvirt's system service keeps the TPMs of its domains. */
const SYSTEM_STATE = "/var/lib/libvirt/swtpm";

export function readTpm(context: DomainContext): TpmDraft {
  const { reading, options, kept, type, id, uuid } = context;
  const before = kept?.record;
  const anew = options.newTpm ?? false;
  const tpm = reading.one(reading.one(reading.root, "devices"), "tpm");
  if (!tpm) {
    if (!before || before.devices.tpm?.enabled) {
      return { storage: {}, bring: [], anew: false, tpm: undefined };
    }
    const { tpm_state } = before.storage;
    return {
      storage: tpm_state === undefined || id !== before.id ? {} : { tpm_state },
      bring: [],
      anew: false,
      tpm: before.devices.tpm,
    };
  }
  const to = `${guestFolder(type, id)}/tpm`;
  const own = before?.storage.tpm_state;
  const place = placeOfState(context, tpm);
  if (
    before?.devices.tpm?.enabled && own !== undefined && options.tpmState === undefined && place === undefined
  ) {
    const stays = kept?.root === options.root && before.id === id && !options.copy;
    if (stays) return { storage: { tpm_state: own }, bring: [], anew, tpm: before.devices.tpm };
    const from = `${kept?.root}/${own}/${STATE_FILE}`;
    return { storage: { tpm_state: to }, bring: [tpmFile(from, to)], anew, tpm: before.devices.tpm };
  }
  const folder = options.tpmState ?? place ?? (uuid && `${SYSTEM_STATE}/${uuid}/tpm2`);
  const isNew = place === null || folder === undefined;
  if (place === undefined && folder === undefined) {
    reading.remark(tpm, "made anew: a new and empty TPM", "no word on its state, and no UUID to find it by");
  }
  return {
    storage: { tpm_state: to },
    bring: isNew ? [] : [tpmFile(`${folder}/${STATE_FILE}`, to)],
    anew: anew || isNew,
    tpm: { enabled: true },
  };
}

/**
 * The folder that a domain names for its TPM's state; undefined where it names none. Null for a state that can't come over, which
 * stands in the way unless a new TPM is wanted.
 */
function placeOfState({ reading, options }: DomainContext, tpm: XmlElement): string | null | undefined {
  const backend = reading.one(tpm, "backend");
  const type = reading.attribute(backend, "type") ?? "emulator";
  const version = reading.attribute(backend, "version") ?? "2.0";
  const source = reading.one(backend, "source");
  const sourceType = reading.attribute(source, "type"),
    path = parsePath(reading.attribute(source, "path") ?? "");
  if (!backend || options.tpmState !== undefined) return undefined;
  const isEncrypted = backend.children.some(({ name }) => name === "encryption");
  const why = type !== "emulator"
    ? "it is a TPM of the host's"
    : version !== "2.0"
    ? `it is a TPM ${version}`
    : isEncrypted
    ? "its state is encrypted"
    : source && (sourceType !== "dir" || !path.ok || !path.value.absolute)
    ? "its state lies in no folder with an absolute path"
    : undefined;
  if (why === undefined) return path.ok && source ? `/${path.value.parts.join("/")}` : undefined;
  reading.whole(backend);
  if (options.newTpm) {
    reading.remark(
      backend,
      `replaced: a new and empty TPM 2.0, for ${why}; what that one sealed can't be opened`,
    );
  } else reading.block(backend, `${why} and can't come over; --new-tpm gives the guest a new and empty one`);
  return null;
}

function tpmFile(from: string, folder: string): Bring {
  return { as: "tpm", from, format: "raw", to: `${folder}/${STATE_FILE}` };
}
