/** An API with many guests that change all the time, for measuring who watches it. */
import type { LiveSample } from "../../src/actions/live_views.ts";
import type { LoggedEvent } from "../../src/audit/log.ts";
import { controlApi } from "../../src/api/server.ts";
import { Counters } from "../../src/metrics/counters.ts";
import { serveUnix } from "../../src/ports/http_unix.ts";
import { eventOf, guestView, sampleOf, statusView } from "./tui_views.ts";

export interface Busy {
  /** Times that `status` was asked for. */
  readonly asked: () => number;
  stop(): Promise<void>;
}

/** Serves `count` guests at `socket`; `perSecond` of them change state each second, with an event each. */
export function busySupervisor(socket: string, count: number, perSecond: number): Busy {
  const guests = Array.from({ length: count }, (_, i) =>
    guestView(`guest-${String(i).padStart(3, "0")}`, { state: "running", started_at: "2026-01-31T11:00:00.000Z", pid: i + 1 }));
  const followers = new Set<(event: LoggedEvent) => void>(), lookers = new Set<(sample: LiveSample) => void>();
  const endings = new Set<() => void>();
  let asked = 0, turn = 0;
  const follow = <T>(all: Set<T>, listener: T, ended: () => void) => {
    all.add(listener);
    endings.add(ended);
    return () => {
      all.delete(listener);
      endings.delete(ended);
    };
  };
  const server = serveUnix(
    socket,
    controlApi({
      version: "0",
      safeMode: null,
      counters: new Counters(),
      perform: (action) => {
        if (action === "status") asked++;
        return Promise.resolve(action === "status" ? statusView(guests) : action === "job.list" ? [] : { done: action });
      },
      turnAway: () => {},
      listen: (listener, ended) => follow(followers, listener, ended),
      live: (listener, ended) => follow(lookers, listener, ended),
      followSerial: () => () => {},
      metrics: () => Promise.resolve(""),
    }),
  );
  const change = setInterval(() => {
    const i = turn++ * 7 % count, guest = guests[i];
    if (guest === undefined) return;
    const state = guest.state === "running" ? "paused" : "running";
    guests[i] = { ...guest, state };
    for (const tell of followers) tell(eventOf(`RAYOS_VM:${state === "paused" ? "pause" : "resume"}`, { vm: guest.id }));
  }, 1000 / perSecond);
  const sample = setInterval(() => {
    const now = sampleOf(guests, Math.random() * 100);
    for (const tell of lookers) tell(now);
  }, 1000);
  return {
    asked: () => asked,
    async stop() {
      clearInterval(change);
      clearInterval(sample);
      for (const end of [...endings]) end();
      await server.shutdown(500);
    },
  };
}
