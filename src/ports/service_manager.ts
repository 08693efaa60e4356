/**
 * The protocol by which a service manager is told how a service is: sd_notify(3), one datagram a message, sent to the
 * socket that the manager names in the environment.
 */
import { sanitizeLine } from "../core/sanitize.ts";
import { removeTree } from "./files.ts";
import { envVar, processId } from "./terminal.ts";

/** What a service may say of itself. */
export type Notice = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1" | `STATUS=${string}`;

export interface ServiceManager {
  /** Sends the notices as one message, after those before it. Waits for nothing and never fails: the service is what counts. */
  tell(...notices: Notice[]): void;
  /** Within this time the manager wants to hear `WATCHDOG=1` again; milliseconds, undefined when it does not. */
  readonly watchdogMs: number | undefined;
  /** Waits until what was told has been sent, or until `timeoutMs` is over. */
  close(timeoutMs: number): Promise<void>;
}

/** Variables that a manager sets. sd_notify(3), sd_watchdog_enabled(3) */
export interface ServiceVariables {
  readonly NOTIFY_SOCKET?: string | undefined;
  /** Microseconds. */
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

export interface ServiceSettings {
  /** Path of the manager's socket. */
  readonly socket?: string;
  /** Milliseconds. */
  readonly watchdogMs?: number;
  /** Why there is no socket although the manager named one. */
  readonly problem?: string;
}

/** What the variables mean for the process `pid`. Everything empty: no manager wants to be told anything. */
export function serviceSettings(variables: ServiceVariables, pid: number): ServiceSettings {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: watched } = variables;
  if (!socket) return {};
  if (!socket.startsWith("/")) {
    return {
      problem:
        `NOTIFY_SOCKET is ${
          sanitizeLine(socket, 100)
        }: only a socket with a path can be sent to, so the service ` +
        "manager is not told that the supervisor is ready",
    };
  }
  const isMine = !watched || watched === String(pid);
  const watchdogMs = isMine && period && /^[1-9]\d{0,14}$/.test(period) ? Number(period) / 1000 : undefined;
  return { socket, ...(watchdogMs === undefined ? {} : { watchdogMs }) };
}

/** A manager is told in order; more messages than this never wait, when it does not take them. */
const MOST_WAITING = 100;

/**
 * The manager of this process; undefined when there is none. `ownSocket` is a path for the sending end; no file stays there.
 * `warn` hears why a manager that is there can't be told anything, once.
 */
export async function findServiceManager(
  ownSocket: string,
  warn: (why: string) => void,
  settings: ServiceSettings = serviceSettings({
    NOTIFY_SOCKET: envVar("NOTIFY_SOCKET"),
    WATCHDOG_USEC: envVar("WATCHDOG_USEC"),
    WATCHDOG_PID: envVar("WATCHDOG_PID"),
  }, processId),
): Promise<ServiceManager | undefined> {
  const { socket: path, watchdogMs, problem } = settings;
  if (problem !== undefined) warn(problem);
  if (path === undefined) return undefined;
  let socket: Deno.DatagramConn;
  try {
    await removeTree(ownSocket); // of a supervisor that was killed at this very point
    socket = Deno.listenDatagram({ transport: "unixpacket", path: ownSocket });
    await removeTree(ownSocket); // it only sends: nobody needs its name
  } catch (error) {
    warn(`the service manager can't be told anything: ${ownSocket}: ${String(error)}`);
    return undefined;
  }
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let warned = false;
  return {
    watchdogMs,
    tell(...notices) {
      if (waiting >= MOST_WAITING) return;
      waiting++;
      const message = new TextEncoder().encode(notices.map((notice) => sanitizeLine(notice, 500)).join("\n"));
      last = last.then(() => socket.send(message, { transport: "unixpacket", path })).catch(
        (error: unknown) => {
          if (!warned) warn(`the service manager can't be told anything: ${path}: ${String(error)}`);
          warned = true;
        },
      ).finally(() => waiting--);
    },
    async close(timeoutMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([last, new Promise((resolve) => timer = setTimeout(resolve, timeoutMs))]);
      clearTimeout(timer);
      socket.close();
    },
  };
}
