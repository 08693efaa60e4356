/**
 * Processes of the host. A process is named by pid, start time and boot id together, never by pid alone: pids are
 * reused (see field-lessons: zombies, pid reuse).
 */
import { type ChildProcess, spawn as nodeSpawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fail } from "../core/problem.ts";
import { bootId, readKernelFiles } from "./proc_files.ts";
import { searchPath } from "./search_path.ts";
import { envVar } from "./terminal.ts";

/** What tells a process from every other one, also after a reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks after boot. proc(5) */
  readonly startTicks: number;
  /** `/proc/sys/kernel/random/boot_id` */
  readonly bootId: string;
}

/** How a process ended. `signal` is the name of the signal that killed it. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SpawnOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Whole environment of the child; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** File that standard output and standard error are appended to. */
  readonly logFile: string;
  readonly cwd?: string;
}

/** A child in a session of its own: it outlives this process. */
export interface DetachedProcess {
  readonly identity: ProcessIdentity;
  /** Resolves when the child has ended, as long as this process lives. */
  readonly exited: Promise<ExitStatus>;
}

/**
 * Environment for programs that need no more than to be found and to speak plain English. The PATH is the one that this
 * program was started with: its right to start programs was resolved with that same PATH.
 */
export const PLAIN_ENV: Readonly<Record<string, string>> = {
  PATH: searchPath(envVar("PATH")),
  LANG: "C.UTF-8",
};

/** More of the environment of every child from now on; see {@link markChildren}. */
let marks: Readonly<Record<string, string>> = {};

/**
 * Gives every child of this process, whatever environment it is started with, these variables too. A supervisor marks its
 * children with its data root, so that the next one finds all that a dead one has left, and nothing else.
 */
export function markChildren(variables: Readonly<Record<string, string>>): void {
  marks = variables;
}

/**
 * Starts a program in its own session, standard input closed, output appended to a file. Failure `missing` when the
 * program is not there. Deno.Command can't append to a file, so this goes through node:child_process.
 */
export async function spawnDetached(options: SpawnOptions): Promise<DetachedProcess> {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    const child: ChildProcess = nodeSpawn(options.program, [...options.args], {
      stdio: ["ignore", log, log],
      detached: true,
      env: { ...(options.env ?? PLAIN_ENV), ...marks },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return await started(child);
  } catch (error) {
    return missingProgram(options.program, error);
  } finally {
    closeSync(log);
  }
}

async function started(child: ChildProcess): Promise<DetachedProcess> {
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
  const pid = child.pid;
  if (pid !== undefined) {
    children.set(pid, child);
    exited.then(() => children.delete(pid));
  }
  const identity = pid === undefined ? undefined : await identityOf(pid);
  if (!identity) {
    // It ended before it could be looked at: an identity that matches nothing says so.
    return { identity: { pid: pid ?? -1, startTicks: -1, bootId: await bootId() }, exited };
  }
  return { identity, exited };
}

/** A child in a session of its own that is talked to: it sees the end of this process at the end of its standard input. */
export interface TalkingProcess extends DetachedProcess {
  /** Writes to its standard input; what can't be written any more is lost. */
  tell(text: string): void;
  /** Calls `listener` with what it writes to its standard output. */
  hear(listener: (text: string) => void): void;
}

/** As {@link spawnDetached}, standard input and output pipes to this process; the log gets standard error alone. */
export async function spawnTalking(options: SpawnOptions): Promise<TalkingProcess> {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    const child = nodeSpawn(options.program, [...options.args], {
      stdio: ["pipe", "pipe", log],
      detached: true,
      env: { ...(options.env ?? PLAIN_ENV), ...marks },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    child.stdin?.on("error", () => {}); // it has ended: `exited` tells
    child.stdout?.on("error", () => {});
    const decoder = new TextDecoder();
    return {
      ...await started(child),
      tell: (text) => void child.stdin?.write(text),
      hear: (listener) =>
        void child.stdout?.on(
          "data",
          (bytes: Uint8Array) => listener(decoder.decode(bytes, { stream: true })),
        ),
    };
  } catch (error) {
    return missingProgram(options.program, error);
  } finally {
    closeSync(log);
  }
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** All of it, or pieces that are written as they come; the end of the child is their end too. */
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array>;
  /** The child is killed when this aborts. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the child is killed and the outcome is unknown; default 60,000. */
  readonly timeoutMs?: number;
  /** Is told of standard output as it comes; the result then has none. */
  readonly onStdout?: (chunk: Uint8Array) => void;
}

export interface RunResult {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end and collects its output. A non-zero exit is a result, not a throw. Failure `missing` when
 * the program is not there, `outcome_unknown` when the time is over, `cancelled` when `signal` aborted.
 */
export async function run(program: string, options: RunOptions = {}): Promise<RunResult> {
  const result = await runForBytes(program, options);
  return { ...result, stdout: new TextDecoder().decode(result.stdout) };
}

/** As {@link run}, for a program whose output is not text. */
export async function runForBytes(
  program: string,
  options: RunOptions = {},
): Promise<Omit<RunResult, "stdout"> & { readonly stdout: Uint8Array }> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...(options.args ?? [])],
      env: { ...(options.env ?? PLAIN_ENV), ...marks },
      clearEnv: true,
      stdin: options.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      signal,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    }).spawn();
  } catch (error) {
    return missingProgram(program, error);
  }
  const output = options.onStdout ? outputTold(child, options.onStdout) : child.output();
  const [{ code, signal: endedBy, stdout, stderr }] = await Promise.all([output, feed(child, options.stdin)]);
  if (options.signal?.aborted) fail("cancelled", `${program} was cancelled`);
  if (timeout.aborted) {
    fail(
      "outcome_unknown",
      `${program} did not end within ${(options.timeoutMs ?? 60_000) / 1000} s and was killed`,
    );
  }
  return { code, signal: endedBy, stdout, stderr: new TextDecoder().decode(stderr) };
}

/** The child may close its standard input early, or end before it has read all: neither is a failure. */
async function feed(child: Deno.ChildProcess, stdin: RunOptions["stdin"]): Promise<void> {
  if (!stdin) return;
  const writer = child.stdin.getWriter();
  try {
    if (stdin instanceof Uint8Array) await writer.write(stdin);
    else {
      const pieces = stdin[Symbol.asyncIterator]();
      const ended = child.status.then(() => ({ done: true }) as const);
      while (true) {
        const piece = await Promise.race([pieces.next(), ended]);
        if (piece.done) break;
        await writer.write(piece.value);
      }
    }
    await writer.close();
  } catch { /* as above */ }
}

/** Hands standard output on as it comes, and collects the rest. */
async function outputTold(child: Deno.ChildProcess, tell: (chunk: Uint8Array) => void) {
  const telling = async () => {
    for await (const chunk of child.stdout) tell(chunk);
  };
  const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).bytes(), telling()]);
  return { code: status.code, signal: status.signal, stdout: new Uint8Array(), stderr };
}

/**
 * A program that was not there when this one started can't be started either: the right to it was resolved then.
 */
function missingProgram(program: string, error: unknown): never {
  if (error instanceof Deno.errors.NotCapable) {
    fail("missing", `${program} may not be started: it was not in PATH when rayvisor started`, {
      hint: "if it was installed since, `rayvisor serve --stop` and ask again (guests go on)",
      path: program,
    });
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (error instanceof Deno.errors.NotFound || code === "ENOENT") {
    fail("missing", `${program} is not installed or not in PATH`, { path: program });
  }
  throw error;
}

/** Identity of a live process, or undefined when there is none with this pid (a zombie counts as none). */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await procStat(pid);
  if (!stat || !isLive(stat)) return undefined;
  return { pid, startTicks: stat.startTicks, bootId: await bootId() };
}

/** Whether exactly this process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identityOf(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Children that have not ended yet, by pid. */
const children = new Map<number, ChildProcess>();

/**
 * Sends a signal to exactly this process; false when it is gone already. `Deno.kill` wants the right to run every
 * program, which this program does not have: a child is signalled through its own handle, any other process by kill(1).
 */
export async function sendSignal(identity: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): Promise<boolean> {
  if (!await isAlive(identity)) return false;
  const child = children.get(identity.pid);
  if (child) return child.kill(signal);
  const { code, stderr } = await run("kill", { args: [`-${signal.slice(3)}`, "--", String(identity.pid)] });
  if (code === 0) return true;
  if (!await isAlive(identity)) return false;
  return fail("failed", `kill could not signal process ${identity.pid}: ${stderr.trim()}`);
}

/** Longest time of a timer, milliseconds: a longer one fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits until exactly this process has ended; false when `timeoutMs` is over first. The kernel tells of a child's end;
 * for any other process there is no event that this program may listen to, so it is looked at again and again.
 */
export async function waitForEnd(
  identity: ProcessIdentity,
  timeoutMs: number,
  longestPauseMs = 100,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 2; await isAlive(identity); pause = Math.min(pause * 2, longestPauseMs)) {
    if (performance.now() > deadline) return false;
    const child = children.get(identity.pid);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(
        resolve,
        child ? Math.min(deadline - performance.now(), LONGEST_TIMER_MS) : pause,
      );
      child?.once("exit", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  return true;
}

/** Ends exactly this process: SIGTERM, and SIGKILL when it does not follow within `graceMs`. Gone already is fine. */
export async function endProcess(identity: ProcessIdentity, graceMs = 2_000): Promise<void> {
  await sendSignal(identity, "SIGTERM");
  if (await waitForEnd(identity, graceMs)) return;
  await sendSignal(identity, "SIGKILL");
  if (!await waitForEnd(identity, graceMs)) {
    fail("outcome_unknown", `process ${identity.pid} did not end after SIGKILL`);
  }
}

/** Fields of `/proc/PID/stat` that this program uses. proc(5): the name (field 2) may hold spaces and brackets. */
export function parseProcStat(text: string): ProcStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTicks = Number(fields[19]), threads = Number(fields[17]);
  const state = fields[0];
  const isWhole = Number.isSafeInteger(startTicks) && Number.isSafeInteger(threads);
  return state && isWhole ? { state, threads, startTicks } : undefined;
}

export interface ProcStat {
  readonly state: string;
  /** Those that have not ended, its first one included for as long as it is a zombie. */
  readonly threads: number;
  readonly startTicks: number;
}

/** A process whose first thread has ended lives on in the others: they hold its files, locks and sockets. */
export function isLive({ state, threads }: ProcStat): boolean {
  return state !== "X" && (state !== "Z" || threads > 1);
}

async function procStat(pid: number): Promise<ProcStat | undefined> {
  const text = await readKernelFiles(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseProcStat(text);
}
