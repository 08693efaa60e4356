/** Entries of a network profile's allow-list, parsed into data. Numbers and addresses alone: nothing is resolved here. */
import { err, ok, type Result } from "../src/core/result.ts";
import type { NetworkProfile } from "./model.ts";

export type Protocol = "tcp" | "udp";
/** Both ends included; 1 to 65535. */
export interface Ports {
  readonly from: number;
  readonly to: number;
}

export type AllowEntry =
  & { readonly text: string; readonly ports: Ports; readonly protocol: Protocol }
  & (
    /** `wildcard`: every name that ends in `.name`, but not `name` itself. Names are lower case without a final dot. */
    | { readonly kind: "host"; readonly name: string; readonly wildcard: boolean }
    /** `bytes` of the network address: 4 (IPv4) or 16 (IPv6). */
    | { readonly kind: "cidr"; readonly bytes: readonly number[]; readonly prefix: number }
  );

export interface EntryFault {
  readonly why: string;
  readonly hint?: string;
}

/** Always there, whatever the file says; a file may restate all but `off`. */
export const BUILTIN_NETWORK_PROFILES: Readonly<
  Record<"off" | "restricted" | "unrestricted", NetworkProfile>
> = {
  off: { egress: "none", allow: [], dns: "none", private_ranges: false, inbound: false },
  restricted: { egress: "allowlist", allow: [], dns: "none", private_ranges: false, inbound: false },
  unrestricted: { egress: "any", allow: [], dns: "any", private_ranges: false, inbound: false },
};

/** Whether a NAT that reaches the internet, and neither the host nor any private range, enforces the whole profile. */
export function isPlainNat({ egress, dns, private_ranges, inbound }: NetworkProfile): boolean {
  return egress === "any" && dns === "any" && !private_ranges && !inbound;
}

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** Reads one entry: `host:port/proto`, `*.host:...`, `192.0.2.0/24:...`, `[2001:db8::/32]:...`; a port may be a range `8000-8080`. */
export function parseAllowEntry(text: string): Result<AllowEntry, EntryFault> {
  if (text.length > 320) return err({ why: "it is too long" });
  const tail = /^(.*):([^:/\]]*)\/([^:/]*)$/.exec(text);
  if (!tail) {
    return err({
      why: "it has no port and protocol at its end",
      hint: `write "${text.slice(0, 80)}:443/tcp"`,
    });
  }
  const [, place = "", portText = "", protocol = ""] = tail;
  if (protocol !== "tcp" && protocol !== "udp") {
    return err({ why: `the protocol "${protocol.slice(0, 20)}" is not tcp or udp` });
  }
  const ports = parsePorts(portText);
  if (ports === undefined) {
    return err({ why: `"${portText.slice(0, 20)}" is not a port from 1 to 65535, nor a range of them` });
  }
  const rest = { text, ports, protocol } as const;
  if (place.startsWith("[") || /^[\d.]+(\/.*)?$/.test(place)) {
    const cidr = parseCidr(place);
    return cidr.ok ? ok({ ...rest, kind: "cidr", ...cidr.value }) : cidr;
  }
  if (place.includes(":")) {
    return err({
      why: "an IPv6 address stands in brackets",
      hint: `write "[${place}]:${portText}/${protocol}"`,
    });
  }
  const host = parseHost(place);
  return host.ok ? ok({ ...rest, kind: "host", ...host.value }) : host;
}

function parsePorts(text: string): Ports | undefined {
  const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]), to = Number(match[2] ?? match[1]);
  return from <= to && to <= 65535 ? { from, to } : undefined;
}

function parseHost(text: string): Result<{ name: string; wildcard: boolean }, EntryFault> {
  const wildcard = text.startsWith("*.");
  const name = (wildcard ? text.slice(2) : text).toLowerCase();
  const labels = name.split(".");
  if (name.includes("*")) {
    return err({ why: "a '*' may stand only as the whole first label", hint: 'write "*.example.net"' });
  }
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) {
    const wide = /[^\x20-\x7e]/.test(name) ? "write an international name in its xn-- form" : undefined;
    return err({ why: "it is not a host name", ...(wide === undefined ? {} : { hint: wide }) });
  }
  if (/^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? "")) {
    return err({ why: "a host name can't end in a number" });
  }
  if (wildcard && labels.length < 2) {
    return err({ why: "a wildcard over a whole top-level domain is too wide" });
  }
  return ok({ name, wildcard });
}

function parseCidr(text: string): Result<{ bytes: readonly number[]; prefix: number }, EntryFault> {
  const inner = text.startsWith("[") ? (text.endsWith("]") ? text.slice(1, -1) : undefined) : text;
  const match = /^([0-9a-fA-F.:]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(inner ?? "");
  const address = match?.[1] ?? "";
  const bytes = text.startsWith("[") ? parseIpv6(address) : parseIpv4(address);
  if (!match || bytes === undefined) return err({ why: "it is not an IP network" });
  const bits = bytes.length * 8;
  const prefix = match[2] === undefined ? bits : Number(match[2]);
  if (prefix > bits) return err({ why: `the prefix length ${prefix} is above ${bits}` });
  if (prefix === 0) {
    return err({ why: "a prefix length of 0 is everything", hint: 'say so with egress = "any"' });
  }
  const network = masked(bytes, prefix);
  if (network.some((byte, i) => byte !== bytes[i])) {
    return err({
      why: "it has bits set after its prefix",
      hint: `did you mean ${formatAddress(network)}/${prefix}?`,
    });
  }
  return ok({ bytes, prefix });
}

/** The four bytes of a dotted-decimal address without leading zeros, or undefined. */
export function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** The sixteen bytes of an IPv6 address (RFC 4291, without an embedded IPv4 form), or undefined. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => half === "" ? [] : half.split(":"));
  const all = groups.flat();
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - all.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const filled = [...(groups[0] ?? []), ...Array<string>(missing).fill("0"), ...(groups[1] ?? [])];
  return filled.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

/** The bytes with every bit after the first `prefix` cleared. */
function masked(bytes: readonly number[], prefix: number): readonly number[] {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))) & 0xff);
}

function formatAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return `[${groups.join(":")}]`;
}

/** RFC 1918, 6598, 3927, 4193, loopback, link-local, multicast, unspecified and IPv4-mapped space. */
const PRIVATE: readonly (readonly [readonly number[], number])[] = ([
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["127.0.0.0", 8],
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
  ["::", 8],
] as const).map(([address, prefix]) => [parseIpv4(address) ?? parseIpv6(address) ?? [], prefix]);

/** Whether an address network lies wholly inside a range that is not public. */
export function isPrivateNetwork(bytes: readonly number[], prefix: number): boolean {
  return PRIVATE.some(([base, length]) =>
    base.length === bytes.length && prefix >= length &&
    masked(bytes, length).every((byte, i) => byte === base[i])
  );
}
