import assert from "node:assert/strict";
import fc from "fast-check";
import {
  complement,
  inRange,
  ipText,
  isDenied,
  isToEverybody,
  NOT_PUBLIC,
  parseIp,
  range,
  rangeText,
} from "./ipv4.ts";

const address = fc.integer({ min: 0, max: 0xffffffff });

Deno.test("parseIp() reads what ipText() writes, and nothing that only looks like an address", () => {
  fc.assert(fc.property(address, (ip) => assert.equal(parseIp(ipText(ip)), ip)));
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "0x7f.1", "::1", "1.2.3.-4"]
  ) {
    assert.equal(parseIp(text), undefined, text);
  }
});

Deno.test("isDenied() knows the host, and every range that is not public by its first and last address", () => {
  const denied = { ranges: NOT_PUBLIC, host: new Set([parseIp("203.0.113.2") ?? 0]) };
  const table: readonly (readonly [string, boolean])[] = [
    ["127.0.0.1", true],
    ["127.255.255.255", true],
    ["10.0.0.0", true],
    ["11.0.0.0", false],
    ["100.63.255.255", false],
    ["100.64.0.0", true],
    ["100.127.255.255", true],
    ["100.128.0.0", false],
    ["169.254.169.254", true],
    ["172.15.255.255", false],
    ["172.16.0.0", true],
    ["172.31.255.255", true],
    ["192.168.1.1", true],
    ["198.18.0.1", true],
    ["198.20.0.0", false],
    ["223.255.255.255", false],
    ["224.0.0.1", true],
    ["255.255.255.255", true],
    ["0.0.0.0", true],
    ["203.0.113.2", true],
    ["203.0.113.3", false],
    ["8.8.8.8", false],
  ];
  for (const [text, is] of table) assert.equal(isDenied(parseIp(text) ?? 0, denied), is, text);
});

Deno.test("complement() is every address outside of what is left out, and no other", () => {
  const rest = complement(NOT_PUBLIC);
  fc.assert(fc.property(address, (ip) => {
    const out = NOT_PUBLIC.some((one) => inRange(ip, one));
    assert.equal(rest.filter((one) => inRange(ip, one)).length, out ? 0 : 1, ipText(ip));
  }));
});

Deno.test("range() takes networks alone", () => {
  assert.equal(rangeText(range("10.0.0.0/8")), "10.0.0.0/8");
  for (const text of ["10.0.0.1/8", "10.0.0.0/33", "x/8"]) assert.throws(() => range(text), RangeError, text);
});

Deno.test("isToEverybody() knows broadcast and groups", () => {
  const wire = range("10.0.2.0/24");
  const to = (text: string) => isToEverybody(parseIp(text) ?? 0, wire);
  assert.deepEqual(["10.0.2.255", "255.255.255.255", "239.255.255.250", "10.0.2.3", "9.9.9.9"].map(to), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
