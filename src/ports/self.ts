/** This program started once more, as another process. */
import { complement, inRange, type Ip, NOT_PUBLIC, range, rangeText, RESOLVER_RANGES } from "../core/ipv4.ts";
import { fail } from "../core/problem.ts";
import { PLAIN_ENV } from "./processes.ts";

/**
 * Starts this same program in a session of its own, its standard output a pipe to us. Only the compiled program can:
 * from the source tree there is no one file to start.
 */
export function spawnSelf(args: readonly string[]): Deno.ChildProcess {
  if (!Deno.build.standalone) {
    fail("no_supervisor", "no supervisor runs, and only the compiled program starts one by itself", {
      hint: "run `serve --foreground` in another terminal, or use dist/rayvisor",
    });
  }
  const debug = Deno.env.get("RAYOS_DEBUG");
  const child = new Deno.Command("/proc/self/exe", {
    args: [...args],
    detached: true,
    clearEnv: true,
    env: { ...PLAIN_ENV, ...(debug ? { RAYOS_DEBUG: debug } : {}) },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  child.unref();
  return child;
}

export interface SelfCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** What it needs of the environment besides. */
  readonly env: Readonly<Record<string, string>>;
}

/** How this same program is started once more, by hand of `spawnTalking()`. From the source tree it is Deno with the source. */
export function selfCommand(args: readonly string[]): SelfCommand {
  if (Deno.build.standalone) return { program: "/proc/self/exe", args: [...args], env: {} };
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const env = ["HOME", "DENO_DIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--no-check", "--quiet", main, ...args],
    env: Object.fromEntries(env),
  };
}

/** The first line that the child writes, or undefined when it ends or the time is over without one. */
export async function announceOf(child: Deno.ChildProcess, timeoutMs: number): Promise<string | undefined> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => reader.cancel(), timeoutMs);
  let text = "";
  try {
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += value;
    }
    return text.slice(0, text.indexOf("\n"));
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

/** Programs that the compiled program may start, each for the commands that need it. */
export const PROGRAMS = {
  self: ["/proc/self/exe", "cat"],
  guests: [
    "qemu-system-x86_64",
    "qemu-img",
    "swtpm",
    "swtpm_setup",
    "xorriso",
    "genisoimage",
    "openssl",
    "kill",
    "grep",
    "tee",
  ],
  testGuest: ["apt-get", "dpkg-deb", "mformat", "mcopy"],
  preflight: [
    "qemu-system-x86_64",
    "qemu-img",
    "swtpm",
    "swtpm_setup",
    "virsh",
    "unshare",
    "test",
    "kill",
    "grep",
  ],
} as const;
export type ProgramGroup = keyof typeof PROGRAMS;

/** All of them, each once: a program may stand in several groups. */
export const ALL_PROGRAMS: readonly string[] = [...new Set<string>(Object.values(PROGRAMS).flat())];

/** What the compiled program may reach by network, each for the commands that need it. */
export const NETS = {
  /** A name that never resolves (RFC 6761): HTTP over the control socket asks for a host by name, and this opens no network. */
  control: ["rayvisor.invalid:80"],
  /** Every public address, and a socket for datagrams of one's own: for the gateway of a guest's network. */
  internet: [...complement(NOT_PUBLIC).map(rangeText), "0.0.0.0:0"],
  /** Where the host's resolvers may be: for the gateway, which relays questions. Nothing else there can be reached. */
  resolvers: RESOLVER_RANGES.map((one) => `${rangeText(one)}:53`),
} as const;
export type NetGroup = keyof typeof NETS;

/**
 * Gives up, for the rest of this process, the right to start the programs of every group but `keep`. The compiled
 * program is given the right to all of them, because flags are the same for each of its commands.
 */
export function keepRunRights(keep: readonly ProgramGroup[]): void {
  for (const command of programsToGiveUp(keep)) Deno.permissions.revokeSync({ name: "run", command });
}

/** The programs that stand in no group of `keep`, each once. */
export function programsToGiveUp(keep: readonly ProgramGroup[]): string[] {
  const kept = new Set<string>(keep.flatMap((group) => PROGRAMS[group]));
  return ALL_PROGRAMS.filter((program) => !kept.has(program));
}

/** Gives up, for the rest of this process, the right to reach the networks of every group but `keep`. */
export function keepNetRights(keep: readonly NetGroup[]): void {
  for (const [group, nets] of Object.entries(NETS)) {
    if (keep.some((kept) => kept === group)) continue;
    for (const net of nets) giveUpNet(net);
  }
}

/** Deno gives up a network when it is told of any address in it. */
function giveUpNet(net: string): void {
  Deno.permissions.revokeSync({ name: "net", host: net.replace(/\/\d+/, "") });
}

/**
 * Gives up everything that the gateway of a guest's network does not need once it is connected: programs, files, the
 * environment, and every network but the public ones and those in which a resolver is.
 */
export function keepGatewayRights(resolvers: readonly Ip[]): void {
  keepRunRights([]);
  keepNetRights(["internet", "resolvers"]);
  for (const net of NETS.resolvers) {
    const around = range(net.replace(/:53$/, ""));
    if (!resolvers.some((one) => inRange(one, around))) giveUpNet(net);
  }
  for (const name of ["read", "write", "env", "ffi"] as const) Deno.permissions.revokeSync({ name });
}
