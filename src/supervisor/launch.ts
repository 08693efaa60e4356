/**
 * Starting a guest's processes: swtpm, then QEMU stopped before its first instruction, then everything that must stand
 * before it runs, then `cont`. Nothing waits for a time: each step waits for the event that ends it, or for the death
 * of the process that was to bring it.
 */
import type { GuestGroup } from "../cgroup/group.ts";
import type { GuestGroups } from "../cgroup/groups.ts";
import type { GuestLimits } from "../cgroup/limits.ts";
import { fail, Failure } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { fileSize } from "../ports/append_file.ts";
import type { Clock } from "../ports/clock.ts";
import { basename, dirname, makeFolder, removeTree } from "../ports/files.ts";
import {
  type DetachedProcess,
  type ExitStatus,
  isAlive,
  type ProcessIdentity,
  sendSignal,
  spawnDetached,
  waitForEnd,
} from "../ports/processes.ts";
import { connectUnix, connectWhenReady, waitForPath } from "../ports/unix_socket.ts";
import { QmpClient } from "../qmp/client.ts";
import type { QmpEvent } from "../qmp/events.ts";
import type { GuestPlan } from "../qemu/plan_types.ts";
import type { GuestRuntime } from "../../registry/layout.ts";
import type { AgentRight } from "../../policy/types.ts";
import { AgentLink } from "./agent_link.ts";
import type { Ended, GuestRun, LogStart, Share } from "./guest.ts";
import { lastWords } from "./last_words.ts";
import { MEMORY_EVERY_S, setMemoryEvery } from "./questions.ts";
import type { RunHistory } from "./run_history.ts";
import { writeRunRecord } from "./run_record.ts";
import { SerialLog } from "./serial.ts";
import type { VmId } from "../core/ids.ts";
import { MARK } from "../ports/own_processes.ts";

/** Time for a program to make its socket; it takes milliseconds. */
const SOCKET_TIMEOUT_MS = 20_000;

export { MARK };

/** What the supervisor wants to hear about a run. */
export interface RunListeners {
  /** Where events wait until the guest counts as running. */
  readonly early: QmpEvent[];
  onEvent(event: QmpEvent): void;
  onAgentReady(): void;
  onAgentLost(): void;
}

export interface LaunchInput {
  readonly id: VmId;
  readonly plan: GuestPlan;
  readonly runtime: GuestRuntime;
  readonly logs: { readonly qemu: string; readonly swtpm: string; readonly serial: string };
  readonly share: Share;
  readonly groups: GuestGroups;
  readonly limits: GuestLimits;
  readonly clock: Clock;
  readonly listeners: RunListeners;
  readonly history: RunHistory;
  readonly agentRights: () => readonly AgentRight[];
  /** Lets a guest run whose QEMU waits for a saved state (`-incoming defer`); absent: the guest boots. */
  readonly letRun?: (run: GuestRun) => Promise<void>;
  /** Aborts the start (kill while starting). */
  readonly signal: AbortSignal;
}

/**
 * Starts the guest and lets it run. On any failure everything that was started is ended again, and the Failure carries
 * the last words of the program that died.
 */
export async function launch(input: LaunchInput): Promise<GuestRun> {
  const started: DetachedProcess[] = [];
  const { groups } = input;
  const grouped = groups.make(basename(input.runtime.folder), input.limits); // while the processes start
  grouped.catch(() => {}); // awaited below; a start that fails first must not make it unhandled
  try {
    await removeTree(input.runtime.folder); // sockets of a run that ended long ago
    await makeFolder(input.runtime.folder);
    await makeFolder(dirname(input.logs.qemu)); // somebody may have tidied it away
    input.signal.throwIfAborted();
    const swtpm = input.plan.swtpm ? await startSwtpm(input) : undefined;
    if (swtpm) started.push(swtpm.process);
    const qemu = await spawn(input, "qemu");
    started.push(qemu.process);
    const logStart = { qemu: qemu.logStart, swtpm: swtpm?.logStart ?? 0 };
    return await whileAlive(qemu, "QEMU", input.signal, async (signal) => {
      const group = await grouped;
      const limited = group && groups.join(group, started.map(({ identity }) => identity.pid));
      limited?.catch(() => {}); // as above
      const recorded = writeRunRecord(input.runtime.record, {
        version: 0,
        vm: input.id,
        qemu: qemu.process.identity,
        ...(swtpm ? { swtpm: swtpm.process.identity } : {}),
        uuid: input.plan.uuid,
        accelerator: input.plan.accelerator,
        startedAt: input.clock.now(),
        share: input.share,
        notes: input.plan.notes.map((note) => note.text),
        ...(group ? { group } : {}),
        logStart,
      });
      recorded.catch(() => {}); // awaited below; a death of QEMU before that must not make it unhandled
      const run = await attach(input, { qemu: qemu.process, swtpm: swtpm?.process, group, logStart }, signal);
      await Promise.all([recorded, limited]);
      await (input.letRun?.(run) ?? run.qmp.execute("cont"));
      return run;
    });
  } catch (error) {
    for (const process of started.reverse()) await sendSignal(process.identity, "SIGKILL");
    await Promise.all(started.map((process) => process.exited));
    // What can't be removed is swept by the next supervisor; why the start failed tells more.
    await grouped.then((group) => group && groups.remove(group)).catch(() => {});
    await removeTree(input.runtime.folder);
    throw error;
  }
}

interface Spawned {
  readonly process: DetachedProcess;
  readonly log: string;
  /** Size of the log before: what comes after are this run's words. */
  readonly logStart: number;
}

async function spawn(input: LaunchInput, role: "qemu" | "swtpm"): Promise<Spawned> {
  const line = input.plan[role] ?? fail("internal", `the plan of ${input.id} has no ${role}`);
  const log = input.logs[role];
  const logStart = fileSize(log);
  const process = await spawnDetached({
    program: line.program,
    args: line.args,
    env: { ...line.env, [MARK.vm]: input.id, [MARK.role]: role },
    logFile: log,
  });
  return { process, log, logStart };
}

/**
 * Runs `work` as long as the process lives. When the process dies first, its last words are the Failure. When `outer`
 * aborts, `cancelled`.
 */
async function whileAlive<T>(
  spawned: Spawned,
  name: string,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const died = new AbortController();
  const death = spawned.process.exited.then((exit): never => {
    const failure = deathOf(spawned, name, exit);
    died.abort(failure);
    throw failure;
  });
  death.catch(() => {});
  const cancelled = new Promise<never>((_, reject) => {
    const refuse = () => reject(outer.reason);
    if (outer.aborted) refuse();
    outer.addEventListener("abort", refuse, { once: true });
  });
  cancelled.catch(() => {});
  try {
    return await Promise.race([work(AbortSignal.any([died.signal, outer])), death, cancelled]);
  } catch (error) {
    // A broken connection is only the first sign of a death: its words come a moment later and tell more.
    if (!outer.aborted && !await isAlive(spawned.process.identity)) await death;
    throw error;
  }
}

function deathOf(spawned: Spawned, name: string, exit: ExitStatus): Failure {
  const how = exit.signal ? `was killed by ${exit.signal}` : `ended with exit code ${exit.code}`;
  const words = lastWords(spawned.log, spawned.logStart);
  return new Failure({
    code: "failed",
    message: `${name} ${how} before the guest ran${
      words ? `; its last words: ${words}` : " and said nothing"
    }`,
    path: spawned.log,
  });
}

async function startSwtpm(input: LaunchInput): Promise<Spawned> {
  const socket = input.runtime.tpm;
  const swtpm = await spawn(input, "swtpm");
  try {
    await whileAlive(
      swtpm,
      "swtpm",
      input.signal,
      (signal) => waitForPath(socket, SOCKET_TIMEOUT_MS, signal),
    );
  } catch (error) {
    await sendSignal(swtpm.process.identity, "SIGKILL");
    throw error;
  }
  return swtpm;
}

async function attach(
  input: LaunchInput,
  { qemu, swtpm, group, logStart }: {
    qemu: DetachedProcess;
    swtpm: DetachedProcess | undefined;
    group: GuestGroup | undefined;
    logStart: LogStart;
  },
  signal: AbortSignal,
): Promise<GuestRun> {
  const stream = await connectWhenReady(input.runtime.qmp, SOCKET_TIMEOUT_MS, signal);
  const run = await attachTo({
    id: input.id,
    agentRights: input.agentRights,
    runtime: input.runtime,
    serialLog: input.logs.serial,
    clock: input.clock,
    listeners: input.listeners,
    qemu: qemu.identity,
    exited: qemu.exited,
    swtpm: swtpm?.identity,
    ...(swtpm ? { swtpmExited: swtpm.exited } : {}),
    group,
    uuid: input.plan.uuid,
    accelerator: input.plan.accelerator,
    startedAt: input.clock.now(),
    notes: input.plan.notes.map((note) => note.text),
    history: input.history,
    logStart,
  }, stream);
  const { status } = await run.qmp.execute("query-status");
  if (status !== (input.letRun ? "inmigrate" : "prelaunch")) {
    fail("failed", `QEMU should wait before its first instruction, but says that it is '${status}'`);
  }
  return run;
}

export interface AttachInput {
  readonly id: VmId;
  readonly runtime: GuestRuntime;
  readonly serialLog: string;
  readonly clock: Clock;
  readonly listeners: RunListeners;
  /** Agent calls that policy grants at the moment. */
  readonly agentRights: () => readonly AgentRight[];
  readonly qemu: ProcessIdentity;
  /** Present when QEMU is our child: the kernel tells how it ended. */
  readonly exited?: Promise<ExitStatus>;
  readonly swtpm: ProcessIdentity | undefined;
  /** As `exited`, of swtpm. */
  readonly swtpmExited?: Promise<ExitStatus>;
  readonly group: GuestGroup | undefined;
  readonly uuid: string;
  readonly accelerator: GuestRun["accelerator"];
  readonly startedAt: number;
  readonly notes: readonly string[];
  /** Milliseconds that QEMU may take to greet; default that of the QMP client. */
  readonly greetMs?: number;
  readonly history: RunHistory;
  readonly logStart: LogStart;
}

/**
 * Connects to a QEMU that is there: QMP, serial console, guest agent. Used for a fresh start and for a guest that was
 * found running. Failure `failed` when what answers on the socket is not this guest.
 */
export async function attachTo(
  input: AttachInput,
  qmpStream: Awaited<ReturnType<typeof connectUnix>>,
): Promise<GuestRun> {
  const qmp = await QmpClient.negotiate(qmpStream, {
    clock: input.clock,
    ...(input.greetMs === undefined ? {} : { timeoutMs: input.greetMs }),
    onEvent: (event) => input.listeners.onEvent(event),
    onOutcome: (told) => input.history.command(told, input.clock.now()),
  });
  try {
    const [{ UUID }, { name }] = await Promise.all([qmp.execute("query-uuid"), qmp.execute("query-name")]);
    if (UUID.toLowerCase() !== input.uuid.toLowerCase() || name !== input.id) {
      const found = `${name ?? "without a name"}, ${UUID}; not ${input.id}, ${input.uuid}`;
      fail("failed", `the QEMU behind ${input.runtime.qmp} is another guest (${found})`);
    }
    // The guest tells its memory figures only when it is asked to; there is no balloon in a machine without PCI.
    await setMemoryEvery(qmp, MEMORY_EVERY_S.idle);
    const serial = new SerialLog(input.serialLog);
    serial.start(await connectUnix(input.runtime.serial));
    const agent = new AgentLink(await connectUnix(input.runtime.agent), {
      id: input.id,
      clock: input.clock,
      allowed: input.agentRights,
      listeners: {
        onReady: () => input.listeners.onAgentReady(),
        onLost: () => input.listeners.onAgentLost(),
      },
    });
    return {
      qemu: input.qemu,
      swtpm: input.swtpm,
      tpmGone: endOfTpm(input),
      qmp,
      agent,
      serial,
      accelerator: input.accelerator,
      startedAt: input.startedAt,
      notes: input.notes,
      group: input.group,
      logStart: input.logStart,
      qemuVersion: versionOf(qmp),
      early: input.listeners.early,
      gone: endOf(input, qmp),
    };
  } catch (error) {
    qmp.close();
    throw error;
  }
}

function versionOf({ greeting }: QmpClient): string {
  if (!greeting) return "unknown";
  const { version: { major, minor, micro }, package: name } = greeting;
  return sanitizeLine(`${major}.${minor}.${micro}${name ? ` (${name})` : ""}`);
}

/** Our child's exit comes from the kernel. For an adopted process the end of its QMP connection is the event. */
async function endOf(input: AttachInput, qmp: QmpClient): Promise<Ended> {
  if (input.exited) return { exit: await input.exited };
  await qmp.closed;
  await waitForEnd(input.qemu, Infinity, 1_000);
  return { exit: null };
}

/**
 * The end of swtpm, which QEMU does not tell of. Of an adopted one the kernel tells by a connection that waits for swtpm for
 * ever, since that serves only QEMU's: it breaks when swtpm ends.
 */
async function endOfTpm(input: AttachInput): Promise<void> {
  const { swtpm, swtpmExited, runtime } = input;
  if (!swtpm) return await new Promise(() => {});
  if (swtpmExited) {
    await swtpmExited;
    return;
  }
  const waiting = await connectUnix(runtime.tpm).catch(() => undefined);
  await waiting?.read(new Uint8Array(1)).catch(() => null);
  waiting?.close();
  await waitForEnd(swtpm, Infinity);
}
