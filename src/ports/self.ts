/** This program started once more, as another process. */
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
} as const;
export type ProgramGroup = keyof typeof PROGRAMS;

/**
 * Gives up, for the rest of this process, the right to start the programs of every group but `keep`. The compiled
 * program is given the right to all of them, because flags are the same for each of its commands.
 */
export function keepRunRights(keep: readonly ProgramGroup[]): void {
  for (const [group, programs] of Object.entries(PROGRAMS)) {
    if (keep.some((kept) => kept === group)) continue;
    for (const command of programs) Deno.permissions.revokeSync({ name: "run", command });
  }
}
