import assert from "node:assert/strict";
import { ipText } from "../core/ipv4.ts";
import { resolversOf } from "./dns.ts";
import { type GatewayWord, readWord, wordLine, WordReader } from "./words.ts";

Deno.test("a supervisor reads words, and nothing else, of whatever a gateway writes", () => {
  const words: readonly GatewayWord[] = [
    { ev: "ready", resolvers: 1 },
    { ev: "denied", proto: "udp", dst: "10.0.0.1:53", unsaid: 3 },
    {
      ev: "figures",
      up_ms: 9,
      rx_bytes: 1,
      tx_bytes: 2,
      rx_packets: 6,
      tx_packets: 7,
      tcp: 3,
      udp: 4,
      denied: 5,
    },
    { ev: "ended", why: "because" },
  ];
  for (const word of words) assert.deepEqual(readWord(wordLine(word)), word);
  const reader = new WordReader();
  const stream = words.map((word) => wordLine(word) + "\n").join("") + "x".repeat(5000) +
    '{"ev":"ready"}\n{}\n[\n';
  const found: GatewayWord[] = [];
  for (let at = 0; at < stream.length; at += 7) found.push(...reader.take(stream.slice(at, at + 7)));
  assert.deepEqual(found, words);
  for (
    const bad of [
      '{"ev":"denied","proto":"tcp","dst":"\\u001b[2J:1"}',
      '{"ev":"other"}',
      "7",
      '{"ev":"figures","rx_bytes":1}',
      '{"ev":"denied"}',
    ]
  ) {
    assert.equal(readWord(bad), undefined, bad);
  }
});

Deno.test("resolversOf() takes the first three IPv4 resolvers", () => {
  const file =
    "# x\nnameserver 127.0.0.53\nsearch lan\nnameserver fe80::1%eth0\n nameserver\t9.9.9.9 # y\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n";
  assert.deepEqual(resolversOf(file).map(ipText), ["127.0.0.53", "9.9.9.9", "1.1.1.1"]);
});
