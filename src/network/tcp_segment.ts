/** TCP segments, read and made. Reading never throws. RFC 793, 3.1; RFC 7323, 2.2 */
import {
  checksum,
  type Ends,
  ETHERNET_BYTES,
  IPV4_BYTES,
  ipv4Frame,
  PROTOCOL,
  pseudoSum,
  put16,
  put32,
  u16,
  u32,
} from "./frames.ts";

const HEAD_BYTES = 20;
const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;
const OPTION = { end: 0, nothing: 1, mss: 2, shift: 3 } as const;

/** A segment that the guest sent. */
export interface Segment {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  /** Meaningless without `isAck`. */
  readonly ack: number;
  readonly isAck: boolean;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** As it stands there: not yet shifted. */
  readonly window: number;
  /** Absent unless the options of a SYN say so. */
  readonly mss?: number;
  readonly shift?: number;
  readonly data: Uint8Array;
}

/** A segment for the guest. */
export interface Outgoing {
  readonly seq: number;
  /** Absent only in the answer to a segment that acknowledges something. */
  readonly ack?: number;
  readonly syn?: true;
  readonly fin?: true;
  readonly rst?: true;
  readonly window: number;
  /** Options of a SYN. */
  readonly mss?: number;
  readonly shift?: number;
  readonly data: readonly Uint8Array[];
}

export function readTcp(body: Uint8Array): Segment | undefined {
  if (body.length < HEAD_BYTES) return undefined;
  const head = (body[12] ?? 0) >> 4;
  const end = head * 4;
  if (end < HEAD_BYTES || end > body.length) return undefined;
  const [srcPort, dstPort, flags] = [u16(body, 0), u16(body, 2), body[13] ?? 0];
  if (srcPort === 0 || dstPort === 0) return undefined;
  const syn = (flags & FLAG.syn) !== 0;
  return {
    srcPort,
    dstPort,
    seq: u32(body, 4),
    ack: u32(body, 8),
    isAck: (flags & FLAG.ack) !== 0,
    syn,
    fin: (flags & FLAG.fin) !== 0,
    rst: (flags & FLAG.rst) !== 0,
    window: u16(body, 14),
    ...(syn ? synOptions(body.subarray(HEAD_BYTES, end)) : {}),
    data: body.subarray(end),
  };
}

function synOptions(options: Uint8Array): { mss?: number; shift?: number } {
  const found: { mss?: number; shift?: number } = {};
  for (let at = 0; at < options.length;) {
    const kind = options[at];
    if (kind === OPTION.end) break;
    if (kind === OPTION.nothing) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) break;
    if (kind === OPTION.mss && length === 4) found.mss = u16(options, at + 2);
    if (kind === OPTION.shift && length === 3) found.shift = Math.min(14, options[at + 2] ?? 0);
    at += length;
  }
  return found;
}

export function tcpFrame(ends: Ends, srcPort: number, dstPort: number, out: Outgoing): Uint8Array {
  const options = out.syn ? (out.mss === undefined ? 0 : 4) + (out.shift === undefined ? 0 : 4) : 0;
  const size = out.data.reduce((sum, part) => sum + part.length, 0);
  const length = HEAD_BYTES + options + size;
  const frame = ipv4Frame(ends, PROTOCOL.tcp, length);
  const at = ETHERNET_BYTES + IPV4_BYTES;
  put16(frame, at, srcPort);
  put16(frame, at + 2, dstPort);
  put32(frame, at + 4, out.seq);
  put32(frame, at + 8, out.ack ?? 0);
  frame[at + 12] = (HEAD_BYTES + options) / 4 << 4;
  frame[at + 13] = (out.fin ? FLAG.fin : 0) | (out.syn ? FLAG.syn : 0) | (out.rst ? FLAG.rst : 0) |
    (size > 0 ? FLAG.psh : 0) | (out.ack === undefined ? 0 : FLAG.ack);
  put16(frame, at + 14, Math.min(0xffff, out.window));
  let to = at + HEAD_BYTES;
  if (options > 0) {
    if (out.mss !== undefined) {
      frame.set([OPTION.mss, 4, out.mss >>> 8, out.mss & 255], to);
      to += 4;
    }
    if (out.shift !== undefined) {
      frame.set([OPTION.nothing, OPTION.shift, 3, out.shift], to);
      to += 4;
    }
  }
  for (const part of out.data) {
    frame.set(part, to);
    to += part.length;
  }
  put16(frame, at + 16, checksum(frame, at, frame.length, pseudoSum(ends, PROTOCOL.tcp, length)));
  return frame;
}
