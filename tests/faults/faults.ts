/** Brings faults about, each at its moment, and takes back those that last. */
import type { Fault } from "./plan.ts";
import type { Seen } from "./processes.ts";
import { until } from "./tools.ts";
import type { World } from "./world.ts";

/** What a fault came to. */
export interface Hit {
  readonly kind: Fault["kind"];
  /** Nothing was there that it could hit. */
  readonly isMiss: boolean;
  /** Guests whose processes it hit. */
  readonly guests: readonly string[];
  /** What must not be. */
  readonly fault?: string;
}

export async function bringAbout(world: World, fault: Fault): Promise<Hit> {
  const { kind, pick, ms } = fault;
  const hit = (seen: readonly Seen[], guests: readonly string[] = []): Hit => ({
    kind,
    isMiss: seen.length === 0,
    guests,
  });
  switch (kind) {
    case "kill_supervisor": {
      const gone = signalSupervisors(world, "SIGKILL");
      // Else the next command starts one; or nobody does, until the round is over.
      if (pick % 2 === 0) await world.startSupervisor();
      return hit(gone);
    }
    case "stop_supervisor":
      return hit(signalSupervisors(world, "SIGTERM"));
    case "reload_policy":
      return hit(signalSupervisors(world, "SIGHUP", holds(world)));
    case "freeze_supervisor":
      return hit(await freeze(world.cast().supervisors, ms));
    case "rival_supervisor": {
      const there = world.cast().supervisors;
      // Two at once: where none is left one of them serves.
      await Promise.all([world.startSupervisor(), world.startSupervisor()]);
      return hit(there);
    }
    case "kill_qemu":
    case "kill_swtpm":
    case "freeze_qemu":
    case "freeze_swtpm": {
      const { qemu, swtpm } = world.cast();
      const [vm, seen] = one(kind.endsWith("swtpm") ? swtpm : qemu, pick);
      if (!seen) return hit([]);
      if (kind.startsWith("freeze")) await freeze([seen], ms);
      else signal(seen, "SIGKILL");
      return hit([seen], [vm]);
    }
    case "fill_root":
      return await whileFull(world.place.root, ms, kind);
    case "fill_run":
      return await whileFull(world.layout.runFolder, ms, kind);
    case "restart_full":
      return await restartFull(world, pick, ms);
    case "slow_swtpm":
      world.slowSwtpm(ms);
      return { kind, isMiss: false, guests: [] };
    case "clock_jump":
      world.setClock(ms);
      return { kind, isMiss: !world.hasFakedClock, guests: [] };
    case "spoil_policy":
      world.writePolicy("version = 0\n[limits\n");
      await pause(ms);
      world.restorePolicy();
      return { kind, isMiss: false, guests: [] };
  }
}

/** Takes back what a round has left of its faults. */
export function takeBack(world: World): void {
  for (const folder of [world.place.root, world.layout.runFolder]) empty(folder);
  world.slowSwtpm(0);
  world.restorePolicy();
}

function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether a supervisor is the one that holds the root. Before that it is a process like any other, and ends by a signal. */
function holds({ layout }: World): (seen: Seen) => boolean {
  const holder = readOr(layout.lock, "").trim();
  return ({ pid }) => String(pid) === holder;
}

function signalSupervisors(
  world: World,
  name: Deno.Signal,
  meant: (seen: Seen) => boolean = () => true,
): readonly Seen[] {
  const supervisors = world.cast().supervisors.filter(meant);
  for (const seen of supervisors) {
    if (name !== "SIGHUP") world.endedByUs.add(seen.pid);
    signal(seen, name);
  }
  return supervisors;
}

function signal({ pid }: Seen, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended
  }
}

async function freeze(all: readonly Seen[], ms: number): Promise<readonly Seen[]> {
  for (const seen of all) signal(seen, "SIGSTOP");
  await pause(ms);
  for (const seen of all) signal(seen, "SIGCONT");
  return all;
}

function one(byGuest: ReadonlyMap<string, readonly Seen[]>, pick: number): [string, Seen | undefined] {
  const all = [...byGuest].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([vm, seen]) =>
    seen.map((one): [string, Seen] => [vm, one])
  );
  return all[pick % all.length] ?? ["", undefined];
}

async function whileFull(folder: string, ms: number, kind: Fault["kind"]): Promise<Hit> {
  fill(folder);
  await pause(ms);
  empty(folder);
  return { kind, isMiss: false, guests: [] };
}

function fillerOf(folder: string): string {
  return `${folder}/filler`;
}

/** Takes all room of the file system that `folder` is on, to the last block. */
function fill(folder: string): void {
  using file = Deno.openSync(fillerOf(folder), { create: true, append: true });
  for (const size of [256 * 1024, 4096, 1]) {
    try {
      while (true) file.writeSync(new Uint8Array(size));
    } catch { /* full, for pieces of this size */ }
  }
}

function empty(folder: string): void {
  try {
    Deno.removeSync(fillerOf(folder));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A supervisor that dies while there is no room: the next one serves all the same, and shows every guest. */
async function restartFull(world: World, pick: number, ms: number): Promise<Hit> {
  const kind = "restart_full";
  const folder = pick % 2 === 0 ? world.place.root : world.layout.runFolder;
  fill(folder);
  try {
    const gone = signalSupervisors(world, "SIGKILL");
    await until(
      "the killed supervisors have ended",
      () => !world.cast().supervisors.some(({ pid }) => gone.some((one) => one.pid === pid)),
    );
    const { code, text } = await world.command("--json", "vm", "list");
    await pause(ms);
    const shown = code === 0 ? JSON.parse(text).map(({ id }: { id: string }) => id) : [];
    const missing = world.guests.filter(({ id }) => !shown.includes(id));
    const fault = code === 0 && missing.length === 0
      ? undefined
      : `with ${folder} full no supervisor shows the guests: exit code ${code}: ${text}`;
    return { kind, isMiss: false, guests: [], ...(fault === undefined ? {} : { fault }) };
  } finally {
    empty(folder);
  }
}
