/**
 * Signatures of policy files: Ed25519 (RFC 8032) over the exact bytes of the file, kept in a small text file beside it.
 * Keys are PEM: SPKI for public ones, PKCS#8 for private ones (RFC 8410). Pure but for WebCrypto.
 */
import { err, ok, type Result } from "../src/core/result.ts";

/** SHA-256 of the raw 32 bytes of a public key, hexadecimal. */
export type KeyId = string;

export interface TrustedKey {
  readonly id: KeyId;
  /** Where it came from, for messages. */
  readonly name: string;
  readonly raw: Uint8Array<ArrayBuffer>;
}

export interface Signature {
  readonly key: KeyId;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** First line of a signature file. */
const HEADER = "rayvisor-signatures 0";
const LINE = /^ed25519 ([0-9a-f]{64}) ([A-Za-z0-9+/]{86}==)$/;
/** Most signatures in one file: those of a policy, and of the one before it while it is being replaced. */
export const MOST_SIGNATURES = 16;
/** Most signatures of one policy. */
export const MOST_OF_ONE_POLICY = 8;
/** A larger signature file is refused unread. */
export const MAX_SIGNATURE_BYTES = 4096;
/** A larger key file is refused unread. */
export const MAX_KEY_BYTES = 16 * 1024;

/** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 bytes of the key (RFC 8410, section 4). */
const SPKI_PREFIX = "302a300506032b6570032100";

/** The text of a signature file. */
export function formatSignatures(signatures: readonly Signature[]): string {
  return [HEADER, ...signatures.map(({ key, bytes }) => `ed25519 ${key} ${toBase64(bytes)}`), ""].join("\n");
}

/** What a signature file holds; the error says what is wrong with it. */
export function parseSignatures(text: string): Result<readonly Signature[], string> {
  const lines = text.split("\n");
  if (lines[0] !== HEADER) return err(`its first line is not '${HEADER}'`);
  if (lines.at(-1) !== "") return err("its last line has no end");
  const body = lines.slice(1, -1);
  if (body.length === 0) return err("it holds no signature");
  if (body.length > MOST_SIGNATURES) {
    return err(`it holds ${body.length} signatures; at most ${MOST_SIGNATURES} are allowed`);
  }
  const signatures: Signature[] = [];
  for (const [i, line] of body.entries()) {
    const [, key, signature] = LINE.exec(line) ?? [];
    if (key === undefined || signature === undefined) {
      return err(`line ${i + 2} is not 'ed25519 <key id, 64 hexadecimal digits> <signature, base64>'`);
    }
    signatures.push({ key, bytes: fromBase64(signature) });
  }
  return ok(signatures);
}

/** A trusted key from a PEM file (`-----BEGIN PUBLIC KEY-----`). `name` is for messages. */
export async function parsePublicKey(pem: string, name: string): Promise<Result<TrustedKey, string>> {
  const der = fromPem(pem, "PUBLIC KEY");
  if (!der.ok) return der;
  const hex = toHex(der.value);
  if (!hex.startsWith(SPKI_PREFIX) || der.value.length !== SPKI_PREFIX.length / 2 + 32) {
    return err("it is not an Ed25519 key");
  }
  const raw = der.value.slice(SPKI_PREFIX.length / 2);
  return ok({ id: await keyId(raw), name, raw });
}

/** Signs `bytes`. The error says what is wrong with the private key (PEM, PKCS#8). */
export async function signBytes(bytes: Uint8Array, privatePem: string): Promise<Result<Signature, string>> {
  const der = fromPem(privatePem, "PRIVATE KEY");
  if (!der.ok) return der;
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("pkcs8", der.value, "Ed25519", true, ["sign"]);
  } catch {
    return err("it is not an Ed25519 key");
  }
  const { x } = await crypto.subtle.exportKey("jwk", key);
  if (x === undefined) return err("its public half can't be computed");
  const raw = fromBase64(x.replaceAll("-", "+").replaceAll("_", "/"));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key, Uint8Array.from(bytes)));
  return ok({ key: await keyId(raw), bytes: signature });
}

/**
 * The trusted key by which one of the signatures verifies over `bytes`; the error says why none does. A signature by a
 * key that is not trusted counts for nothing, and one that is wrong does not spoil another that is right.
 */
export async function verifySignatures(
  bytes: Uint8Array,
  signatures: readonly Signature[],
  trusted: readonly TrustedKey[],
): Promise<Result<TrustedKey, string>> {
  const data = Uint8Array.from(bytes);
  let known: TrustedKey | undefined;
  for (const signature of signatures) {
    const key = trusted.find(({ id }) => id === signature.key);
    if (!key) continue;
    known ??= key;
    const imported = await crypto.subtle.importKey("raw", key.raw, "Ed25519", false, ["verify"]);
    if (await crypto.subtle.verify("Ed25519", imported, signature.bytes, data)) return ok(key);
  }
  if (known) return err(`the signature by ${known.name} (key ${shortKey(known.id)}) is not of these bytes`);
  const ids = signatures.map(({ key }) => shortKey(key)).join(", ");
  return err(`it is signed by key ${ids || "none"}, which is not trusted`);
}

/** A key id short enough for people. */
export function shortKey(id: KeyId): string {
  return id.slice(0, 16);
}

async function keyId(raw: Uint8Array<ArrayBuffer>): Promise<KeyId> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)));
}

function fromPem(pem: string, label: string): Result<Uint8Array<ArrayBuffer>, string> {
  const blocks = [
    ...pem.matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+?)-----END \1-----\s*$/gm),
  ];
  const [block] = blocks;
  if (!block) return err(`it holds no PEM block '${label}'`);
  if (blocks.length > 1) return err("it holds more than one PEM block");
  if (block[1] === "ENCRYPTED PRIVATE KEY") {
    return err("it is encrypted; decrypt it with `openssl pkey` into a file that only you can read");
  }
  if (block[1] !== label) return err(`it holds a PEM block '${block[1]}' where '${label}' is wanted`);
  try {
    return ok(fromBase64((block[2] ?? "").replace(/[\r\n]/g, "")));
  } catch {
    return err("its PEM block is not base64");
  }
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
