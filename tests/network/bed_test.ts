/** The gateway as the compiled program has it, with QEMU's own wire, in a world of namespaces. */
import assert from "node:assert/strict";
import { ASK_FIGURES, type GatewayWord, type NetworkFigures, readWord } from "../../src/network/words.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { BINARY } from "../e2e/rig.ts";
import { MIB } from "../../src/core/units.ts";
import { MAX_FRAME } from "../../src/network/frames.ts";
import { type Bed, bedMissing, GOOD, HOST, HOST_OTHER, makeBed, NOT_PUBLIC_THERE } from "./bed.ts";

interface Running {
  readonly child: Deno.ChildProcess;
  /** Words so far. */
  readonly words: GatewayWord[];
  until(ev: GatewayWord["ev"]): Promise<GatewayWord>;
  figures(): Promise<NetworkFigures>;
  /** As its starter that ends. */
  leave(): Promise<void>;
}

function gateway(bed: Bed): Running {
  const child = bed.onHost(BINARY, ["gateway", "--socket", bed.socket], {
    stdin: "piped",
    stdout: "piped",
  });
  const words: GatewayWord[] = [];
  let changed = Promise.withResolvers<void>();
  let isOver = false;
  const stdin = child.stdin.getWriter();
  void (async () => {
    for await (
      const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    ) {
      const word = readWord(line);
      if (word) words.push(word);
      changed.resolve();
      changed = Promise.withResolvers();
    }
    isOver = true;
    changed.resolve();
  })();
  const next = async (ev: GatewayWord["ev"], from: number) => {
    while (true) {
      const found = words.slice(from).find((word) => word.ev === ev);
      if (found) return found;
      assert.ok(!isOver, `the gateway ended without a word '${ev}'`);
      await changed.promise;
    }
  };
  return {
    child,
    words,
    until: (ev) => next(ev, 0),
    async figures() {
      const from = words.length;
      await stdin.write(new TextEncoder().encode(ASK_FIGURES));
      const word = await next("figures", from);
      assert.ok(word.ev === "figures");
      return word;
    },
    leave: () => stdin.close(),
  };
}

Deno.test({
  name: "a guest reaches the internet through its gateway, and neither the host nor what is not public",
  // Programs that run in namespaces are ended by the bed.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const missing = await bedMissing();
    // deno-lint-ignore no-console -- a test that is left out says so
    if (missing) return console.log(`SKIP ${t.name}: ${missing}`);
    const bed = await makeBed();
    try {
      let running = gateway(bed);
      await running.until("ready");

      await t.step("TCP, UDP, names and halves of connections pass", async () => {
        const found = await bed.probe(
          `tcp:${GOOD}:7`,
          `udp:${GOOD}:7`,
          "dns:good.test",
          "dnstcp:good.test",
          "dns:nobody.test",
          `half:${GOOD}`,
          `tcp:${GOOD}:81`,
        );
        assert.deepEqual(found, {
          [`tcp:${GOOD}:7`]: "open",
          [`udp:${GOOD}:7`]: "open",
          "dns:good.test": GOOD,
          "dnstcp:good.test": GOOD,
          "dns:nobody.test": "code 3",
          [`half:${GOOD}`]: "right",
          [`tcp:${GOOD}:81`]: "ConnectionRefused",
        });
      });

      await t.step("the host is not there, by none of its addresses", async () => {
        const there = ["127.0.0.1", HOST, HOST_OTHER, "10.0.2.2", "10.0.2.3"];
        const onGuest = "127.0.0.1"; // the guest's own: never leaves it
        const tries = there.filter((one) => one !== onGuest).flatMap((
          one,
        ) => [`tcp:${one}:7070`, `udp:${one}:7070`]);
        for (const [what, came] of Object.entries(await bed.probe(...tries))) {
          assert.notEqual(came, "open", what);
        }
      });

      await t.step("nor is what is not public, by address or by name", async () => {
        const tries = NOT_PUBLIC_THERE.flatMap((one) => [`tcp:${one}:7`, `udp:${one}:7`]);
        for (const [what, came] of Object.entries(await bed.probe(...tries))) {
          assert.notEqual(came, "open", what);
          if (what.startsWith("tcp")) assert.equal(came, "ConnectionRefused", `${what} is refused at once`);
        }
        const named = await bed.probe("dns:rebind.test", "dns:loopback.test");
        assert.deepEqual(Object.values(named), ["10.99.0.5", "127.0.0.1"], "a name may say what it likes");
        const denied = running.words.flatMap((word) => word.ev === "denied" ? [word.dst] : []);
        assert.ok(denied.includes("10.99.0.5:7"), JSON.stringify(denied));
        assert.ok(denied.includes(`${HOST}:7070`));
      });

      await t.step("an address that the host gets meanwhile is refused too", async () => {
        const late = "203.0.113.77";
        await bed.addHostAddress(late);
        await bed.probe("dns:good.test"); // a moment passes
        const found = await bed.probe(`tcp:${late}:7070`, `tcp:${late}:22`);
        assert.deepEqual(Object.values(found), ["ConnectionRefused", "ConnectionRefused"]);
        assert.ok(running.words.some((word) => word.ev === "denied" && word.dst === `${late}:22`));
      });

      await t.step("much passes, whole, both ways", async () => {
        const before = await running.figures();
        const found = await bed.probe(`down:${GOOD}:30`, `up:${GOOD}:20`);
        for (const came of Object.values(found)) assert.match(came, /^right/);
        const after = await running.figures();
        const passed = (key: keyof NetworkFigures) => after[key] - before[key];
        // Heads and acknowledgements besides, what is sent once more, and what was under way when `down` had enough.
        for (
          const [bytes, packets, mib] of [["rx_bytes", "rx_packets", 30], [
            "tx_bytes",
            "tx_packets",
            20,
          ]] as const
        ) {
          const moved = passed(bytes), frames = passed(packets);
          assert.ok(moved >= mib * MIB && moved < (mib + 20) * MIB, `${bytes}: ${moved}`);
          assert.ok(frames > mib * MIB / MAX_FRAME && frames < moved / 40, `${packets}: ${frames}`);
        }
        assert.ok(passed("up_ms") > 0);
      });

      await t.step("a guest that shouts does not fill anything", async () => {
        const tries = Array.from({ length: 400 }, (_, i) => `tcp:10.7.${i >> 8}.${i & 255}:1`);
        await bed.probe(...tries);
        const said = running.words.filter((word) => word.ev === "denied").length;
        assert.ok(said < 60, `${said} words`);
      });

      await t.step("without its gateway nothing passes, with a new one it does again", async () => {
        const child = Deno.Command && running.child;
        child.kill("SIGKILL");
        await child.status;
        const none = await bed.probe(`udp:${GOOD}:7`, "dns:good.test");
        assert.ok(Object.values(none).every((came) => came === "silent"), JSON.stringify(none));
        running = gateway(bed);
        await running.until("ready");
        assert.deepEqual(await bed.probe(`udp:${GOOD}:7`), { [`udp:${GOOD}:7`]: "open" });
      });

      await t.step("it ends when its starter does", async () => {
        await running.leave();
        assert.equal((await running.child.status).success, true);
      });
    } finally {
      await bed.end();
    }
  },
});
