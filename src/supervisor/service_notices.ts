/** What the service manager is told about the supervisor: that it takes requests, how many guests there are, safe mode. */
import { GUEST_STATES, type GuestState } from "../lifecycle/states.ts";
import type { Clock } from "../ports/clock.ts";
import type { Notice, ServiceManager } from "../ports/service_manager.ts";
import type { AuditLog } from "../audit/log.ts";

/** Events come in bursts; the manager is told of a burst once. Milliseconds. */
const BURST_MS = 200;
/** For the last word, at the end. Milliseconds. */
const LAST_WORD_MS = 1_000;

/** What is told of the supervisor. */
export interface ServiceState {
  readonly guests: { values(): Iterable<{ readonly state: GuestState }> };
  /** Why the policy can't be trusted; null in normal mode. */
  readonly safeMode: string | null;
}

export interface ServiceNotices {
  /** Requests are taken. */
  ready(): void;
  /** Says that the policy is read anew while `work` does it. */
  whileReloading(work: () => Promise<void>): Promise<void>;
  /** The end has begun. */
  stopping(): void;
  close(): Promise<void>;
}

/** One line for a person: `safe mode (<why>); guests: 2 running, 1 paused, 5 stopped`. */
export function statusText({ guests, safeMode }: ServiceState): string {
  const counts = new Map<GuestState, number>();
  for (const { state } of guests.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [
    ...GUEST_STATES.filter((state) => state !== "stopped"),
    "stopped" as const,
  ].flatMap((state) => counts.has(state) ? [`${counts.get(state)} ${state}`] : []);
  const sum = parts.length === 0 ? "no guests" : `guests: ${parts.join(", ")}`;
  return safeMode === null ? sum : `safe mode (${safeMode}); ${sum}`;
}

/** Keeps the manager informed until `close`; without a manager nothing is done. */
export function noticesTo(
  manager: ServiceManager | undefined,
  state: ServiceState,
  log: Pick<AuditLog, "listen">,
  clock: Clock,
): ServiceNotices {
  if (!manager) {
    return {
      ready() {},
      whileReloading: (work) => work(),
      stopping() {},
      close: () => Promise.resolve(),
    };
  }
  let told: Notice | undefined;
  let phase: "starting" | "ready" | "stopping" = "starting";
  let reloads = 0;
  let cancelBurst: (() => void) | undefined;
  let cancelPing = () => {};

  const status = (): Notice => `STATUS=${phase === "starting" ? "starting; " : ""}${statusText(state)}`;
  const tellStatus = () => {
    cancelBurst = undefined;
    const now = status();
    if (now === told || phase === "stopping") return;
    told = now;
    manager.tell(now);
  };
  const unlisten = log.listen(() => {
    cancelBurst ??= clock.after(BURST_MS, tellStatus);
  });
  // That the event loop turns is what the watchdog asks: a timer of this same loop answers it.
  const ping = (every: number) => {
    manager.tell("WATCHDOG=1");
    cancelPing = clock.after(every, () => ping(every));
  };
  if (manager.watchdogMs !== undefined) ping(manager.watchdogMs / 2);

  return {
    ready() {
      phase = "ready";
      manager.tell("READY=1", told = status());
    },
    async whileReloading(work) {
      if (phase !== "ready") return await work();
      if (reloads++ === 0) manager.tell("RELOADING=1");
      try {
        await work();
      } finally {
        if (--reloads === 0 && phase === "ready") {
          manager.tell("READY=1", told = status());
        }
      }
    },
    stopping() {
      phase = "stopping";
      manager.tell("STOPPING=1", "STATUS=ending; guests go on");
    },
    async close() {
      unlisten();
      cancelBurst?.();
      cancelPing();
      await manager.close(LAST_WORD_MS);
    },
  };
}
