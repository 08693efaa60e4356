/** virtio-win: the drivers for Windows guests, as Fedora and Red Hat publish them. */
import { sanitizeLine } from "../core/sanitize.ts";
import { damageOf, type RandomAccess } from "./access.ts";
import { latin1 } from "./fields.ts";
import {
  type DiscFacts,
  type DriverReport,
  type Found,
  type MediumWarning,
  type VirtioMedium,
  warning,
} from "./report.ts";
import { find, type Tree } from "./tree.ts";

interface Driver {
  /** Directory at the top of the medium. */
  readonly name: string;
  /** Name of its files. */
  readonly files: string;
  readonly purpose: string;
  /** Setup finds no disk, or the guest has no network, without it. */
  readonly needed: boolean;
}

/** https://github.com/virtio-win/virtio-win-pkg-scripts/blob/master/README.md, layout of the ISO. */
const DRIVERS: readonly Driver[] = [
  { name: "viostor", files: "viostor", purpose: "disks (virtio-blk)", needed: true },
  { name: "vioscsi", files: "vioscsi", purpose: "disks (virtio-scsi)", needed: true },
  { name: "NetKVM", files: "netkvm", purpose: "network", needed: true },
  { name: "vioserial", files: "vioser", purpose: "guest agent's port", needed: true },
  { name: "Balloon", files: "balloon", purpose: "memory", needed: false },
  { name: "viorng", files: "viorng", purpose: "random numbers", needed: false },
  { name: "vioinput", files: "vioinput", purpose: "keyboard and pointer", needed: false },
  { name: "viofs", files: "viofs", purpose: "shared folders", needed: false },
  { name: "pvpanic", files: "pvpanic", purpose: "telling of a crash", needed: false },
  { name: "viogpudo", files: "viogpudo", purpose: "display", needed: false },
];

export const CHECKED =
  "for each driver of Windows 11 on amd64: .inf, .sys and .cat are there and not empty, and the .cat is a PKCS #7 signed " +
  "message that covers something; its signature and the hashes in it were not verified";

const MAX_INF = 256 * 1024, MAX_CAT = 256 * 1024, MAX_INFO = 1024 * 1024;
const MICROSOFT = "Microsoft Windows Hardware Compatibility Publisher";

/** What the medium is as virtio-win; undefined when it is none. */
export async function inspectVirtio(tree: Tree, disc: DiscFacts): Promise<Found<VirtioMedium> | undefined> {
  const named = /^virtio-win/i.test(disc.label);
  if (!named && !await find(tree, "viostor") && !await find(tree, "amd64/w11/viostor.inf")) return undefined;
  const drivers: DriverReport[] = [];
  const missing: Driver[] = [];
  for (const driver of DRIVERS) {
    const report = await inspectDriver(tree, driver);
    if (report) drivers.push(report);
    if (driver.needed && (!report || report.missing.length > 0)) missing.push(driver);
  }
  const version = versionOf(disc.label) ?? await versionInFiles(tree);
  const has = async (path: string) => await find(tree, path) !== undefined;
  return {
    kind: "virtio-win",
    title: `drivers for Windows guests, virtio-win${version === undefined ? "" : ` ${version}`}`,
    disc,
    version,
    drivers,
    guest_agent: await has("guest-agent/qemu-ga-x86_64.msi"),
    guest_tools: await has("virtio-win-guest-tools.exe"),
    checked: CHECKED,
    problems: [],
    warnings: judge(drivers, missing, version),
  };
}

function judge(
  drivers: readonly DriverReport[],
  missing: readonly Driver[],
  version: string | undefined,
): MediumWarning[] {
  const warnings: MediumWarning[] = [];
  if (missing.length > 0) {
    const names = missing.map((one) => `${one.name} (${one.purpose})`).join(", ");
    warnings.push(warning(
      "drivers_missing",
      `drivers for Windows 11 on amd64 are missing or not whole: ${names}`,
      "the stable virtio-win.iso has them: https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/stable-virtio/",
    ));
  }
  const unsigned = drivers.filter((one) => one.catalog !== "signed").map((one) => one.name);
  if (unsigned.length > 0) {
    warnings.push(warning(
      "drivers_unsigned",
      `no signed catalogue, so Windows 11 with Secure Boot refuses them: ${unsigned.join(", ")}`,
    ));
  }
  if (version === undefined) warnings.push(warning("version_unknown", "it does not say which version it is"));
  return warnings;
}

/** `virtio-win-0.1.266` */
function versionOf(text: string): string | undefined {
  return /virtio-win[-_ ]v?(\d+(?:\.\d+){1,3}(?:-\d+)?)/i.exec(text)?.[1];
}

/** From `data/info.json` or the licence, where the label is silent. */
async function versionInFiles(tree: Tree): Promise<string | undefined> {
  for (const path of ["data/info.json", "virtio-win_license.txt"]) {
    const text = await textOf(tree, path, MAX_INFO);
    const version = text === undefined ? undefined : versionOf(text);
    if (version !== undefined) return version;
  }
  return undefined;
}

async function inspectDriver(tree: Tree, driver: Driver): Promise<DriverReport | undefined> {
  const folder = `${driver.name}/w11/amd64`, flat = "amd64/w11";
  const path = await find(tree, folder)
    ? folder
    : await find(tree, `${flat}/${driver.files}.inf`)
    ? flat
    : undefined;
  if (path === undefined) return undefined;
  const missing: string[] = [];
  for (const end of ["inf", "sys", "cat"]) {
    const name = `${driver.files}.${end}`;
    const entry = await find(tree, `${path}/${name}`);
    if (!entry || entry.directory || (await opened(() => entry.open()))?.size === 0) missing.push(name);
  }
  const inf = await textOf(tree, `${path}/${driver.files}.inf`, MAX_INF);
  const version = inf === undefined ? undefined : driverVersion(inf);
  const catalog = await startOf(tree, `${path}/${driver.files}.cat`, MAX_CAT);
  return {
    name: driver.name,
    purpose: driver.purpose,
    path,
    ...(version === undefined ? {} : { version }),
    catalog: catalog === undefined ? "missing" : isSignedMessage(catalog) ? "signed" : "not_signed",
    names_microsoft: catalog !== undefined && latin1(catalog).includes(MICROSOFT),
    missing,
  };
}

/** `DriverVer = 07/29/2024,100.95.104.26200` */
export function driverVersion(inf: string): string | undefined {
  const found = /^[ \t]*DriverVer[ \t]*=[^,\r\n]*,[ \t]*([\d.]{1,40})/im.exec(inf)?.[1];
  return found === undefined ? undefined : sanitizeLine(found, 40);
}

/** DER of a ContentInfo with the type signedData, 1.2.840.113549.1.7.2. RFC 2315, 7 and 14 */
export function isSignedMessage(bytes: Uint8Array): boolean {
  const type = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
  const lengthBytes = bytes[1] === undefined ? 0 : bytes[1] < 0x80 ? 1 : 1 + (bytes[1] & 0x7f);
  const at = 1 + lengthBytes;
  return bytes[0] === 0x30 && lengthBytes <= 5 && type.every((byte, n) => bytes[at + n] === byte);
}

async function textOf(tree: Tree, path: string, most: number): Promise<string | undefined> {
  const bytes = await startOf(tree, path, most);
  if (!bytes) return undefined;
  // .inf files are ASCII, or UTF-16 with a byte order mark.
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8").decode(bytes);
}

/** The first `most` bytes of a file; undefined when it is not there, empty or can't be read. */
async function startOf(tree: Tree, path: string, most: number): Promise<Uint8Array | undefined> {
  const entry = await find(tree, path);
  if (!entry || entry.directory) return undefined;
  const file = await opened(() => entry.open());
  const bytes = file && await opened(() => file.read(0, Math.min(file.size, most)));
  return bytes && bytes.length > 0 ? bytes : undefined;
}

/** What `open` gives, or undefined where the medium is damaged at that place. */
async function opened<T extends RandomAccess | Uint8Array>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    damageOf(error);
    return undefined;
  }
}
