/** IPv4 addresses as numbers, and which of them a guest may never reach. Pure. */

/** An IPv4 address as an unsigned number of 32 bits, the first byte highest. */
export type Ip = number;

/** A network: its first address and the length of its prefix. */
export interface Range {
  readonly base: Ip;
  readonly prefix: number;
}

/** The address of dotted-decimal text, or undefined; leading zeros are none of it. */
export function parseIp(text: string): Ip | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255)
    ? bytes.reduce((value, byte) => (value << 8 | byte) >>> 0, 0)
    : undefined;
}

export function ipText(ip: Ip): string {
  return [24, 16, 8, 0].map((shift) => ip >>> shift & 255).join(".");
}

/** The range of text such as `10.0.0.0/8`. Throws a RangeError for anything else: ranges are written in source. */
export function range(text: string): Range {
  const [address = "", length = "32"] = text.split("/");
  const base = parseIp(address);
  const prefix = Number(length);
  if (base === undefined || !(prefix >= 0 && prefix <= 32) || (base & ~maskOf(prefix)) !== 0) {
    throw new RangeError(`${text} is no IPv4 network`);
  }
  return { base, prefix };
}

export function rangeText({ base, prefix }: Range): string {
  return `${ipText(base)}/${prefix}`;
}

export function inRange(ip: Ip, { base, prefix }: Range): boolean {
  return ((ip & maskOf(prefix)) >>> 0) === base;
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
}

/**
 * What is not the internet: this network, private, shared (CGNAT), loopback, link-local, protocol assignments, benchmarking,
 * multicast, reserved and broadcast. https://www.iana.org/assignments/iana-ipv4-special-registry
 * The three ranges for documentation are left out: nothing is routed there, and test beds use them.
 */
export const NOT_PUBLIC: readonly Range[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/3",
].map(range);

/** Where a host's resolver may be, although no guest may reach it but for questions that are relayed. */
export const RESOLVER_RANGES: readonly Range[] = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
].map(range);

/** The fewest networks that together are every address outside of `left out`, lowest first. */
export function complement(leftOut: readonly Range[]): readonly Range[] {
  const split = (one: Range): readonly Range[] => {
    if (leftOut.some((out) => out.prefix <= one.prefix && inRange(one.base, out))) return [];
    if (!leftOut.some((out) => inRange(out.base, one))) return [one];
    const prefix = one.prefix + 1;
    return [
      ...split({ base: one.base, prefix }),
      ...split({ base: (one.base | 1 << (32 - prefix)) >>> 0, prefix }),
    ];
  };
  return split({ base: 0, prefix: 0 });
}

/** What a guest may not reach at the moment. */
export interface Denied {
  readonly ranges: readonly Range[];
  /** Every address of the host. */
  readonly host: ReadonlySet<Ip>;
}

export function isDenied(ip: Ip, { ranges, host }: Denied): boolean {
  return host.has(ip) || ranges.some((one) => inRange(ip, one));
}

/** What goes to everybody on the wire: every system talks so all the time, and it is no try to reach anything. */
export function isToEverybody(ip: Ip, wire: Range): boolean {
  return ip >= 0xe0000000 || ip === (wire.base | ~maskOf(wire.prefix)) >>> 0;
}
