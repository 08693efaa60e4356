/** Questions to the host's resolvers, relayed as they are; only their ids are others outside. RFC 1035, 4.1. Pure. */
import { parseIp } from "../core/ipv4.ts";
import type { Ip } from "../core/ipv4.ts";
import { put16, u16 } from "./frames.ts";

export const DNS_PORT = 53;
const HEAD_BYTES = 12;
/** A question over UDP is short: a name of 255 bytes, its type, and the client's own option (EDNS). */
const LONGEST_QUESTION = 512;
const SERVFAIL = 2;
/** Resolvers of the host that are asked, as the C library does. resolv.conf(5) */
const MOST_RESOLVERS = 3;

/** Whether the bytes are one plain question. */
export function isQuestion(message: Uint8Array): boolean {
  return message.length > HEAD_BYTES && message.length <= LONGEST_QUESTION &&
    ((message[2] ?? 0) & 0xf8) === 0 && // a question, of the standard kind
    u16(message, 4) === 1 && u16(message, 6) === 0 && u16(message, 8) === 0 &&
    questionEnd(message) !== undefined;
}

/** Where the question ends: its name, type and class; undefined when it does not. */
function questionEnd(message: Uint8Array): number | undefined {
  let at = HEAD_BYTES;
  while (at < message.length) {
    const length = message[at] ?? 0;
    if (length === 0) return at + 5 <= message.length ? at + 5 : undefined;
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}

/** The same message with another id. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = message.slice();
  put16(copy, 0, id);
  return copy;
}

/** Whether `answer` answers just the question that was sent (`asked`, its id as it was outside). */
export function isAnswerTo(answer: Uint8Array, asked: Uint8Array): boolean {
  const end = questionEnd(asked);
  if (end === undefined || answer.length < HEAD_BYTES || u16(answer, 0) !== u16(asked, 0)) return false;
  if (((answer[2] ?? 0) & 0x80) === 0) return false;
  if (u16(answer, 4) === 0) return true; // some refusals repeat nothing
  if (answer.length < end) return false;
  for (let at = HEAD_BYTES; at < end; at++) {
    // Names are the same in capitals and small letters.
    if (lower(answer[at] ?? 0) !== lower(asked[at] ?? 0)) return false;
  }
  return true;
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/** The question as an answer without content: the server has failed. */
export function failedAnswer(question: Uint8Array): Uint8Array {
  const answer = question.slice(0, questionEnd(question) ?? HEAD_BYTES);
  answer[2] = (answer[2] ?? 0) | 0x80;
  answer[3] = 0x80 | SERVFAIL;
  put16(answer, 10, 0);
  return answer;
}

/** An answer that is too long for the wire, cut down to "ask again over TCP". */
export function truncatedAnswer(question: Uint8Array): Uint8Array {
  const answer = failedAnswer(question);
  answer[2] = (answer[2] ?? 0) | 0x02;
  answer[3] = 0x80;
  return answer;
}

/** The IPv4 resolvers that a `resolv.conf` names. */
export function resolversOf(text: string): readonly Ip[] {
  return text.split("\n").flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    const ip = address === undefined ? undefined : parseIp(address);
    return ip === undefined ? [] : [ip];
  }).slice(0, MOST_RESOLVERS);
}
