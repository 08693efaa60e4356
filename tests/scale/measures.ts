/** What is measured of a herd: by the benchmarks, which compare, and by the scale test, which also checks. */
import { systemClock } from "../../src/ports/clock.ts";
import { connectUnix } from "../../src/ports/unix_socket.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import type { GuestDetail } from "../../src/actions/views.ts";
import { type Herd, usageOf } from "./herd.ts";
import { RawClient, requestText } from "./raw_http.ts";

export async function millisecondsOf(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

/** So many times, one after the other; milliseconds of each. */
export async function timesOf(rounds: number, act: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await millisecondsOf(act));
  return times;
}

export interface Idle {
  readonly cpuPercent: number;
  readonly rssMib: number;
}

/** What the supervisor takes while nobody asks it anything. */
export async function idleOf(pid: number, seconds: number): Promise<Idle> {
  const before = await usageOf(pid), began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = await usageOf(pid), took = (performance.now() - began) / 1000;
  return { cpuPercent: (after.cpuSeconds - before.cpuSeconds) / took * 100, rssMib: after.rssMib };
}

export interface Latencies {
  /** Milliseconds from QEMU's own time of an event until a client of `/v1/events` has it. */
  readonly stream: readonly number[];
  /** The same events, until a client of a monitor of that QEMU has them: less is not possible. */
  readonly monitor: readonly number[];
}

/** Pauses and resumes guests behind the supervisor's back, over their second monitor (`HerdOptions.monitors`). */
export async function eventLatencies(herd: Herd, rounds: number, guests = 3): Promise<Latencies> {
  const stream: number[] = [], monitor: number[] = [];
  const events = await RawClient.connect(herd.socket);
  await events.send(requestText("GET", "/v1/events"));
  await events.saw(": connected");
  const monitors: QmpClient[] = [];
  /** The event that was last caused: when QEMU says that it was, and when its monitor's client had it. */
  let seen = Promise.withResolvers<{ readonly at: number; readonly here: number }>();
  try {
    for (const id of herd.ids.slice(0, guests)) {
      const { pid } = await herd.client.perform<GuestDetail>("vm.show", { id });
      monitors.push(
        await QmpClient.negotiate(await connectUnix(`${herd.rig.root}/monitors/${pid}.sock`), {
          clock: systemClock,
          onEvent: ({ name, at }) => {
            if ((name === "STOP" || name === "RESUME") && at !== undefined) {
              seen.resolve({ at, here: wallNow() });
            }
          },
        }),
      );
    }
    const comes = async (event: string) => {
      if (!await events.saw(`"event":"${event}"`)) throw new Error("the stream of events ended");
      return wallNow();
    };
    for (let round = 0; round < rounds; round++) {
      const qmp = monitors[Math.floor(round / 2) % monitors.length];
      const isStop = round % 2 === 0;
      seen = Promise.withResolvers();
      const arrived = comes(isStop ? "RAYOS_VM:pause" : "RAYOS_VM:resume");
      await qmp?.execute(isStop ? "stop" : "cont");
      const { at, here } = await seen.promise;
      stream.push(await arrived - at);
      monitor.push(here - at);
      await herd.client.perform("status"); // the supervisor is done with it, also with what it writes down
    }
    return { stream, monitor };
  } finally {
    for (const qmp of monitors) qmp.close();
    events.close();
  }
}

/** Time of day with fractions of a millisecond: QEMU's is the same clock. */
function wallNow(): number {
  return performance.timeOrigin + performance.now();
}
