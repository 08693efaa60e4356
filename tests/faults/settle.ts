/** After the faults of a round: a supervisor serves, what was under way has ended, and everything must be right. */
import type { GuestDetail, GuestView, JobView, StatusView } from "../../src/actions/views.ts";
import { ApiClient } from "../../src/api/client.ts";
import { check, type Known, type Look } from "./check.ts";
import type { TrailWatch } from "./trail.ts";
import type { World } from "./world.ts";

/** By then a supervisor has brought everything into order again. */
const SETTLE_MS = 60_000;

export interface Settled {
  readonly guests: readonly GuestDetail[];
  readonly supervisor: number;
  /** What is still wrong after so long. */
  readonly findings: readonly string[];
  readonly tookMs: number;
  /** How often everything was looked at. */
  readonly looks: number;
}

/** Looks again after each event, and at least twice a second, until nothing is wrong or the time is over. */
export async function settle(
  world: World,
  trail: TrailWatch,
  known: Known,
  expected: (guests: readonly GuestDetail[]) => readonly string[] = () => [],
): Promise<Settled> {
  const began = performance.now();
  const events = new Events(world);
  let looks = 0;
  try {
    while (true) {
      const isOver = performance.now() - began > SETTLE_MS;
      const next = events.next();
      looks++;
      const seen = await lookOnce(world, trail, known);
      const findings = [...seen.findings, ...expected(seen.guests)];
      if (findings.length === 0 || isOver) {
        return { ...seen, findings, tookMs: performance.now() - began, looks };
      }
      await next;
    }
  } finally {
    events.end();
  }
}

type Seen = Pick<Settled, "guests" | "supervisor" | "findings">;

async function lookOnce(world: World, trail: TrailWatch, known: Known): Promise<Seen> {
  if (world.cast().supervisors.length === 0) await world.startSupervisor();
  const client = new ApiClient(world.layout.socket);
  try {
    const status = await client.perform<StatusView>("status");
    const jobs = await client.perform<JobView[]>("job.list");
    const list = await client.perform<GuestView[]>("vm.list");
    const guests: GuestDetail[] = [];
    for (const { id } of list) guests.push(await client.perform<GuestDetail>("vm.show", { id }));
    const look: Look = { guests, cast: world.cast() };
    const { policy, supervisor } = status;
    return {
      guests,
      supervisor: supervisor.pid,
      findings: [
        ...jobs.map(({ action, vm, state }) => `${action} on ${vm} is ${state} all the time`),
        ...guests.flatMap(({ id, notes }) =>
          notes.filter((note) => /started again at/.test(note)).map((note) => `${id} waits: ${note}`)
        ),
        ...(policy.safe_mode ? [`safe mode goes on: ${policy.problem?.message}`] : []),
        ...check(world, look, known),
        ...trail.read(),
        ...trail.unfinished(),
      ],
    };
  } catch (error) {
    return { guests: [], supervisor: 0, findings: [`no look at the guests: ${error}`] };
  } finally {
    client.close();
  }
}

/** Wakes whoever waits, with each event of whatever supervisor serves, and from time to time. */
class Events {
  readonly #over = new AbortController();
  #waiting = Promise.withResolvers<void>();

  constructor(private readonly world: World) {
    void this.#follow();
  }

  /** The next event, or half a second: a job leaves its list a moment after its end is told. */
  async next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, 500);
    await Promise.race([promise, this.#waiting.promise]);
    clearTimeout(timer);
  }

  end(): void {
    this.#over.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const client = new ApiClient(this.world.layout.socket);
      try {
        for await (const _ of await client.events(undefined, signal)) {
          this.#waiting.resolve();
          this.#waiting = Promise.withResolvers<void>();
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50)); // none serves just now
      } finally {
        client.close();
      }
    }
  }
}
