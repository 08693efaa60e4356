import fc from "fast-check";
import assert from "node:assert/strict";
import { nameOther } from "./other_files.ts";

const bytes = (text: string) => new Uint8Array([...text].map((char) => char.charCodeAt(0)));
const SHA = "0123456789abcdef".repeat(4);

const TABLE: [string, RegExp, RegExp | undefined][] = [
  ["<!DOCTYPE html>\n<title> Sign in </title>", /^a web page \(HTML\), titled 'Sign in'$/, /page/],
  ["\xef\xbb\xbf  <HTML lang=en>", /^a web page/, /page/],
  ["<!-- saved --><html>", /^a web page/, /page/],
  ['<?xml version="1.0"?><Error><Code>AccessDenied</Code>', /^an XML document/, /page/],
  ['{"message": "Not Found"}', /^a JSON document/, /page/],
  [`${SHA}  debian-12.5.0-amd64-netinst.iso\n`, /^a checksum file/, /expect-sha256/],
  [`${SHA} *a.iso\n${SHA} *b.iso\n`, /^a checksum file/, /expect-sha256/],
  [`SHA256 (a.iso) = ${SHA}\n`, /^a checksum file/, /expect-sha256/],
  [`# Fedora-40: 1 bytes\nSHA256 (a.iso) = ${SHA}\n`, /^a checksum file/, /expect-sha256/],
  [SHA, /^a checksum file/, /expect-sha256/],
  ["version https://git-lfs.github.com/spec/v1\noid sha256:1", /^a pointer of Git LFS/, /git lfs/],
  ["just words\n", /^a text file/, /page/],
  ["\x1f\x8b\x08", /gzip/, /unpack/],
  ["PK\x03\x04", /zip/, /unpack/],
  ["MZ\x90\0", /^a program for Windows/, /Media Creation Tool/],
  ["MSWIM\0\0\0\xd0", /^a Windows image/, /boots/],
  ["d8:announce35:http", /torrent/, /BitTorrent/],
  ["\0\0\0\0", /^zeros/, undefined],
  ["\x01\x02\x03\x04", /^data of no kind/, undefined],
];
for (const [start, what, hint] of TABLE) {
  Deno.test(`nameOther() names ${JSON.stringify(start.slice(0, 30))}`, () => {
    const found = nameOther(bytes(start), start.length);
    assert.match(found.what, what);
    if (hint === undefined) assert.equal(found.hint, undefined);
    else assert.match(found.hint ?? "", hint);
  });
}

Deno.test("nameOther() has a name for any bytes", () => {
  assert.match(nameOther(new Uint8Array(0), 0).what, /empty/);
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), (start) => {
    assert.ok(nameOther(start, start.length).what.length > 0);
  }));
});
