/**
 * Ethernet frames of the guest's wire: taken out of QEMU's stream, read, and made. Reading never throws, whatever the bytes
 * are; what is no whole packet of its kind is undefined. RFC 894, 826, 791, 768, 792.
 */
import type { Ip } from "../core/ipv4.ts";

export type Mac = Uint8Array;

export const ETHERNET_BYTES = 14;
export const IPV4_BYTES = 20;
export const UDP_BYTES = 8;
/** Most of an IP packet on this wire. */
export const MTU = 1500;
/** The longest frame that is taken: an IP packet of any length with its head. */
export const MAX_FRAME = 65_535 + ETHERNET_BYTES;

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
const TYPE = { ipv4: 0x0800, arp: 0x0806 } as const;
const BROADCAST: Mac = new Uint8Array(6).fill(0xff);

/** A frame whose length QEMU's stream gives as more than any frame has: the stream can't be read any further. */
export class BadStream extends Error {}

/** Takes frames out of QEMU's stream (`-netdev stream`): each has its length before it, 4 bytes, highest first. */
export class Deframer {
  #rest: Uint8Array = new Uint8Array(0);

  /** The whole frames that these bytes complete. They are views: to be used before `bytes` is. Throws {@link BadStream}. */
  *take(bytes: Uint8Array): Generator<Uint8Array> {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    let at = 0;
    while (all.length - at >= 4) {
      const length = u32(all, at);
      if (length > MAX_FRAME) throw new BadStream(`a frame of ${length} bytes`);
      if (all.length - at - 4 < length) break;
      yield all.subarray(at + 4, at + 4 + length);
      at += 4 + length;
    }
    this.#rest = all.slice(at);
  }
}

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) << 16 | u16(bytes, at + 2)) >>> 0;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

/** The Internet checksum. RFC 1071. `sum`: what was summed up before, unfolded. */
export function checksum(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  const even = to - ((to - from) & 1);
  let total = sum;
  for (let i = from; i < even; i += 2) total += (bytes[i] ?? 0) << 8 | (bytes[i + 1] ?? 0);
  if (even < to) total += (bytes[even] ?? 0) << 8;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

export type Packet =
  | { readonly kind: "arp"; readonly from: Mac; readonly sender: Ip; readonly target: Ip }
  | ({ readonly kind: "ipv4" } & Ipv4);

export interface Ipv4 {
  readonly from: Mac;
  readonly src: Ip;
  readonly dst: Ip;
  readonly protocol: number;
  /** The packet from its IP head on. */
  readonly packet: Uint8Array;
  readonly body: Uint8Array;
}

/** What is in a frame: an ARP question or a whole IPv4 packet. Fragments, IPv6 and all else are undefined. */
export function readFrame(frame: Uint8Array): Packet | undefined {
  if (frame.length < ETHERNET_BYTES) return undefined;
  const from = frame.slice(6, 12);
  if ((frame[6] ?? 0) & 1) return undefined; // no card sends from a group's address
  const type = u16(frame, 12);
  if (type === TYPE.arp) return readArp(frame, from);
  return type === TYPE.ipv4 ? readIpv4(frame.subarray(ETHERNET_BYTES), from) : undefined;
}

function readArp(frame: Uint8Array, from: Mac): Packet | undefined {
  if (frame.length < ETHERNET_BYTES + 28) return undefined;
  const isQuestion = u16(frame, 14) === 1 && u16(frame, 16) === TYPE.ipv4 && frame[18] === 6 &&
    frame[19] === 4 && u16(frame, 20) === 1;
  return isQuestion ? { kind: "arp", from, sender: u32(frame, 28), target: u32(frame, 38) } : undefined;
}

function readIpv4(packet: Uint8Array, from: Mac): Packet | undefined {
  if (packet.length < IPV4_BYTES || (packet[0] ?? 0) >> 4 !== 4) return undefined;
  const head = ((packet[0] ?? 0) & 15) * 4;
  const length = u16(packet, 2);
  if (head < IPV4_BYTES || length < head || length > packet.length) return undefined;
  if ((u16(packet, 6) & 0x3fff) !== 0) return undefined; // a fragment
  return {
    kind: "ipv4",
    from,
    src: u32(packet, 12),
    dst: u32(packet, 16),
    protocol: packet[9] ?? 0,
    packet: packet.subarray(0, length),
    body: packet.subarray(head, length),
  };
}

export interface Udp {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly data: Uint8Array;
}

export function readUdp(body: Uint8Array): Udp | undefined {
  if (body.length < UDP_BYTES) return undefined;
  const length = u16(body, 4);
  if (length < UDP_BYTES || length > body.length) return undefined;
  const [srcPort, dstPort] = [u16(body, 0), u16(body, 2)];
  if (srcPort === 0 || dstPort === 0) return undefined;
  return { srcPort, dstPort, data: body.subarray(UDP_BYTES, length) };
}

/** Who sends and who receives a frame that is made here. */
export interface Ends {
  readonly mac: Mac;
  readonly toMac: Mac;
  readonly src: Ip;
  readonly dst: Ip;
}

/** The answer that `target` is here. */
export function arpReply(mac: Mac, question: Extract<Packet, { kind: "arp" }>): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + 28);
  frame.set(question.from, 0);
  frame.set(mac, 6);
  put16(frame, 12, TYPE.arp);
  frame.set([0, 1, 8, 0, 6, 4, 0, 2], 14);
  frame.set(mac, 22);
  put32(frame, 28, question.target);
  frame.set(question.from, 32);
  put32(frame, 38, question.sender);
  return frame;
}

/**
 * A frame with an IPv4 packet whose body has `length` bytes, all but the body filled in; the body begins at
 * `ETHERNET_BYTES + IPV4_BYTES`.
 */
export function ipv4Frame(ends: Ends, protocol: number, length: number): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + IPV4_BYTES + length);
  frame.set(ends.toMac, 0);
  frame.set(ends.mac, 6);
  put16(frame, 12, TYPE.ipv4);
  frame[14] = 0x45;
  put16(frame, 16, IPV4_BYTES + length);
  put16(frame, 20, 0x4000); // is not to be cut up: so its identification may be 0 (RFC 6864)
  frame[22] = 64;
  frame[23] = protocol;
  put32(frame, 26, ends.src);
  put32(frame, 30, ends.dst);
  put16(frame, 24, checksum(frame, ETHERNET_BYTES, ETHERNET_BYTES + IPV4_BYTES));
  return frame;
}

/** The sum over the pseudo header, for {@link checksum} of TCP and UDP. RFC 793, 3.1 */
export function pseudoSum({ src, dst }: Pick<Ends, "src" | "dst">, protocol: number, length: number): number {
  return (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + protocol + length;
}

/** Undefined when the data does not fit into one packet of this wire. */
export function udpFrame(
  ends: Ends,
  srcPort: number,
  dstPort: number,
  data: Uint8Array,
): Uint8Array | undefined {
  const length = UDP_BYTES + data.length;
  if (IPV4_BYTES + length > MTU) return undefined;
  const frame = ipv4Frame(ends, PROTOCOL.udp, length);
  const at = ETHERNET_BYTES + IPV4_BYTES;
  put16(frame, at, srcPort);
  put16(frame, at + 2, dstPort);
  put16(frame, at + 4, length);
  frame.set(data, at + UDP_BYTES);
  const sum = checksum(frame, at, frame.length, pseudoSum(ends, PROTOCOL.udp, length));
  put16(frame, at + 6, sum === 0 ? 0xffff : sum); // 0 would mean that there is none
  return frame;
}

/** For a frame to whoever has not got an address yet. */
export function toEverybody(mac: Mac, src: Ip): Ends {
  return { mac, toMac: BROADCAST, src, dst: 0xffffffff };
}

/** The echo of an ICMP echo request, or undefined when `body` is none. */
export function echoReply(ends: Ends, body: Uint8Array): Uint8Array | undefined {
  if (body.length < 8 || body[0] !== 8 || body[1] !== 0 || IPV4_BYTES + body.length > MTU) return undefined;
  return icmpFrame(ends, body.length, (frame, at) => {
    frame.set(body, at);
    frame[at] = 0;
  });
}

/** Says that a packet was not let through: "communication administratively prohibited". RFC 1812, 5.2.7.1 */
export function prohibited(ends: Ends, packet: Uint8Array): Uint8Array {
  const quoted = packet.subarray(0, 60);
  return icmpFrame(ends, 8 + quoted.length, (frame, at) => {
    frame[at] = 3;
    frame[at + 1] = 13;
    frame.set(quoted, at + 8);
  });
}

function icmpFrame(ends: Ends, length: number, fill: (frame: Uint8Array, at: number) => void): Uint8Array {
  const frame = ipv4Frame(ends, PROTOCOL.icmp, length);
  const at = ETHERNET_BYTES + IPV4_BYTES;
  fill(frame, at);
  put16(frame, at + 2, 0);
  put16(frame, at + 2, checksum(frame, at, frame.length));
  return frame;
}
