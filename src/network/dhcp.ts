/** DHCP for the one guest of a wire: it gets always the same address. RFC 2131, 2132. Pure. */
import type { Ip } from "../core/ipv4.ts";
import { put16, put32, u32 } from "./frames.ts";

export const DHCP_PORTS = { server: 67, client: 68 } as const;

/** What a guest is told of its wire. */
export interface Lease {
  readonly guest: Ip;
  readonly mask: Ip;
  readonly router: Ip;
  readonly dns: Ip;
  readonly mtu: number;
  readonly seconds: number;
}

const COOKIE = 0x63825363;
const HEAD_BYTES = 240;
/** Some clients take no shorter packet (RFC 1542, 2.1). */
const SHORTEST = 300;
const TYPE = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6, inform: 8 } as const;
const OPTION = { mask: 1, router: 3, dns: 6, mtu: 26, wanted: 50, lease: 51, type: 53, server: 54 } as const;

/** The answer to a client's message, or undefined when it needs none. The answer goes to everybody on the wire. */
export function dhcpReply(message: Uint8Array, lease: Lease): Uint8Array | undefined {
  if (message.length < HEAD_BYTES || message[0] !== 1 || message[1] !== 1 || message[2] !== 6) {
    return undefined;
  }
  if (u32(message, 236) !== COOKIE) return undefined;
  const options = readOptions(message);
  const type = options.get(OPTION.type)?.[0];
  const server = options.get(OPTION.server);
  if (server?.length === 4 && u32(server, 0) !== lease.router) return undefined; // meant for another one
  switch (type) {
    case TYPE.discover:
      return reply(message, lease, TYPE.offer, lease.guest);
    case TYPE.request: {
      const asked = options.get(OPTION.wanted);
      const wanted = asked?.length === 4 ? u32(asked, 0) : u32(message, 12);
      return wanted === lease.guest
        ? reply(message, lease, TYPE.ack, lease.guest)
        : reply(message, lease, TYPE.nak, 0);
    }
    case TYPE.inform:
      return reply(message, lease, TYPE.ack, 0);
    default:
      return undefined;
  }
}

function readOptions(message: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = HEAD_BYTES; at < message.length;) {
    const code = message[at] ?? 255;
    if (code === 255) break;
    if (code === 0) {
      at++;
      continue;
    }
    const length = message[at + 1];
    if (length === undefined || at + 2 + length > message.length) break;
    options.set(code, message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

function reply(question: Uint8Array, lease: Lease, type: number, guest: Ip): Uint8Array {
  const message = new Uint8Array(SHORTEST);
  message.set([2, 1, 6, 0]);
  message.set(question.subarray(4, 8), 4); // which question it answers
  message.set(question.subarray(10, 12), 10); // flags
  if (type === TYPE.ack && guest === 0) message.set(question.subarray(12, 16), 12); // it has an address already
  put32(message, 16, guest);
  put32(message, 20, type === TYPE.nak ? 0 : lease.router);
  message.set(question.subarray(28, 44), 28); // its hardware address
  put32(message, 236, COOKIE);
  let at = HEAD_BYTES;
  const option = (code: number, length: 1 | 2 | 4, value: number) => {
    message[at] = code;
    message[at + 1] = length;
    if (length === 1) message[at + 2] = value;
    else if (length === 2) put16(message, at + 2, value);
    else put32(message, at + 2, value);
    at += 2 + length;
  };
  option(OPTION.type, 1, type);
  option(OPTION.server, 4, lease.router);
  if (type !== TYPE.nak) {
    if (guest !== 0) option(OPTION.lease, 4, lease.seconds);
    option(OPTION.mask, 4, lease.mask);
    option(OPTION.router, 4, lease.router);
    option(OPTION.dns, 4, lease.dns);
    option(OPTION.mtu, 2, lease.mtu);
  }
  message[at] = 255;
  return message;
}
