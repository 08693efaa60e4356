/**
 * Choice of UEFI firmware from QEMU's firmware descriptors (QEMU docs/interop/firmware.json): the documents that distributions
 * install beside their firmware to say what each file is. Nothing is ever guessed from a file's name.
 */
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isObject } from "../core/json.ts";
import type { ImageFormat } from "./plan_types.ts";

export interface FlashFile {
  readonly path: string;
  readonly format: ImageFormat;
}

/** A descriptor as it was found. */
export interface FirmwareDescriptor {
  /** File that it was read from. */
  readonly file: string;
  /** The parsed JSON; undefined when it isn't JSON, with the reason in `unreadable`. */
  readonly document: unknown;
  readonly unreadable?: string;
  /** Files that the document names and that are not there. */
  readonly absent: readonly string[];
}

export interface FirmwareWants {
  readonly architecture: "x86_64";
  /** Versioned machine type, for example `pc-q35-7.2`. */
  readonly machine: string;
  /** Secure Boot with a variable store that only SMM can write. */
  readonly secureBoot: boolean;
  /** Keys of the usual authorities already enrolled. Only meaningful with Secure Boot. */
  readonly enrolledKeys: boolean;
  /** Whether the accelerator offers system management mode. */
  readonly smm: boolean;
}

export interface FirmwareChoice {
  readonly description: string;
  readonly descriptor: string;
  readonly code: FlashFile;
  /** Copied for each new guest. */
  readonly varsTemplate: FlashFile;
  readonly requiresSmm: boolean;
  readonly secureBoot: boolean;
  readonly enrolledKeys: boolean;
}

/** The paths that a descriptor's document names (code and variable template), for the reader to look for. */
export function filesNamedBy(document: unknown): string[] {
  const mapping = member(document, "mapping");
  return ["executable", "nvram-template"]
    .map((key) => member(member(mapping, key), "filename"))
    .filter((path) => typeof path === "string");
}

/**
 * The first descriptor, in the given order, that offers what is wanted. Otherwise a problem of code `missing` that says why
 * each candidate fell out.
 */
export function chooseFirmware(
  descriptors: readonly FirmwareDescriptor[],
  wants: FirmwareWants,
): Result<FirmwareChoice, Problem> {
  const rejected: { file: string; why: string }[] = [];
  for (const descriptor of descriptors) {
    const outcome = judge(descriptor, wants);
    if (outcome.ok) return outcome;
    rejected.push({ file: descriptor.file, why: outcome.error });
  }
  const kind = !wants.secureBoot
    ? "without Secure Boot"
    : `with Secure Boot ${wants.enrolledKeys ? "and enrolled keys" : "and no keys enrolled"}`;
  return err({
    code: "missing",
    message: `no UEFI firmware ${kind} for ${wants.machine} (${wants.architecture}) on this host` +
      (descriptors.length === 0 ? ": there are no firmware descriptors" : ""),
    hint: wants.secureBoot && !wants.smm
      ? "Secure Boot needs system management mode, which this host's KVM does not offer"
      : "install the package ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, Arch) or qemu-ovmf-x86_64 (openSUSE)",
    problems: rejected.map(({ file, why }) => ({ code: "missing", message: `${file}: ${why}`, path: file })),
  });
}

function judge(descriptor: FirmwareDescriptor, wants: FirmwareWants): Result<FirmwareChoice, string> {
  const { document, file } = descriptor;
  if (descriptor.unreadable !== undefined) return err(descriptor.unreadable);
  if (!isObject(document)) return err("is not a JSON object");
  if (!strings(document["interface-types"]).includes("uefi")) return err("is not UEFI firmware");
  if (!targets(document, wants)) return err(`is not for ${wants.machine} (${wants.architecture})`);
  const flash = flashFiles(document["mapping"]);
  if (!flash.ok) return flash;
  const features = strings(document["features"]);
  const unfit = unfitFeatures(features, wants);
  if (unfit !== undefined) return err(unfit);
  if (descriptor.absent.length > 0) {
    return err(`names files that are not there: ${descriptor.absent.join(", ")}`);
  }
  const description = document["description"];
  return ok({
    description: typeof description === "string" ? description : file,
    descriptor: file,
    ...flash.value,
    requiresSmm: features.includes("requires-smm"),
    secureBoot: features.includes("secure-boot"),
    enrolledKeys: features.includes("enrolled-keys"),
  });
}

function targets(document: Record<string, unknown>, wants: FirmwareWants): boolean {
  const list = document["targets"];
  return Array.isArray(list) &&
    list.some((target: unknown) =>
      member(target, "architecture") === wants.architecture &&
      strings(member(target, "machines")).some((glob) => globMatches(glob, wants.machine))
    );
}

function flashFiles(mapping: unknown): Result<{ code: FlashFile; varsTemplate: FlashFile }, string> {
  const device = member(mapping, "device");
  if (device !== "flash") return err(`is mapped as ${JSON.stringify(device)}, not as flash`);
  // "split" is the default; "combined" would put code where the guest writes, "stateless" has no variables.
  const mode = member(mapping, "mode") ?? "split";
  if (mode !== "split") return err(`is of flash mode ${JSON.stringify(mode)}, not "split"`);
  const code = flashFile(member(mapping, "executable"));
  const varsTemplate = flashFile(member(mapping, "nvram-template"));
  if (!code || !varsTemplate) return err("does not name code and variable template in format raw or qcow2");
  return ok({ code, varsTemplate });
}

function flashFile(value: unknown): FlashFile | undefined {
  const path = member(value, "filename"), format = member(value, "format");
  return typeof path === "string" && path.startsWith("/") && (format === "raw" || format === "qcow2")
    ? { path, format }
    : undefined;
}

function unfitFeatures(features: readonly string[], wants: FirmwareWants): string | undefined {
  const smm = features.includes("requires-smm");
  if (!wants.secureBoot) {
    // A guest without Secure Boot is run without SMM, where such firmware doesn't start.
    if (smm) return "needs system management mode, which is on only with Secure Boot";
    return features.includes("enrolled-keys") ? "has Secure Boot turned on" : undefined;
  }
  if (!features.includes("secure-boot")) return "does not offer Secure Boot";
  // Without SMM a guest's kernel could rewrite the variables that Secure Boot rests on.
  if (!smm) return "does not protect its variables by system management mode";
  if (!wants.smm) return "needs system management mode, which this host does not offer";
  const enrolled = features.includes("enrolled-keys");
  if (wants.enrolledKeys && !enrolled) return "has no keys enrolled";
  return !wants.enrolledKeys && enrolled ? "has keys enrolled" : undefined;
}

/** Whether a glob of a descriptor (`*`, `?`, `[...]`) matches the whole machine name. */
export function globMatches(glob: string, name: string): boolean {
  const pattern = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 1) {
      const inside = part.slice(1, -1).replace(/[\\\]^]/g, "\\$&");
      return inside.startsWith("!") ? `[^${inside.slice(1)}]` : `[${inside}]`;
    }
    return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  try {
    return new RegExp(`^${pattern}$`, "s").test(name);
  } catch {
    return false; // a malformed range matches nothing
  }
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
