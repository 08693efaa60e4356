/**
 * A network bed of namespaces: one plays the host, one the internet (on TEST-NET addresses, with some that are not public besides),
 * one the guest, whose wire is QEMU's own. Nothing of it reaches this machine's network. Needs root, ip(8) and /dev/net/tun.
 */
import { systemClock } from "../../src/ports/clock.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import { connectWhenReady } from "../../src/ports/unix_socket.ts";

const DENO = Deno.execPath();
const here = (file: string) => new URL(file, import.meta.url).pathname;

export const GOOD = "203.0.113.10";
const RESOLVER = "203.0.113.53";
export const HOST = "203.0.113.2";
export const HOST_OTHER = "203.0.113.3";
/** Not public, and there all the same: only a refusal keeps a guest from them. */
export const NOT_PUBLIC_THERE = ["10.99.0.5", "192.168.77.5", "172.16.5.5", "169.254.169.254", "100.64.0.9"];

export interface Bed {
  /** QEMU's end of the wire. */
  readonly socket: string;
  readonly folder: string;
  /** Starts a program where the host is. */
  onHost(program: string, args: readonly string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  /** What comes of tries of the guest (`probe.ts`). */
  probe(...tries: string[]): Promise<Record<string, string>>;
  /** A command line where the guest is; its standard output. */
  inGuest(...line: string[]): Promise<string>;
  addHostAddress(address: string): Promise<void>;
  end(): Promise<void>;
}

async function run(...line: string[]): Promise<string> {
  const [program = "", ...args] = line;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdout: "piped",
    stderr: "piped",
  })
    .output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${line.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Why no bed can be made here, in one line; undefined where one can. */
export async function bedMissing(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "network beds need root";
  const tun = await Deno.stat("/dev/net/tun").then(() => true, () => false);
  if (!tun) return "there is no /dev/net/tun";
  const name = `rv-try-${Deno.pid}`;
  try {
    await run("ip", "netns", "add", name);
    await run("ip", "netns", "del", name);
    return undefined;
  } catch (error) {
    return `no network namespaces: ${String(error).slice(0, 120)}`;
  }
}

export async function makeBed(): Promise<Bed> {
  const folder = await Deno.makeTempDir({ prefix: "rv-bed-" });
  const ns = { host: `rvh-${Deno.pid}`, inet: `rvi-${Deno.pid}`, guest: `rvg-${Deno.pid}` };
  const socket = `${folder}/net.sock`;
  const children: Deno.ChildProcess[] = [];
  const etc = `/etc/netns/${ns.host}`;
  const inNs = (
    name: string,
    program: string,
    args: readonly string[],
    options: Deno.CommandOptions = {},
  ) => {
    const child = new Deno.Command("ip", {
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      ...options,
      args: ["netns", "exec", name, program, ...args],
    }).spawn();
    children.push(child);
    return child;
  };
  const ip = (name: string, ...args: string[]) => run("ip", "-n", name, ...args);
  const end = async () => {
    for (const child of children) {
      try {
        child.kill("SIGKILL");
      } catch { /* ended */ }
    }
    await Promise.all(children.map((child) => child.status));
    for (const name of Object.values(ns)) await run("ip", "netns", "del", name).catch(() => {});
    await Deno.remove(etc, { recursive: true }).catch(() => {});
    await Deno.remove("/etc/netns").catch(() => {}); // where nothing else is in it
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  const serve = async (name: string, role: string, addresses: readonly string[]) => {
    const child = inNs(name, DENO, [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      here("servers.ts"),
      role,
      ...addresses,
    ]);
    const { value } = await child.stdout.getReader().read();
    if (new TextDecoder().decode(value) !== "ready\n") throw new Error(`servers of ${role} did not start`);
  };
  try {
    for (const name of Object.values(ns)) {
      await run("ip", "netns", "add", name);
      await ip(name, "link", "set", "lo", "up");
    }
    await ip(ns.host, "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", ns.inet);
    await ip(ns.host, "addr", "add", `${HOST}/24`, "dev", "up0");
    await ip(ns.host, "addr", "add", `${HOST_OTHER}/24`, "dev", "up0");
    for (const address of [`${GOOD}/24`, `${RESOLVER}/24`, ...NOT_PUBLIC_THERE.map((one) => `${one}/32`)]) {
      await ip(ns.inet, "addr", "add", address, "dev", "down0");
    }
    await ip(ns.host, "link", "set", "up0", "up");
    await ip(ns.inet, "link", "set", "down0", "up");
    await ip(ns.host, "route", "add", "default", "via", GOOD);
    await Deno.mkdir(etc, { recursive: true });
    await Deno.writeTextFile(`${etc}/resolv.conf`, `nameserver ${RESOLVER}\n`);
    await run("ip", "-n", ns.guest, "tuntap", "add", "mode", "tap", "tap0");
    await ip(ns.guest, "addr", "add", "10.0.2.15/24", "dev", "tap0");
    await serve(ns.inet, "internet", [GOOD, RESOLVER, ...NOT_PUBLIC_THERE]);
    await serve(ns.host, "host", ["127.0.0.1", HOST, HOST_OTHER]);
    inNs(ns.guest, "qemu-system-x86_64", [
      ...["-machine", "none", "-nodefaults", "-display", "none", "-monitor", "none"],
      ...["-netdev", "tap,id=t,ifname=tap0,script=no,downscript=no"],
      ...["-netdev", `stream,id=n0,server=on,addr.type=unix,addr.path=${socket}`],
      ...["-qmp", `unix:${folder}/qmp.sock,server=on,wait=off`],
      ...["-netdev", "hubport,id=h1,hubid=0,netdev=t", "-netdev", "hubport,id=h2,hubid=0,netdev=n0"],
    ]);
    await wireIsUp(`${folder}/qmp.sock`, socket);
    // Not sooner: QEMU 7.2 does not survive a frame for a wire that it does not listen on yet.
    await ip(ns.guest, "link", "set", "tap0", "up");
    await ip(ns.guest, "route", "add", "default", "via", "10.0.2.2");
  } catch (error) {
    await end();
    throw error;
  }
  return {
    socket,
    folder,
    onHost: (program, args, options) => inNs(ns.host, program, args, options),
    async probe(...tries) {
      const child = inNs(ns.guest, DENO, ["run", "-A", "--no-check", "--quiet", here("probe.ts"), ...tries]);
      return JSON.parse(new TextDecoder().decode((await child.output()).stdout));
    },
    inGuest: (...line) => run("ip", "netns", "exec", ns.guest, ...line),
    addHostAddress: async (address) => {
      await ip(ns.host, "addr", "add", `${address}/24`, "dev", "up0");
    },
    end,
  };
}

/** Connects to a wire once, and waits until QEMU has said so, and that it has ended. */
async function wireIsUp(monitor: string, socket: string): Promise<void> {
  const qmp = await QmpClient.negotiate(await connectWhenReady(monitor, 20_000), { clock: systemClock });
  const over = new Promise<void>((resolve) =>
    qmp.listen(({ name }) => name === "NETDEV_STREAM_DISCONNECTED" && resolve())
  );
  const connected = new Promise<void>((resolve) =>
    qmp.listen(({ name }) => name === "NETDEV_STREAM_CONNECTED" && resolve())
  );
  const wire = await connectWhenReady(socket, 20_000);
  await connected;
  wire.close();
  await over;
  qmp.close();
}
