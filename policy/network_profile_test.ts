import assert from "node:assert/strict";
import fc from "fast-check";
import { isPrivateNetwork, parseAllowEntry, parseIpv4, parseIpv6 } from "./network_profile.ts";

const why = (text: string) => {
  const entry = parseAllowEntry(text);
  return entry.ok ? "" : `${entry.error.why}${entry.error.hint ? ` | ${entry.error.hint}` : ""}`;
};

Deno.test("parseAllowEntry() reads hosts, wildcards, networks of both families and ranges of ports", () => {
  const value = (text: string) => {
    const entry = parseAllowEntry(text);
    assert.ok(entry.ok, why(text));
    return entry.value;
  };
  assert.deepEqual(value("Time.Example.net:123/udp"), {
    text: "Time.Example.net:123/udp",
    kind: "host",
    name: "time.example.net",
    wildcard: false,
    ports: { from: 123, to: 123 },
    protocol: "udp",
  });
  assert.deepEqual(value("*.example.net:8000-8080/tcp"), {
    text: "*.example.net:8000-8080/tcp",
    kind: "host",
    name: "example.net",
    wildcard: true,
    ports: { from: 8000, to: 8080 },
    protocol: "tcp",
  });
  assert.deepEqual(value("203.0.113.0/24:443/tcp"), {
    text: "203.0.113.0/24:443/tcp",
    kind: "cidr",
    bytes: [203, 0, 113, 0],
    prefix: 24,
    ports: { from: 443, to: 443 },
    protocol: "tcp",
  });
  const v6 = value("[2001:db8::/32]:443/tcp");
  assert.ok(v6.kind === "cidr" && v6.prefix === 32 && v6.bytes.length === 16);
  const single = value("192.0.2.7:53/udp");
  assert.ok(single.kind === "cidr" && single.prefix === 32);
});

Deno.test("parseAllowEntry() says what is wrong and what was probably meant", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["example.net", /no port and protocol.*write "example.net:443\/tcp"/],
    ["example.net:443", /no port and protocol/],
    ["example.net:443/sctp", /"sctp" is not tcp or udp/],
    ["example.net:0/tcp", /"0" is not a port/],
    ["example.net:65536/tcp", /not a port/],
    ["example.net:90-80/tcp", /not a port/],
    ["example.net:080/tcp", /not a port/],
    ["*:443/tcp", /'\*' may stand only/],
    ["*.net:443/tcp", /too wide/],
    ["a.*.net:443/tcp", /'\*' may stand only/],
    ["-a.net:443/tcp", /not a host name/],
    ["a..net:443/tcp", /not a host name/],
    ["münchen.de:443/tcp", /not a host name.*xn--/],
    ["192.0.2.256:1/tcp", /not an IP network/],
    ["192.0.2:1/tcp", /not an IP network/],
    ["010.0.0.1:1/tcp", /not an IP network/],
    ["a.0x7f:1/tcp", /can't end in a number/],
    ["192.0.2.1/24:1/tcp", /bits set after its prefix.*192\.0\.2\.0\/24/],
    ["192.0.2.0/33:1/tcp", /prefix length 33 is above 32/],
    ["0.0.0.0/0:1/tcp", /everything.*egress = "any"/],
    ["2001:db8::1:443/tcp", /brackets.*write "\[2001:db8::1\]:443\/tcp"/],
    ["[2001:db8::1/64]:1/tcp", /bits set after its prefix/],
    ["[::ffff:1.2.3.4]:1/tcp", /not an IP network/],
    ["[1::2::3]:1/tcp", /not an IP network/],
    ["", /no port/],
  ];
  for (const [text, expected] of table) assert.match(why(text), expected, text);
});

Deno.test("parseAllowEntry() is total and never accepts a control character or a blank", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const entry = parseAllowEntry(text);
    // deno-lint-ignore no-control-regex
    if (entry.ok) assert.doesNotMatch(text, /[\x00-\x20\x7f]/);
  }));
});

Deno.test("addresses are read back to the same bytes", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(parseIpv4(text)?.join("."), text)));
  fc.assert(fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
    const bytes = groups.flatMap((g) => [g >> 8, g & 255]);
    assert.deepEqual(parseIpv6(groups.map((g) => g.toString(16)).join(":")), bytes);
  }));
  assert.deepEqual(parseIpv6("::1")?.at(-1), 1);
  assert.equal(parseIpv6("1:2:3:4:5:6:7::8"), undefined);
});

Deno.test("isPrivateNetwork() knows the ranges that are not public", () => {
  const of = (text: string, prefix: number) =>
    isPrivateNetwork(parseIpv4(text) ?? parseIpv6(text) ?? [], prefix);
  for (
    const [text, prefix] of [
      ["10.1.0.0", 16],
      ["172.31.0.0", 16],
      ["192.168.7.7", 32],
      ["169.254.169.254", 32],
      ["127.0.0.1", 32],
      ["fe80::", 64],
      ["fd00::", 8],
      ["::1", 128],
      ["100.64.0.1", 32],
    ] as const
  ) {
    assert.equal(of(text, prefix), true, text);
  }
  for (
    const [text, prefix] of [["203.0.113.0", 24], ["172.32.0.0", 16], ["8.0.0.0", 7], [
      "2001:db8::",
      32,
    ]] as const
  ) {
    assert.equal(of(text, prefix), false, text);
  }
});
