/**
 * The head of an HTTP/1.1 request, as RFC 9112 has it: pure. What could be read in two ways is refused, never guessed: a
 * body's length must be beyond doubt before a second request is looked for behind it.
 */
import { err, ok, type Result } from "../core/result.ts";

export type BodyLength =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: number }
  | { readonly kind: "chunked" };

export interface RequestHead {
  readonly method: string;
  /** Path and query, beginning with a slash. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: BodyLength;
  /** The client may send another request on this connection. */
  readonly keepAlive: boolean;
  /** It waits for a word before it sends the body. */
  readonly expectsContinue: boolean;
  /** HTTP/1.0 knows no chunks. */
  readonly minor: 0 | 1;
}

/** Why a head is refused, with the status that says so. */
export interface HeadFault {
  readonly status: 400 | 431 | 501 | 505;
  readonly why: string;
}

/** Longest head, bytes. */
export const MAX_HEAD_BYTES = 32 * 1024;
const MAX_HEADERS = 100;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A header's value holds no control characters but the tab. */
// deno-lint-ignore no-control-regex
const UNCLEAN = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Index behind the empty line that ends a head; -1 while it has not come. `from`: up to here it was looked for before. */
export function endOfHead(bytes: Uint8Array, from = 0): number {
  for (let at = Math.max(0, from - 3); at + 3 < bytes.length; at++) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) {
      return at + 4;
    }
  }
  return -1;
}

/** A whole head, its empty line included. */
export function parseHead(bytes: Uint8Array): Result<RequestHead, HeadFault> {
  const text = String.fromCharCode(...bytes); // each byte a character: no decoding can fail or change a length
  const [start = "", ...lines] = text.slice(0, -4).split("\r\n");
  const request = /^([!-~]+) ([!-~]+) HTTP\/(\d)\.(\d)$/.exec(start);
  const [, method = "", asked = "", major, minor] = request ?? [];
  if (!request || !TOKEN.test(method)) return bad("the first line is not that of an HTTP request");
  if (major !== "1") return err({ status: 505, why: `HTTP/${major}.${minor} is not spoken here` });
  if (lines.length > MAX_HEADERS) return err({ status: 431, why: `more than ${MAX_HEADERS} headers` });
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase(), value = line.slice(colon + 1).trim();
    if (!TOKEN.test(name) || UNCLEAN.test(value)) return bad("a header line can't be understood");
    headers.push([name, value]);
  }
  const target = targetOf(asked);
  if (target === undefined) return bad("the request names no path");
  const isNew = minor !== "0";
  if (isNew && all(headers, "host").length !== 1) return bad("a request has just one Host header");
  const body = bodyOf(headers);
  if (!body.ok) return body;
  const options = all(headers, "connection").join(",").toLowerCase().split(",").map((word) => word.trim());
  return ok({
    method,
    target,
    headers,
    body: body.value,
    keepAlive: isNew && !options.includes("close"),
    expectsContinue: isNew && all(headers, "expect").some((value) => value.toLowerCase() === "100-continue"),
    minor: isNew ? 1 : 0,
  });
}

/** The path of an origin form, or of an absolute form as it is sent to a proxy. */
function targetOf(asked: string): string | undefined {
  if (asked.startsWith("/")) return asked;
  return /^http:\/\/[^/?#]+(\/.*)$/i.exec(asked)?.[1];
}

function bodyOf(headers: RequestHead["headers"]): Result<BodyLength, HeadFault> {
  const lengths = all(headers, "content-length"), codings = all(headers, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0) return bad("a body has a length or comes in chunks, not both");
    if (codings.length !== 1 || codings[0]?.toLowerCase() !== "chunked") {
      return err({ status: 501, why: "no transfer coding but chunked is understood" });
    }
    return ok({ kind: "chunked" });
  }
  const [length] = lengths;
  if (length === undefined) return ok({ kind: "none" });
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return bad("the length of the body is in doubt");
  return ok(Number(length) === 0 ? { kind: "none" } : { kind: "bytes", bytes: Number(length) });
}

function all(headers: RequestHead["headers"], name: string): string[] {
  return headers.filter(([header]) => header === name).map(([, value]) => value);
}

function bad(why: string): { readonly ok: false; readonly error: HeadFault } {
  return err({ status: 400, why });
}
