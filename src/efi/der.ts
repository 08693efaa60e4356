/**
 * The common name of an X.509 certificate's subject, by a minimal walk of its DER (RFC 5280, section 4.1; X.690).
 * Enough to tell one well-known authority from another; it verifies nothing.
 */

interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
  /** Offset of what follows the element. */
  readonly end: number;
}

/** The element that starts at `at`, or undefined when it isn't whole or not of definite length. */
function element(data: Uint8Array, at: number): Element | undefined {
  const tag = data[at], first = data[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  let length = first, start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (data[start + i] ?? 0);
    start += count;
  }
  return start + length <= data.length
    ? { tag, body: data.subarray(start, start + length), end: start + length }
    : undefined;
}

function children(data: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < data.length;) {
    const next = element(data, at);
    if (!next) break;
    found.push(next);
    at = next.end;
  }
  return found;
}

const SEQUENCE = 0x30, SET = 0x31, OID = 0x06, EXPLICIT_0 = 0xa0, BMP_STRING = 0x1e;
/** Object identifier 2.5.4.3, commonName, as DER. */
const COMMON_NAME = [0x55, 0x04, 0x03];

/** The subject's common name, or undefined when `certificate` is no certificate or has none. Never throws. */
export function subjectCommonName(certificate: Uint8Array): string | undefined {
  const outer = element(certificate, 0);
  const signed = outer?.tag === SEQUENCE ? element(outer.body, 0) : undefined;
  if (signed?.tag !== SEQUENCE) return undefined;
  const fields = children(signed.body);
  // version [0] is optional; then serial, signature, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === EXPLICIT_0 ? 5 : 4];
  if (subject?.tag !== SEQUENCE) return undefined;
  for (const set of children(subject.body)) {
    if (set.tag !== SET) continue;
    for (const pair of children(set.body)) {
      const [oid, value] = children(pair.body);
      if (
        oid?.tag === OID && value && COMMON_NAME.every((b, i) => oid.body[i] === b) && oid.body.length === 3
      ) {
        return text(value);
      }
    }
  }
  return undefined;
}

function text(value: Element): string {
  if (value.tag !== BMP_STRING) return new TextDecoder().decode(value.body);
  let out = "";
  for (let i = 0; i + 1 < value.body.length; i += 2) {
    out += String.fromCharCode((value.body[i] ?? 0) * 256 + (value.body[i + 1] ?? 0));
  }
  return out;
}
