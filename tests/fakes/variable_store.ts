/** A UEFI variable store with certificates of given names, made byte by byte. The certificates are names and nothing else. */
const NV_DATA_VOLUME = "fff12b8d-7696-4c8b-a985-2747075b4f50";
const AUTHENTICATED_STORE = "aaf32c78-947b-439a-a180-2e144ec37792";
const GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const IMAGE_SECURITY_DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
const X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";
const BYTES = 64 * 1024;
const VOLUME_HEADER = 72;

export interface FakeStore {
  readonly keks: readonly string[];
  readonly db: readonly string[];
}

export function variableStore({ keks, db }: FakeStore): Uint8Array {
  const image = new Uint8Array(BYTES).fill(0xff);
  const view = new DataView(image.buffer);
  image.set(guid(NV_DATA_VOLUME), 16);
  view.setUint32(40, 0x4856465f, true); // _FVH
  view.setUint16(48, VOLUME_HEADER, true);
  image.set(guid(AUTHENTICATED_STORE), VOLUME_HEADER);
  view.setUint32(VOLUME_HEADER + 16, BYTES - VOLUME_HEADER, true);
  image.set([0x5a, 0xfe], VOLUME_HEADER + 20);
  let at = VOLUME_HEADER + 28;
  const variables: readonly [string, string, readonly string[]][] = [
    ["PK", GLOBAL, db.length > 0 ? ["Platform"] : []],
    ["KEK", GLOBAL, keks],
    ["db", IMAGE_SECURITY_DATABASE, db],
  ];
  for (const [name, vendor, certificates] of variables) {
    if (certificates.length > 0) at = put(image, at, name, vendor, signatures(certificates));
  }
  return image;
}

function put(image: Uint8Array, at: number, name: string, vendor: string, data: Uint8Array): number {
  const view = new DataView(image.buffer);
  const text = new Uint8Array([...name, "\0"].flatMap((c) => [c.charCodeAt(0), 0]));
  view.setUint16(at, 0x55aa, true);
  image.set([0x3f], at + 2); // added
  view.setUint32(at + 36, text.length, true);
  view.setUint32(at + 40, data.length, true);
  image.set(guid(vendor), at + 44);
  image.set(text, at + 60);
  image.set(data, at + 60 + text.length);
  return Math.ceil((at + 60 + text.length + data.length) / 4) * 4;
}

function signatures(names: readonly string[]): Uint8Array {
  const lists = names.flatMap((name) => {
    const certificate = named(name), size = 16 + certificate.length;
    return [...guid(X509), ...u32(28 + size), ...u32(0), ...u32(size), ...guid(GLOBAL), ...certificate];
  });
  return new Uint8Array(lists);
}

/** A DER sequence with all members of a certificate up to the subject. */
function named(name: string): number[] {
  const text = [...new TextEncoder().encode(name)];
  const subject = der(0x30, der(0x31, der(0x30, [...der(0x06, [0x55, 0x04, 0x03]), ...der(0x0c, text)])));
  const empty = der(0x30, []);
  return der(0x30, der(0x30, [...der(0x02, [1]), ...empty, ...empty, ...empty, ...subject]));
}

function der(tag: number, body: readonly number[]): number[] {
  return body.length < 0x80
    ? [tag, body.length, ...body]
    : [tag, 0x82, body.length >> 8, body.length & 0xff, ...body];
}

function u32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}

/** Bytes of a GUID as UEFI stores it: the first three groups with their low byte first. */
function guid(text: string): number[] {
  const [a = "", b = "", c = "", d = "", e = ""] = text.split("-");
  const bytes = (hex: string) => hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  return [...bytes(a).reverse(), ...bytes(b).reverse(), ...bytes(c).reverse(), ...bytes(d), ...bytes(e)];
}
