/** How long programs of the host were at work, to know what a run takes beyond them. */
import type { Clock } from "../ports/clock.ts";
import type { HostPort, HostProbes } from "./host_port.ts";

export interface BusyTime {
  /** Counts the time until `work` is settled. Times that overlap count once. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Milliseconds so far. */
  busyMs(): number;
}

export function busyTime(clock: Pick<Clock, "monotonic">): BusyTime {
  let running = 0, since = 0, sum = 0;
  return {
    async during(work) {
      if (running++ === 0) since = clock.monotonic();
      try {
        return await work();
      } finally {
        if (--running === 0) sum += clock.monotonic() - since;
      }
    },
    busyMs: () => sum + (running > 0 ? clock.monotonic() - since : 0),
  };
}

/** The same host, its programs' time counted. What only reads files counts as this program's own. */
export function timed(port: HostPort, busy: BusyTime): HostPort {
  const { qemu, kvm, swtpm, tpm, variables, sha256 } = port.probes;
  const probes: HostProbes = {
    ...port.probes,
    qemu: (...args) => busy.during(() => qemu(...args)),
    kvm: (...args) => busy.during(() => kvm(...args)),
    swtpm: () => busy.during(() => swtpm()),
    tpm: (...args) => busy.during(() => tpm(...args)),
    variables: (...args) => busy.during(() => variables(...args)),
    sha256: (...args) => busy.during(() => sha256(...args)),
  };
  return { ...port, run: (...args) => busy.during(() => port.run(...args)), probes };
}
