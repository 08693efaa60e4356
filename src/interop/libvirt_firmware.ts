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
    return { storage: {}, bring: [], secureBoot };
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

function readVariables(
  { reading, options, kept, type, id }: DomainContext,
  os: XmlElement | undefined,
  nvram: XmlElement | undefined,
): Pick<FirmwareDraft, "storage" | "bring"> {
  const to = `${guestFolder(type, id)}/ovmf_vars.qcow2`;
  const anew = { storage: { ovmf_vars: to }, bring: [] };
  reading.attribute(nvram, "type");
  const source = reading.one(nvram, "source");
  const text = reading.text(nvram);
  const written = reading.attribute(source, "file") ?? (text === "" ? undefined : text);
  const format = reading.attribute(nvram, "format") ?? "raw";
  if (written === undefined) {
    if (os) {
      reading.remark(
        os,
        "made anew: the guest's boot entries and keys are not there",
        "no file of UEFI variables",
      );
    }
    return anew;
  }
  if (kept && written === kept.nvram) {
    const path = kept.record.storage.ovmf_vars;
    if (path !== undefined && kept.root === options.root && kept.record.id === id && !options.copy) {
      return { storage: { ovmf_vars: path }, bring: [] };
    }
    // The raw copy that is to be made for older versions of libvirt may not be there; ours is.
    const own = path === undefined ? undefined : `${kept.root}/${path}`;
    if (own !== undefined) {
      return {
        storage: { ovmf_vars: to },
        bring: [{ as: "variables", from: own, format: "qcow2", to, optional: true }],
      };
    }
  }
  const parsed = parsePath(written);
  if (!parsed.ok || !parsed.value.absolute || (format !== "raw" && format !== "qcow2")) {
    if (nvram) {
      reading.block(nvram, "its UEFI variables can't be read: an absolute path and raw or qcow2 are wanted");
    }
    return anew;
  }
  const from = `/${parsed.value.parts.join("/")}`;
  const inside = options.copy ? undefined : insideRoot(options.root, from);
  if (inside?.endsWith(".qcow2") && format === "qcow2") return { storage: { ovmf_vars: inside }, bring: [] };
  return { storage: { ovmf_vars: to }, bring: [{ as: "variables", from, format, to, optional: true }] };
}

export interface TpmDraft {
  readonly storage: Pick<VmRecord["storage"], "tpm_state">;
  readonly bring: readonly Bring[];
  readonly tpm: VmRecord["devices"]["tpm"];
}

/** Where swtpm keeps a TPM 2.0 in the folder of its state. */
const STATE_FILE = "tpm2-00.permall";
/** Where libvirt's system service keeps the TPMs of its domains. */
const SYSTEM_STATE = "/var/lib/libvirt/swtpm";

export function readTpm(context: DomainContext): TpmDraft {
  const { reading, options, kept, type, id, uuid } = context;
  const before = kept?.record;
  const tpm = reading.one(reading.one(reading.root, "devices"), "tpm");
  if (!tpm) {
    if (!before || before.devices.tpm?.enabled) return { storage: {}, bring: [], tpm: undefined };
    const { tpm_state } = before.storage;
    return {
      storage: tpm_state === undefined || id !== before.id ? {} : { tpm_state },
      bring: [],
      tpm: before.devices.tpm,
    };
  }
  const backend = reading.one(tpm, "backend");
  const backendType = reading.attribute(backend, "type") ?? "emulator";
  const version = reading.attribute(backend, "version") ?? "2.0";
  const enabled = { enabled: true };
  const to = `${guestFolder(type, id)}/tpm`;
  if (backend && (backendType !== "emulator" || version !== "2.0")) {
    reading.remark(
      backend,
      "replaced: an emulated TPM 2.0, empty; what the old one sealed can't be opened by it",
    );
    return { storage: { tpm_state: to }, bring: [], tpm: enabled };
  }
  if (backend?.children.some(({ name }) => name === "encryption") && options.tpmState === undefined) {
    reading.whole(backend);
    reading.remark(
      backend,
      "replaced: an empty TPM, for its state is encrypted; what it sealed can't be opened by the new one",
    );
    return { storage: { tpm_state: to }, bring: [], tpm: enabled };
  }
  const own = before?.storage.tpm_state;
  if (before?.devices.tpm?.enabled && own !== undefined && options.tpmState === undefined) {
    const stays = kept?.root === options.root && before.id === id && !options.copy;
    if (stays) return { storage: { tpm_state: own }, bring: [], tpm: before.devices.tpm };
    const from = `${kept?.root}/${own}/${STATE_FILE}`;
    return { storage: { tpm_state: to }, bring: [tpmFile(from, to, true)], tpm: before.devices.tpm };
  }
  const folder = options.tpmState ?? (uuid === undefined ? undefined : `${SYSTEM_STATE}/${uuid}/tpm2`);
  const bring = folder === undefined
    ? []
    : [tpmFile(`${folder}/${STATE_FILE}`, to, options.tpmState === undefined)];
  return { storage: { tpm_state: to }, bring, tpm: enabled };
}

function tpmFile(from: string, folder: string, optional: boolean): Bring {
  return { as: "tpm", from, format: "raw", to: `${folder}/${STATE_FILE}`, optional };
}
