/**
 * A program that is only asked something, together with all that it starts: it runs in a process group of its own, its answer is
 * bounded in time and size, and when the time is over the whole group is killed. Nobody waits for one that can't even be killed.
 */
import { concatBytes } from "../core/bytes.ts";
import { fail } from "../core/problem.ts";
import { systemClock, within } from "./clock.ts";
import { PLAIN_ENV, run } from "./processes.ts";

export type GroupResult =
  | {
    readonly kind: "ended";
    readonly code: number;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
  }
  /** Not installed, or not in PATH. */
  | { readonly kind: "missing" }
  /** The time was over, and it was killed with all that it had started. */
  | { readonly kind: "timed_out"; readonly stdout: string; readonly stderr: string };

export interface GroupOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

/** Most that is kept of each of its streams, bytes. */
const MAX_OUTPUT = 1024 * 1024;
/** For what holds the streams open after the program itself has ended. */
const LINGER_MS = 200;

/** Runs it to its end. Failure `cancelled` when `signal` aborts; then the group is killed too. */
export async function runGroup(program: string, options: GroupOptions): Promise<GroupResult> {
  const { args = [], env = PLAIN_ENV, limitMs, signal } = options;
  if (signal?.aborted) fail("cancelled", `${program} was cancelled`);
  const child = spawn(program, args, env);
  if (!child) return { kind: "missing" };
  const stdout = collect(child.stdout), stderr = collect(child.stderr);
  const streams = Promise.all([stdout.done, stderr.done]);
  const over = Promise.withResolvers<"timed_out" | "cancelled">();
  const timer = setTimeout(() => over.resolve("timed_out"), limitMs);
  const cancel = () => over.resolve("cancelled");
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const how = await Promise.race([child.status, over.promise]);
    if (typeof how === "string") {
      await killGroup(child.pid);
      await within(systemClock, LINGER_MS, child.status); // what the kernel holds fast ends when it ends
      if (how === "cancelled") fail("cancelled", `${program} was cancelled`);
      return { kind: "timed_out", stdout: stdout.text(), stderr: stderr.text() };
    }
    await within(systemClock, LINGER_MS, streams);
    return {
      kind: "ended",
      code: how.code,
      signal: how.signal,
      stdout: stdout.text(),
      stderr: stderr.text(),
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    await Promise.all([stdout.close(), stderr.close()]);
  }
}

function spawn(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess | undefined {
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      detached: true, // leader of a new session, and so of a group
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    child.unref(); // one that can't be killed must not keep this program from ending
    return child;
  } catch (error) {
    // A program that was not in PATH when this one started may not be started.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** The group's leader has not been waited for yet, so its number is nobody else's. */
async function killGroup(leader: number): Promise<void> {
  // Deno.kill() wants the right to run every program. A group that has just ended makes kill(1) fail, which is fine.
  await run("kill", { args: ["-KILL", "--", `-${leader}`], timeoutMs: 5_000 });
}

function collect(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const kept = next.value.subarray(0, MAX_OUTPUT - size); // what is more is read and dropped: a full pipe would stop it
      if (kept.length > 0) chunks.push(kept);
      size += kept.length;
    }
  };
  const done = read().catch(() => {}); // closed by us
  return {
    done,
    text: () => new TextDecoder().decode(concatBytes(chunks)),
    close: () => reader.cancel().catch(() => {}),
  };
}
