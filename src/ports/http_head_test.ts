import assert from "node:assert/strict";
import { endOfHead, parseHead } from "./http_head.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const parse = (...lines: string[]) => parseHead(bytes(lines.join("\r\n") + "\r\n\r\n"));

Deno.test("parseHead() reads method, path, headers and the length of the body", () => {
  const parsed = parse("POST /v1/vms?x=1 HTTP/1.1", "Host: h", "Content-Length: 12", "X-Y:  a b ");
  assert.ok(parsed.ok);
  assert.deepEqual([parsed.value.method, parsed.value.target], ["POST", "/v1/vms?x=1"]);
  assert.deepEqual(parsed.value.body, { kind: "bytes", bytes: 12 });
  assert.deepEqual(parsed.value.headers.at(-1), ["x-y", "a b"]);
  assert.equal(parsed.value.keepAlive, true);
});

Deno.test("parseHead() takes the forms that clients use", () => {
  const cases: readonly (readonly [string[], Record<string, unknown>])[] = [
    [["GET http://rayvisor.invalid/v1/vms HTTP/1.1", "host: h"], { target: "/v1/vms" }],
    [["GET / HTTP/1.0"], { keepAlive: false, minor: 0 }],
    [["GET / HTTP/1.1", "host: h", "connection: a, Close"], { keepAlive: false }],
    [["POST / HTTP/1.1", "host: h", "transfer-encoding: Chunked"], { body: { kind: "chunked" } }],
    [["POST / HTTP/1.1", "host: h", "content-length: 0"], { body: { kind: "none" } }],
    [["POST / HTTP/1.1", "host: h", "expect: 100-Continue"], { expectsContinue: true }],
  ];
  for (const [lines, expected] of cases) {
    const parsed = parse(...lines);
    assert.ok(parsed.ok, lines[0]);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(parsed.value[key as keyof typeof parsed.value], value, lines.join(" | "));
    }
  }
});

Deno.test("parseHead() refuses what could be read in two ways", () => {
  const host = "host: h";
  const cases: readonly (readonly [number, ...string[]])[] = [
    [400, "hello"],
    [400, "GET  / HTTP/1.1", host],
    [400, "G@T / HTTP/1.1", host],
    [400, "GET vms HTTP/1.1", host],
    [400, "GET / HTTP/1.1"],
    [400, "GET / HTTP/1.1", host, host],
    [400, "GET / HTTP/1.1", host, " folded: x"],
    [400, "GET / HTTP/1.1", host, "a b: x"],
    [400, "GET / HTTP/1.1", host, "a: x\x00y"],
    [400, "GET / HTTP/1.1", host, "a: x\ny: z"],
    [400, "POST / HTTP/1.1", host, "content-length: 1", "content-length: 2"],
    [400, "POST / HTTP/1.1", host, "content-length: +1"],
    [400, "POST / HTTP/1.1", host, "content-length: 1", "transfer-encoding: chunked"],
    [501, "POST / HTTP/1.1", host, "transfer-encoding: gzip, chunked"],
    [505, "GET / HTTP/2.0", host],
    [431, "GET / HTTP/1.1", host, ...Array.from({ length: 101 }, (_, i) => `a${i}: x`)],
  ];
  for (const [status, ...lines] of cases) {
    const parsed = parse(...lines);
    assert.equal(parsed.ok ? "taken" : parsed.error.status, status, lines.slice(0, 4).join(" | "));
  }
});

Deno.test("endOfHead() finds the empty line, wherever the pieces are cut", () => {
  const whole = bytes("GET / HTTP/1.1\r\nhost: h\r\n\r\nrest");
  for (let from = 0; from < 27; from++) assert.equal(endOfHead(whole, from), 27, `from ${from}`);
  for (let cut = 0; cut < 27; cut++) assert.equal(endOfHead(whole.subarray(0, cut)), -1, `cut at ${cut}`);
});
