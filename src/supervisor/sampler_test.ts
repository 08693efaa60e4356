/** The sampler with the fake QMP server: one that answers, one that falls silent, one that dies. */
import assert from "node:assert/strict";
import type { GuestFigures, LiveSample } from "../actions/live_views.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import { QmpClient } from "../qmp/client.ts";
import { type FakeAnswer, FakeQmpServer, returns } from "../../tests/fakes/fake_qmp_server.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import type { NetworkFigures } from "../network/words.ts";
import type { Plugged } from "./cards.ts";
import type { Known } from "./figures.ts";
import { Sampler, type Subject } from "./sampler.ts";

const STATS = {
  rd_bytes: 512,
  wr_bytes: 0,
  rd_operations: 1,
  wr_operations: 0,
  flush_operations: 0,
  rd_total_time_ns: 0,
  wr_total_time_ns: 0,
  failed_rd_operations: 0,
  failed_wr_operations: 0,
  wr_highest_offset: 0,
};
const BLOCK = [{ "node-name": "disk0", stats: STATS }];

interface Guest {
  readonly server: FakeQmpServer;
  known: Known;
  network: Plugged | undefined;
  subject(): Subject;
  /** How often QEMU was asked for this. */
  asked(command: string): number;
}

interface Rig {
  readonly clock: ManualClock;
  readonly sampler: Sampler;
  readonly paths: string[][];
  guest(id: string, block?: () => FakeAnswer): Promise<Guest>;
}

const statLine = (pid: number, ticks: number) =>
  `${pid} (q) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 77 0 11520 0\n`;

async function withSampler(use: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-sampler-" });
  const clock = new ManualClock();
  const guests: Guest[] = [], clients: QmpClient[] = [], paths: string[][] = [];
  const sampler = new Sampler({
    clock,
    subjects: () => guests.map((guest) => guest.subject()),
    readKernelFiles: (asked) => {
      paths.push([...asked]);
      const pids = asked.map((path) => Number(/(\d+)\/stat$/.exec(path)?.[1]));
      return Promise.resolve(pids.map((pid) => statLine(pid, paths.length * 100)).join(""));
    },
  });
  try {
    await use({
      clock,
      sampler,
      paths,
      async guest(id, block = () => returns(BLOCK)) {
        const server = FakeQmpServer.listen(`${folder}/${id}`, {
          answers: {
            "query-blockstats": () => block(),
            "query-cpus-fast": returns([{
              "cpu-index": 0,
              "qom-path": "/x",
              "thread-id": 1000 + guests.length,
            }]),
            "qom-set": returns({}),
          },
        });
        const qmp = await QmpClient.negotiate(await connectUnix(server.path), { clock });
        clients.push(qmp);
        const run = { qmp, qemu: { pid: 100 + guests.length, startTicks: 77, bootId: "b" } };
        const guest: Guest = {
          server,
          known: { id, state: "running", ready: false, presented: false, vcpus: 1, memoryMib: 64 },
          network: undefined,
          subject: () => ({
            known: guest.known,
            run,
            ...(guest.network ? { network: guest.network } : {}),
          }),
          asked: (command) => server.received.filter(({ execute }) => execute === command).length,
        };
        guests.push(guest);
        return guest;
      },
    });
  } finally {
    for (const client of clients) client.close();
    for (const { server } of guests) await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function figures(sample: LiveSample, id: string): GuestFigures {
  const found = sample.guests.find((guest) => guest.id === id);
  assert.ok(found);
  return found;
}

/** Lets what waits for real sockets go on, up to the moment when `done`. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("nothing is asked and no timer runs while nobody looks", () =>
  withSampler(async ({ clock, sampler, guest, paths }) => {
    const g1 = await guest("g1");
    assert.equal(clock.armed, 0);
    clock.advance(60_000);
    assert.deepEqual([g1.asked("query-blockstats"), paths.length], [0, 0]);
    await sampler.now();
    assert.equal(clock.armed, 0, "one look leaves nothing behind");
    clock.advance(60_000);
    assert.equal(g1.asked("query-blockstats"), 1);
  }));

Deno.test("a second's worth of requests share one sample, and all processes are read at once", () =>
  withSampler(async ({ clock, sampler, guest, paths }) => {
    const g1 = await guest("g1");
    await guest("g2");
    const [one, other] = await Promise.all([sampler.now(), sampler.now()]);
    assert.equal(one, other);
    clock.advance(999);
    assert.equal(await sampler.now(), one);
    assert.equal(g1.asked("query-blockstats"), 1);
    assert.deepEqual(paths, [[
      "/proc/100/stat",
      "/proc/100/task/1000/stat",
      "/proc/101/stat",
      "/proc/101/task/1001/stat",
    ]]);
    clock.advance(1);
    const next = await sampler.now();
    assert.equal(next.interval_ms, 1_000);
    assert.equal(figures(next, "g1").cpu?.percent, 100);
  }));

Deno.test("whoever follows gets a sample each second, and the last to go ends it", () =>
  withSampler(async ({ clock, sampler, guest }) => {
    const g1 = await guest("g1");
    const seen: LiveSample[] = [];
    const leave = sampler.listen((sample) => seen.push(sample));
    for (let n = 1; n <= 3; n++) {
      await until(() => seen.length === n && clock.armed === 1);
      clock.advance(1_000);
    }
    await until(() => seen.length === 4 && clock.armed === 1);
    const late: LiveSample[] = [];
    const leaveToo = sampler.listen((sample) => late.push(sample));
    assert.deepEqual(late, seen.slice(-1), "who comes later need not wait for the next");
    leave();
    leaveToo();
    assert.equal(clock.armed, 0);
    clock.advance(60_000);
    assert.equal(seen.length, 4);
    await until(() => g1.asked("qom-set") === 2);
    const intervals = g1.server.received.filter(({ execute }) => execute === "qom-set")
      .map((message) => (message.arguments as { value: number }).value);
    assert.deepEqual(
      intervals,
      [2, 30],
      "the guest tells of its memory more often only while somebody follows",
    );
  }));

Deno.test("a QEMU that is silent delays nobody but once, is not asked again, and shows as stale with its age", () =>
  withSampler(async ({ clock, sampler, guest }) => {
    let isSilent = false;
    await guest("good");
    const hung = await guest("hung", () => isSilent ? { kind: "hold", value: BLOCK } : returns(BLOCK));
    assert.equal(figures(await sampler.now(), "hung").stale, false);
    isSilent = true;
    clock.advance(1_000);
    const waiting = sampler.now();
    await hung.server.got("query-blockstats");
    await until(() => hung.asked("query-blockstats") === 2);
    clock.advance(250);
    const first = await waiting;
    assert.deepEqual([figures(first, "hung").stale, figures(first, "hung").age_ms], [true, 1_250]);
    assert.equal(figures(first, "hung").block?.[0]?.read_bytes, 512, "the last figures stand");
    assert.deepEqual([figures(first, "good").stale, first.sums.stale], [false, 1]);
    for (let n = 0; n < 3; n++) {
      clock.advance(1_000);
      const sample = await sampler.now(); // without a time-out having to pass
      assert.equal(figures(sample, "hung").stale, true);
    }
    assert.equal(hung.asked("query-blockstats"), 2);
    isSilent = false;
    await hung.server.release();
    clock.advance(1_000);
    await until(() => hung.asked("query-blockstats") === 2);
    let sample = await sampler.now();
    while (figures(sample, "hung").stale) {
      clock.advance(1_000);
      sample = await sampler.now();
    }
    assert.equal(sample.sums.stale, 0);
  }));

Deno.test("a paused guest is asked once more and then left alone", () =>
  withSampler(async ({ clock, sampler, guest }) => {
    const g1 = await guest("g1");
    await sampler.now();
    g1.known = { ...g1.known, state: "paused" };
    for (let n = 0; n < 4; n++) {
      clock.advance(1_000);
      assert.equal(figures(await sampler.now(), "g1").stale, false);
    }
    assert.equal(g1.asked("query-blockstats"), 2);
    g1.known = { ...g1.known, state: "running" };
    clock.advance(1_000);
    await sampler.now();
    assert.equal(g1.asked("query-blockstats"), 3);
  }));

Deno.test("a QEMU that dies in the middle of a sample does not spoil it", () =>
  withSampler(async ({ sampler, guest }) => {
    await guest("good");
    await guest("dead", () => ({ kind: "disconnect" }));
    const sample = await sampler.now();
    assert.deepEqual([figures(sample, "dead").stale, figures(sample, "dead").block], [true, null]);
    assert.equal(figures(sample, "good").block?.length, 1);
  }));

/** A gateway whose card has received so many bytes; undefined: it does not answer. */
function plugged(answer: () => Promise<number | undefined>, upMs: () => number): Plugged {
  const counted = { tx_bytes: 0, rx_packets: 0, tx_packets: 0, tcp: 0, udp: 0, denied: 0 };
  return {
    card: { device: "card-rp0" },
    gateway: {
      async figures(): Promise<NetworkFigures | undefined> {
        const rx_bytes = await answer();
        return rx_bytes === undefined ? undefined : { up_ms: upMs(), rx_bytes, ...counted };
      },
    },
  };
}

Deno.test("a network card's figures are there as long as it is, and begin anew with another gateway", () =>
  withSampler(async ({ clock, sampler, guest }) => {
    const g1 = await guest("g1");
    const sampled = async () => {
      clock.advance(1_000);
      const { network } = figures(await sampler.now(), "g1");
      return network?.map(({ rx_bytes, rates }) => [rx_bytes, rates?.rx_bytes_per_s ?? null]);
    };
    assert.deepEqual(await sampled(), []);
    let bytes = 1_000_000;
    const began = clock.monotonic();
    g1.network = plugged(() => Promise.resolve(bytes), () => clock.monotonic() - began);
    assert.deepEqual(await sampled(), [[1_000_000, null]]);
    bytes += 500;
    assert.deepEqual(await sampled(), [[1_000_500, 500]]);
    g1.network = plugged(() => Promise.resolve(2_000_000), () => 1);
    assert.deepEqual(await sampled(), [[2_000_000, null]], "what another one counted is nobody's rate");
    g1.network = undefined;
    assert.deepEqual(await sampled(), []);
  }));

Deno.test("a gateway that is silent delays one sample, and its last figures stand without rates", () =>
  withSampler(async ({ clock, sampler, guest }) => {
    const g1 = await guest("g1");
    let answer = Promise.withResolvers<number | undefined>();
    const says = async (bytes: number | undefined) => {
      answer.resolve(bytes);
      answer = Promise.withResolvers();
      await new Promise((resolve) => setTimeout(resolve, 0)); // all that waits for it goes on
    };
    g1.network = plugged(() => answer.promise, () => clock.monotonic());
    const waiting = sampler.now();
    await until(() => clock.armed === 1 && g1.asked("query-blockstats") === 1);
    clock.advance(250);
    assert.equal(figures(await waiting, "g1").network, null, "it has never answered");
    await says(undefined);
    clock.advance(1_000);
    assert.equal(figures(await sampler.now(), "g1").network, null, "without a time-out having to pass");
    await says(700);
    clock.advance(1_000);
    const waitingAgain = sampler.now();
    await until(() => g1.asked("query-blockstats") === 3 && clock.armed === 1);
    clock.advance(250);
    const { network, stale } = figures(await waitingAgain, "g1");
    assert.deepEqual([network?.[0]?.rx_bytes, network?.[0]?.rates, stale], [700, null, false]);
    await says(undefined);
  }));
