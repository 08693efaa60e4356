/** Somebody who signs policies: a fresh Ed25519 key pair, as an operator would have it from openssl. */
import assert from "node:assert/strict";
import { formatSignatures, parsePublicKey, signBytes, type TrustedKey } from "../../policy/signature.ts";

export interface PolicySigner {
  /** PEM, PKCS#8. */
  readonly secret: string;
  /** PEM, SPKI. */
  readonly open: string;
  readonly key: TrustedKey;
  /** Text of a signature file over exactly `text`. */
  sign(text: string): Promise<string>;
}

export function pem(label: string, der: ArrayBuffer | Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(der)));
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

export async function policySigner(): Promise<PolicySigner> {
  const made = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { privateKey, publicKey } = made as CryptoKeyPair; // what generateKey makes for a signing algorithm
  const open = pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", publicKey));
  const secret = pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", privateKey));
  const key = await parsePublicKey(open, "test.pub");
  assert.ok(key.ok);
  return {
    secret,
    open,
    key: key.value,
    async sign(text) {
      const signature = await signBytes(new TextEncoder().encode(text), secret);
      assert.ok(signature.ok);
      return formatSignatures([signature.value]);
    },
  };
}
