/** Texts of the host, read. Pure; what is not there or malformed is undefined or empty, never a throw. */

/** Flags of the first processor. /proc/cpuinfo */
export function cpuFlags(cpuinfo: string): readonly string[] {
  return (/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "").split(/\s+/).filter((flag) => flag !== "");
}

export function cpuModel(cpuinfo: string): string {
  return (/^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "").trim();
}

/** `SwapTotal` of /proc/meminfo in MiB, rounded down. */
export function swapMib(meminfo: string): number | undefined {
  const match = /^SwapTotal:\s+(\d+) kB$/m.exec(meminfo);
  return match ? Math.floor(Number(match[1]) / 1024) : undefined;
}

/** Groups that the reader of its own /proc/self/status is in, as numbers, its own group included. */
export function ownGroupIds(status: string): readonly number[] {
  const numbers = (key: string) =>
    (new RegExp(`^${key}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "").split(/\s+/).filter((id) =>
      /^\d+$/.test(id)
    )
      .map(Number);
  return [...new Set([...numbers("Gid"), ...numbers("Groups")])];
}

export interface GroupEntry {
  readonly gid: number;
  readonly members: readonly string[];
}

/** A line of group(5). */
export function groupEntry(groups: string, name: string): GroupEntry | undefined {
  for (const line of groups.split("\n")) {
    const [entry, , gid, members = ""] = line.split(":");
    if (entry === name && gid !== undefined && /^\d+$/.test(gid)) {
      return { gid: Number(gid), members: members.split(",").filter((member) => member !== "") };
    }
  }
  return undefined;
}

/** The name of a group by its number. group(5) */
export function groupName(groups: string, gid: number): string | undefined {
  const name = groups.split("\n").map((line) => line.split(":")).find(([, , id]) => id === String(gid))?.[0];
  return name !== undefined && /^[a-z_][a-z0-9_.-]*$/i.test(name) ? name : undefined;
}

/** The login name of a user. passwd(5) */
export function loginName(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split("\n")) {
    const [name, , id] = line.split(":");
    if (name && id === String(uid) && /^[a-z_][a-z0-9_.-]*\$?$/i.test(name)) return name;
  }
  return undefined;
}

/** Lines `Name: value` as virsh prints them. */
export function virshFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([^:]+):\s+(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1].trim(), match[2].trim());
  }
  return fields;
}

/** What libvirt says that its guests can have (formatdomaincaps). */
export interface DomainCapabilities {
  /** Values of the loader's enumeration `secure`. */
  readonly secureLoader: readonly string[];
  readonly tpmSupported: boolean;
  readonly tpmBackends: readonly string[];
  /** Empty with a libvirt that does not tell (before 8.6). */
  readonly tpmVersions: readonly string[];
  readonly tpmModels: readonly string[];
}

/** From the answer of `virsh domcapabilities`; undefined when it is none. */
export function domainCapabilities(xml: string): DomainCapabilities | undefined {
  if (!xml.includes("<domainCapabilities>")) return undefined;
  const loader = elementOf(xml, "loader"), tpm = elementOf(xml, "tpm");
  return {
    secureLoader: valuesOf(loader, "secure"),
    tpmSupported: /^<tpm\s+supported='yes'/.test(tpm),
    tpmBackends: valuesOf(tpm, "backendModel"),
    tpmVersions: valuesOf(tpm, "backendVersion"),
    tpmModels: valuesOf(tpm, "model"),
  };
}

/** The first element of this name, as text. libvirt writes this document itself, with one spelling. */
function elementOf(xml: string, name: string): string {
  const start = xml.search(new RegExp(`<${name}[\\s>]`));
  if (start < 0) return "";
  const end = xml.indexOf(`</${name}>`, start);
  return end < 0 ? xml.slice(start, xml.indexOf(">", start) + 1) : xml.slice(start, end);
}

function valuesOf(element: string, name: string): string[] {
  const start = element.indexOf(`<enum name='${name}'>`);
  if (start < 0) return [];
  const end = element.indexOf("</enum>", start);
  return [...element.slice(start, end < 0 ? undefined : end).matchAll(/<value>([^<]*)<\/value>/g)]
    .map((match) => match[1] ?? "");
}

/** The path of a data root that a command line of one of its processes shows (`.../run/g/ID/...`). */
export function rootsNamedIn(commandLine: string): string[] {
  return [
    ...new Set([...commandLine.matchAll(/(?<=[\s=,:])(\/[^\s,]*?)\/run\/g\//g)].map((m) => m[1] ?? "")),
  ];
}

/** The hash in a checksum file for a file of this name: `HASH  NAME`, `SHA256 (NAME) = HASH`, or a hash alone. */
export function checksumIn(text: string, fileName: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const gnu = /^\\?([0-9a-f]{64}) [ *](.+)$/i.exec(line);
    if (gnu?.[1] && gnu[2]?.split("/").at(-1) === fileName) return gnu[1].toLowerCase();
    const bsd = /^SHA256 \((.+)\) = ([0-9a-f]{64})$/i.exec(line);
    if (bsd?.[2] && bsd[1]?.split("/").at(-1) === fileName) return bsd[2].toLowerCase();
  }
  const alone = /^\s*([0-9a-f]{64})\s*$/i.exec(text);
  return alone?.[1]?.toLowerCase();
}
