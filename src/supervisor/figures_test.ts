import assert from "node:assert/strict";
import {
  type CardReading,
  figuresOf,
  type Known,
  NO_READING,
  parseProcessTimes,
  type Reading,
  sumsOf,
} from "./figures.ts";

const KNOWN: Known = { id: "g1", state: "running", ready: true, presented: false, vcpus: 1, memoryMib: 64 };
const NOW = { at: 10_000, wallMs: 1_700_000_010_000 };

const node = (bytes: number, ops: number) => ({
  node: "disk0",
  read_bytes: bytes,
  written_bytes: 2 * bytes,
  read_ops: ops,
  write_ops: 2 * ops,
});

function reading(at: number, ticks: number, bytes: number, more: Partial<Reading> = {}): Reading {
  return {
    process: { at, ticks, vcpuTicks: ticks - 10, rssBytes: 45 * 2 ** 20 },
    qemu: { at, block: [node(bytes, bytes / 512)], inside: null },
    stale: false,
    network: [],
    ...more,
  };
}

Deno.test("figures are counters, and rates from one sample to the next", () => {
  const before = reading(8_000, 100, 1024), now = reading(10_000, 150, 5120);
  const { cpu, block, memory, age_ms } = figuresOf(KNOWN, now, before, NOW);
  assert.deepEqual(cpu, { seconds: 1.5, vcpu_seconds: 1.4, percent: 25, vcpu_percent: 25 });
  assert.deepEqual(block?.[0], {
    ...node(5120, 10),
    rates: { read_bytes_per_s: 2048, written_bytes_per_s: 4096, read_ops_per_s: 4, write_ops_per_s: 8 },
  });
  assert.deepEqual(memory, { assigned_mib: 64, rss_mib: 45, inside: null });
  assert.equal(age_ms, 0);
});

Deno.test("no rate is made of what can't be compared", () => {
  const now = reading(10_000, 150, 5120);
  const cases: readonly (readonly [string, Reading, Reading | undefined, boolean, boolean])[] = [
    ["the first sample", now, undefined, false, false],
    ["counters that went back", now, reading(8_000, 200, 9000), false, false],
    [
      "another node",
      now,
      { ...reading(8_000, 100, 1024), qemu: { at: 8_000, block: [], inside: null } },
      true,
      false,
    ],
    ["a QEMU that owes its answer", { ...now, stale: true }, reading(8_000, 100, 1024), true, false],
    [
      "a process that could not be looked at before",
      now,
      { ...reading(8_000, 1, 1024), process: null },
      false,
      true,
    ],
    ["no time between them", now, reading(10_000, 100, 5120), false, true],
  ];
  for (const [name, reading, before, hasCpu, hasBlock] of cases) {
    const { cpu, block } = figuresOf(KNOWN, reading, before, NOW);
    assert.equal(cpu?.percent !== null, hasCpu, `${name}: processor`);
    assert.equal(block?.[0]?.rates !== null, hasBlock, `${name}: blocks`);
  }
});

Deno.test("a guest that stands still has rates of nothing, and one that does not run has no figures", () => {
  const first = reading(8_000, 100, 1024);
  const still = { ...reading(10_000, 100, 1024), qemu: first.qemu };
  const figures = figuresOf({ ...KNOWN, state: "paused" }, still, first, NOW);
  assert.deepEqual(figures.block?.[0]?.rates, {
    read_bytes_per_s: 0,
    written_bytes_per_s: 0,
    read_ops_per_s: 0,
    write_ops_per_s: 0,
  });
  assert.deepEqual([figures.cpu?.percent, figures.stale, figures.age_ms], [0, false, 2_000]);
  const stopped = figuresOf({ ...KNOWN, state: "stopped", memoryMib: null }, NO_READING, undefined, NOW);
  assert.deepEqual([stopped.cpu, stopped.block, stopped.memory.rss_mib, stopped.age_ms], [
    null,
    null,
    null,
    null,
  ]);
});

const gateway = {};

function card(at: number, bytes: number, of: object = gateway): CardReading {
  const counters = { rx_bytes: bytes, tx_bytes: 2 * bytes, rx_packets: bytes / 64, tx_packets: bytes / 32 };
  return { at, gateway: of, counters: { card: "card-rp0", ...counters } };
}

Deno.test("a network card has counters, and rates by its gateway's own clock", () => {
  const at = (ms: number, network: Reading["network"]) => reading(ms, 1, 512, { network });
  const now = at(10_000, [card(5_000, 4096)]);
  const { network } = figuresOf(KNOWN, now, at(8_000, [card(1_000, 1024)]), NOW);
  assert.deepEqual(network, [{
    ...card(0, 4096).counters,
    rates: { rx_bytes_per_s: 768, tx_bytes_per_s: 1536, rx_packets_per_s: 12, tx_packets_per_s: 24 },
  }]);
  const quiet = figuresOf(KNOWN, now, at(8_000, [card(4_000, 4096)]), NOW);
  assert.equal(quiet.network?.[0]?.rates?.rx_bytes_per_s, 0);
  const without: readonly (readonly [string, Reading["network"] | undefined])[] = [
    ["the first sample", undefined],
    ["no card before", []],
    ["a gateway that had not answered", null],
    ["an answer that is still owed", [card(5_000, 4096)]],
    ["another gateway with less", [card(900, 9000, {})]],
    ["another gateway with more to come", [card(900, 1, {})]],
    ["counters that went back", [card(4_000, 9000)]],
    ["a clock that went back", [card(9_000, 1024)]],
  ];
  for (const [name, before] of without) {
    const { network } = figuresOf(KNOWN, now, before === undefined ? before : at(8_000, before), NOW);
    assert.deepEqual([network?.[0]?.rx_bytes, network?.[0]?.rates], [4096, null], name);
  }
});

Deno.test("a guest without a card has no figures of one, and one whose gateway is silent has unknown ones", () => {
  assert.deepEqual(figuresOf(KNOWN, reading(10_000, 1, 512), undefined, NOW).network, []);
  assert.deepEqual(figuresOf(KNOWN, NO_READING, undefined, NOW).network, []);
  assert.equal(figuresOf(KNOWN, reading(10_000, 1, 512, { network: null }), undefined, NOW).network, null);
});

Deno.test("the guest's own word about its memory has its age, and a clock that was set back makes no negative one", () => {
  const inside = { totalBytes: 60 * 2 ** 20, availableBytes: 20 * 2 ** 20, saidAt: 1_700_000_005 };
  const now = reading(10_000, 1, 512, { qemu: { at: 10_000, block: [], inside } });
  assert.deepEqual(figuresOf(KNOWN, now, undefined, NOW).memory.inside, {
    total_mib: 60,
    available_mib: 20,
    age_s: 5,
  });
  assert.equal(figuresOf(KNOWN, now, undefined, { ...NOW, wallMs: 0 }).memory.inside?.age_s, 0);
});

Deno.test("sums are over those that are known", () => {
  const one = figuresOf(KNOWN, reading(10_000, 150, 1), reading(8_000, 100, 1), NOW);
  const other = figuresOf({ ...KNOWN, id: "g2" }, reading(10_000, 150, 1, { stale: true }), undefined, NOW);
  const stopped = figuresOf({ ...KNOWN, id: "g3", memoryMib: null }, NO_READING, undefined, NOW);
  assert.deepEqual(sumsOf([one, other, stopped]), { running: 2, stale: 1, cpu_percent: 25, rss_mib: 90 });
  assert.equal(sumsOf([stopped]).cpu_percent, null);
});

Deno.test("parseProcessTimes() takes what the kernel writes, with any name in it, and leaves out what is none", () => {
  const line = (pid: number, name: string) =>
    `${pid} (${name}) S 1 2 3 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 3 0 5000 200000000 1000 18446744073709551615 1\n`;
  const text = line(7, "qemu-system-x86") + line(8, "CPU 0/TCG) R 9 (\\n") +
    "cat: no such file\n9 (x) S 1\n\n";
  assert.deepEqual(parseProcessTimes(text), [
    { pid: 7, startTicks: 5000, ticks: 42, rssBytes: 4_096_000 },
    { pid: 8, startTicks: 5000, ticks: 42, rssBytes: 4_096_000 },
  ]);
});
