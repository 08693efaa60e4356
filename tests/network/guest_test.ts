/** A guest's network as a provisioning run has it: a real guest sees its card come and go, however the run ends. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import type { CardFigures, GuestFigures } from "../../src/actions/live_views.ts";
import { ApiClient } from "../../src/api/client.ts";
import { connectHttpUnix } from "../../src/ports/http_unix.ts";
import { buildGuest } from "../guest/build.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { parseMetrics } from "../scale/metrics_page.ts";
import { POLICY, type Rig, serialUntil, showUntil, stopSupervisor, withRoot } from "../e2e/rig.ts";

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;
const SUPERVISOR = new URL("../fakes/network_supervisor.ts", import.meta.url).pathname;
const NETWORKED = POLICY.replace("[linux]\n", '[linux]\nnetworking = "provisioning_only"\n') + `
[profiles.setup]
kind = "linux"
present = true
networking = "provisioning_only"
network_profiles = ["unrestricted"]
max_vcpu = 1
max_memory_mb = 512
cpu_percent = 50
secure_boot = "allowed"
guest_agent = ["ping", "shutdown"]
[profiles.setup.snapshots]
suspend = true
`;
/** Bytes of a frame of the guest's ping. */
const PING = 1042;
const GRANTING = 'network_profiles = ["unrestricted"]';

/** Takes the place of the supervisor that the compiled program starts. */
async function serveNetworks(rig: Rig): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", SUPERVISOR, rig.root],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "ready\n");
  reader.releaseLock();
  return child;
}

/** The guest's live figures of a card, once `found` is content with them. */
async function liveUntil(
  rig: Rig,
  found: (network: GuestFigures["network"]) => boolean,
): Promise<readonly CardFigures[]> {
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 60_000);
  const seen: GuestFigures["network"][] = [];
  try {
    for await (const { guests } of await client.live(limit.signal)) {
      const network = guests.find(({ id }) => id === "setup")?.network ?? null;
      seen.push(network);
      if (found(network)) return network ?? [];
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
    client.close();
  }
  return assert.fail(`no figures made it so: ${JSON.stringify(seen.slice(-3))}`);
}

/** What `/metrics` says of the card: values by the names' middle, `receive_bytes` and the like. */
async function cardMetrics(rig: Rig): Promise<Record<string, number>> {
  const http = connectHttpUnix(layoutOf(rig.root).socket);
  const { samples } = parseMetrics(await (await http.fetch("/metrics")).text());
  http.close();
  return Object.fromEntries(samples.flatMap(({ name, labels, value }) => {
    const what = /^rayvisor_guest_network_(.*)_total$/.exec(name)?.[1];
    return what === undefined ? [] : [[`${labels.vm} ${labels.card} ${what}`, value]];
  }));
}

/** What the markers said of the guest's network, in order. */
async function sayings(rig: Rig, id: string): Promise<string[]> {
  const { stdout } = await rig.run("--json", "events", "-n", "500", "--vm", id);
  return stdout.trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ event }) => event.startsWith("RAYOS_NETWORK:"))
    .map(({ event, fields }) => `${event.slice(14)} ${fields.profile} ${fields.reason}`);
}

async function gatewayPid(root: string): Promise<number | undefined> {
  const { net } = layoutOf(root).runtime("setup");
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const cmdline = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (cmdline.includes("gateway") && cmdline.includes(net)) return Number(name);
  }
  return undefined;
}

Deno.test("a guest has a network only while a run that policy allows is under way, however that ends", async (t) => {
  await withRoot(async (rig) => {
    const { image } = await buildGuest({ cacheDir: CACHE });
    await Deno.mkdir(`${rig.root}/vm/linux`, { recursive: true });
    await Deno.copyFile(image, `${rig.root}/vm/linux/disk.raw`);
    await Deno.chmod(`${rig.root}/vm/linux/disk.raw`, 0o600);
    const memory = String(GUEST_MEMORY_MIB);
    let child = await serveNetworks(rig);
    const common = ["--type", "linux", "--memory", memory, "--disk", "vm/linux/disk.raw"];
    await rig.ok("vm", "define", "--id", "setup", "--profile", "setup", ...common);
    await rig.ok("vm", "start", "setup", "--wait", "ready");
    const cards = async (count: number) => {
      const text = await serialUntil(
        rig,
        "setup",
        (text) => text.split("NIC-DEL eth0").length > count || text.split("NIC-ADD eth0").length > count + 1,
      );
      return [text.split("NIC-ADD eth0").length - 1, text.split("NIC-DEL eth0").length - 1];
    };

    await t.step("on: the guest sees a card, and who asks is told", async () => {
      const began = performance.now();
      await rig.ok("net", "set", "setup", "unrestricted");
      // deno-lint-ignore no-console -- a figure for the reader
      console.log(`network on within ${Math.round(performance.now() - began)} ms`);
      await serialUntil(rig, "setup", (text) => text.includes("NIC-ADD eth0"));
      assert.equal((await rig.ok("vm", "show", "setup")).network, "unrestricted");
      const shown = await rig.ok("net", "show", "setup");
      assert.equal(shown.on.reason, "provisioning");
      assert.match(shown.on.mac, /^52:54:00:/);
      assert.equal(typeof shown.on.figures.rx_bytes, "number");
    });

    await t.step("what the guest moves shows in its figures, both ways", async () => {
      // It pings the router once a second, with 1000 bytes: 1042 with all heads.
      const [card] = await liveUntil(
        rig,
        (network) =>
          network?.some(({ rx_bytes, rates }) =>
            rx_bytes >= 2 * PING && rates !== null && rates.rx_bytes_per_s > 0
          ) ?? false,
      );
      assert.ok(card?.rates);
      const { rx_bytes, tx_bytes, rx_packets, tx_packets, rates } = card;
      assert.equal(card.card, "card-rp0");
      assert.ok(rx_packets >= 2 && tx_packets >= rx_packets && tx_bytes >= rx_bytes, JSON.stringify(card));
      for (const rate of [rates.rx_bytes_per_s, rates.tx_bytes_per_s]) {
        assert.ok(rate > 0 && rate < 20 * PING, JSON.stringify(rates));
      }
      const metrics = await cardMetrics(rig);
      assert.deepEqual(Object.keys(metrics), [
        "setup card-rp0 receive_bytes",
        "setup card-rp0 transmit_bytes",
        "setup card-rp0 receive_packets",
        "setup card-rp0 transmit_packets",
      ]);
      assert.ok((metrics["setup card-rp0 receive_bytes"] ?? 0) >= rx_bytes);
      assert.ok((metrics["setup card-rp0 transmit_packets"] ?? 0) >= tx_packets);
      const { live } = await rig.ok("vm", "show", "setup");
      assert.ok(live.network[0].rx_bytes >= rx_bytes);
      assert.match(
        (await rig.run("vm", "show", "setup")).stdout,
        /network card-rp0: received .* in \d+, sent/,
      );
      assert.match(
        (await rig.run("net", "show", "setup")).stdout,
        /received .* packets, sent .* 0 tries refused/,
      );
    });

    await t.step("it can't be suspended meanwhile", async () => {
      const { message } = await rig.fails(5, "vm", "suspend", "setup");
      assert.match(message, /network is on/);
    });

    await t.step("off: the card is gone, and its gateway", async () => {
      const pid = await gatewayPid(rig.root);
      assert.ok(pid);
      const began = performance.now();
      await rig.ok("net", "set", "setup", "off");
      // deno-lint-ignore no-console -- as above
      console.log(`network off within ${Math.round(performance.now() - began)} ms`);
      assert.deepEqual(await cards(1), [1, 1]);
      assert.equal(await gatewayPid(rig.root), undefined);
      assert.equal((await rig.ok("vm", "show", "setup")).network, "off");
      await rig.ok("net", "set", "setup", "off"); // once more does nothing
      assert.deepEqual(await liveUntil(rig, (network) => network?.length === 0), []);
      assert.deepEqual(await cardMetrics(rig), {});
      assert.deepEqual(await sayings(rig, "setup"), [
        "on unrestricted provisioning",
        "off unrestricted run ended",
      ]);
    });

    await t.step("a gateway that is killed takes the network with it", async () => {
      await rig.ok("net", "set", "setup", "unrestricted");
      const [anew] = await liveUntil(rig, (network) => network?.[0]?.rates !== undefined);
      assert.equal(anew?.rates, null, "what another gateway counted makes no rate");
      Deno.kill(await gatewayPid(rig.root) ?? 0, "SIGKILL");
      await showUntil(rig, "setup", ({ network }) => network === "off");
      assert.equal((await sayings(rig, "setup")).at(-1), "off unrestricted gateway_ended");
    });

    await t.step("a policy that grants it no longer ends it at once", async () => {
      await rig.ok("net", "set", "setup", "unrestricted");
      await rig.write("other.toml", NETWORKED.replace(GRANTING, "network_profiles = []"));
      await rig.ok("policy", "apply", `${rig.root}/other.toml`);
      await showUntil(rig, "setup", ({ network }) => network === "off");
      assert.equal((await sayings(rig, "setup")).at(-1), "off unrestricted policy");
      await rig.fails(3, "net", "set", "setup", "unrestricted");
      await rig.write("other.toml", NETWORKED);
      await rig.ok("policy", "apply", `${rig.root}/other.toml`);
    });

    await t.step("a supervisor that is killed takes it along, and the next one the card", async () => {
      await rig.ok("net", "set", "setup", "unrestricted");
      const pid = await gatewayPid(rig.root);
      child.kill("SIGKILL");
      await child.status;
      await child.stdout.cancel();
      await rig.ok("vm", "list"); // the compiled program's own supervisor now
      assert.notEqual(pid, undefined);
      assert.equal(await gatewayPid(rig.root), undefined);
      assert.equal((await rig.ok("net", "show", "setup")).network, "off");
      const said = await sayings(rig, "setup");
      assert.equal(said.at(-1), "off unknown recovery");
      const events = (await rig.run("--json", "events", "-n", "500", "--vm", "setup")).stdout;
      const names: string[] = events.trim().split("\n").map((line) => JSON.parse(line).event);
      assert.ok(
        names.lastIndexOf("RAYOS_NETWORK:off") < names.lastIndexOf("RAYOS_RECOVERED"),
        "off comes first",
      );
      assert.equal((await rig.ok("vm", "show", "setup")).state, "running");
    });

    await t.step("an operator can't turn it on, whatever policy grants a run", async () => {
      const { reasons } = await rig.fails(3, "net", "set", "setup", "unrestricted");
      assert.equal(reasons[0].rule, "network_provisioning_only");
    });

    await t.step(
      "a guest that stands still loses it all the same, and its card when it goes on",
      async () => {
        await stopSupervisor(rig);
        child = await serveNetworks(rig);
        await rig.ok("net", "set", "setup", "unrestricted");
        await rig.ok("vm", "pause", "setup");
        await rig.ok("net", "set", "setup", "off");
        const shown = await rig.ok("vm", "show", "setup");
        assert.equal(shown.network, "off");
        assert.ok(
          shown.notes.some((note: string) => note.includes("has not let go of its card")),
          shown.notes,
        );
        await rig.fails(5, "vm", "suspend", "setup");
        await rig.ok("vm", "resume", "setup");
        await rig.ok("net", "set", "setup", "unrestricted"); // in another port
        await rig.ok("net", "set", "setup", "off");
      },
    );

    await t.step("a guest that ends takes its network with it", async () => {
      await rig.ok("net", "set", "setup", "unrestricted");
      await rig.ok("vm", "kill", "setup");
      assert.equal((await sayings(rig, "setup")).at(-1), "off unrestricted guest_ended");
      assert.equal(await gatewayPid(rig.root), undefined);
      await stopSupervisor(rig);
      await child.status;
      await child.stdout.cancel();
    });
  }, NETWORKED);
});
