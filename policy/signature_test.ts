import assert from "node:assert/strict";
import {
  formatSignatures,
  parsePublicKey,
  parseSignatures,
  type Signature,
  signBytes,
  verifySignatures,
} from "./signature.ts";
import { pem, policySigner } from "../tests/fakes/policy_signer.ts";

const utf8 = new TextEncoder();
const POLICY = utf8.encode("version = 0\n");

async function signed(secret: string, bytes = POLICY): Promise<Signature> {
  const signature = await signBytes(bytes, secret);
  assert.ok(signature.ok);
  return signature.value;
}

/** RFC 8032, section 7.1, test 2: the message is the one byte 0x72. */
const RFC8032 = {
  secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
  open: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};

Deno.test("a signature is the one that RFC 8032 gives, and its key id is the hash of the raw public key", async () => {
  const der = Uint8Array.fromHex("302e020100300506032b657004220420" + RFC8032.secret);
  const signature = await signed(pem("PRIVATE KEY", der), Uint8Array.of(0x72));
  assert.equal(signature.bytes.toHex(), RFC8032.signature);
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.fromHex(RFC8032.open));
  assert.equal(signature.key, new Uint8Array(digest).toHex());
});

Deno.test("a signature verifies over the exact bytes alone, and by its own key alone", async () => {
  const [a, b] = [await policySigner(), await policySigner()];
  const signature = await signed(a.secret);
  const good = await verifySignatures(POLICY, [signature], [b.key, a.key]);
  assert.ok(good.ok && good.value.id === a.key.id);
  for (const other of ["version = 0", "version = 0\n\n", "version = 0\r\n", ""]) {
    const bad = await verifySignatures(utf8.encode(other), [signature], [a.key]);
    assert.ok(!bad.ok && /not of these bytes/.test(bad.error));
  }
  const unknown = await verifySignatures(POLICY, [signature], [b.key]);
  assert.ok(!unknown.ok && /not trusted/.test(unknown.error));
  assert.ok(!(await verifySignatures(POLICY, [signature], [])).ok);
  const borrowed = { ...signature, key: b.key.id };
  assert.ok(!(await verifySignatures(POLICY, [borrowed], [a.key, b.key])).ok, "another key's name on it");
});

Deno.test("of several signatures one that verifies is enough", async () => {
  const [a, b] = [await policySigner(), await policySigner()];
  const old = await signed(a.secret, utf8.encode("version = 0 # old\n"));
  const both = [old, await signed(b.secret), await signed(a.secret)];
  const parsed = parseSignatures(formatSignatures(both));
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value, both);
  assert.ok((await verifySignatures(POLICY, parsed.value, [a.key])).ok);
  assert.ok(!(await verifySignatures(POLICY, [old], [a.key])).ok);
});

Deno.test("any single bit of a signature that is turned spoils it", async () => {
  const { secret, key } = await policySigner();
  const signature = await signed(secret);
  for (let bit = 0; bit < 512; bit += 7) {
    const bytes = Uint8Array.from(signature.bytes);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(!(await verifySignatures(POLICY, [{ ...signature, bytes }], [key])).ok, `bit ${bit}`);
  }
});

Deno.test("a signature file that is not exactly of its form is refused with what is wrong", async () => {
  const { secret } = await policySigner();
  const good = formatSignatures([await signed(secret)]);
  const [header = "", line = ""] = good.split("\n");
  for (
    const [text, why] of [
      ["", /first line/],
      [`\ufeff${good}`, /first line/],
      [good.replaceAll("\n", "\r\n"), /first line/],
      [`${header}\n`, /no signature/],
      [good.slice(0, -1), /no end/],
      [`${header}\n${line.toUpperCase()}\n`, /line 2/],
      [`${header}\n${line} \n`, /line 2/],
      [`${header}\n${line}\n\n`, /line 3/],
      [`${header}\n${line.slice(0, -4)}\n`, /line 2/],
      [`${header}\n${`${line}\n`.repeat(17)}`, /17 signatures/],
    ] as const
  ) {
    const parsed = parseSignatures(text);
    assert.ok(!parsed.ok && why.test(parsed.error), JSON.stringify(text));
  }
});

Deno.test("keys that are of another sort, encrypted, doubled or no PEM are refused with what is wrong", async () => {
  const { secret, open } = await policySigner();
  const rsa = await crypto.subtle.generateKey(
    { name: "RSA-PSS", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  for (
    const [text, why] of [
      ["", /no PEM block/],
      [secret, /'PRIVATE KEY' where 'PUBLIC KEY'/],
      [open + open, /more than one/],
      [pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", rsa.publicKey)), /not an Ed25519 key/],
      [pem("PUBLIC KEY", new Uint8Array(44)), /not an Ed25519 key/],
    ] as const
  ) {
    const parsed = await parsePublicKey(text, "x");
    assert.ok(!parsed.ok && why.test(parsed.error), text);
  }
  for (
    const [text, why] of [
      ["secret", /no PEM block/],
      [open, /'PUBLIC KEY' where 'PRIVATE KEY'/],
      [pem("ENCRYPTED PRIVATE KEY", new Uint8Array(60)), /encrypted/],
      [pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", rsa.privateKey)), /not an Ed25519 key/],
    ] as const
  ) {
    const made = await signBytes(POLICY, text);
    assert.ok(!made.ok && why.test(made.error), text);
  }
});
