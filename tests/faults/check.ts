/** What must hold whenever a supervisor serves and nothing is under way. Each finding is one sentence. */
import type { GuestDetail, GuestView } from "../../src/actions/views.ts";
import { hasProcess } from "../../src/lifecycle/states.ts";
import { basename } from "../../src/core/file_names.ts";
import {
  foldersIn,
  groupsOf,
  guestFolders,
  leftovers,
  listeningSockets,
  mounts,
  namesIn,
  registryStates,
} from "./facts.ts";
import { type Cast, type Seen, textOf } from "./processes.ts";
import type { World } from "./world.ts";

/** What a supervisor says of its guests, and what the kernel says at about the same time. */
export interface Look {
  readonly guests: readonly GuestDetail[];
  readonly cast: Cast;
}

/** What was found before the first round, or kept on purpose since. */
export interface Known {
  readonly mounts: string;
  /** Guests whose folder stays although no registry names them. */
  readonly keptFolders: Set<string>;
  /** Processes of the suite itself. */
  readonly own: ReadonlySet<number>;
}

export function check(world: World, look: Look, known: Known): string[] {
  return [
    ...checkProcesses(world, look, known),
    ...look.guests.flatMap((guest) => checkGuest(guest, look.cast)),
    ...checkRegistry(world, look.guests),
    ...checkFiles(world, look, known),
  ];
}

const pidsOf = (all: readonly Seen[]) => all.map(({ pid }) => pid);

function checkProcesses(world: World, { guests, cast }: Look, known: Known): string[] {
  const found: string[] = [];
  const { supervisors } = cast;
  if (supervisors.length !== 1) found.push(`${supervisors.length} supervisors: ${pidsOf(supervisors)}`);
  for (const [role, byGuest] of [["QEMU", cast.qemu], ["swtpm", cast.swtpm]] as const) {
    for (const [vm, seen] of byGuest) {
      const guest = guests.find(({ id }) => id === vm);
      if (!guest) found.push(`${role} of ${vm}, which is no guest: ${seen.map(textOf)}`);
      if (seen.length > 1) found.push(`${seen.length} processes are ${role} of ${vm}: ${seen.map(textOf)}`);
    }
  }
  found.push(...cast.tools.map((seen) => `a tool is left over: ${textOf(seen)}`));
  if (world.place.isOwn) {
    const strangers = cast.others.filter(({ pid }) => !known.own.has(pid));
    found.push(...strangers.map((seen) => `a process is left over: ${textOf(seen)}`));
  }
  return found;
}

function checkGuest(guest: GuestDetail, cast: Cast): string[] {
  const { id, state, pid, problem, live } = guest;
  const found: string[] = [];
  const say = (what: string) => found.push(`${id} is told to be ${state}, but ${what}`);
  const qemu = cast.qemu.get(id) ?? [];
  const swtpm = cast.swtpm.get(id) ?? [];
  if (state === "broken") say(`should not be: ${problem}`);
  if (hasProcess(state) && qemu.length === 0) say("no QEMU of it runs");
  if (!hasProcess(state) && qemu.length > 0) say(`its QEMU runs: ${qemu.map(textOf)}`);
  if (hasProcess(state) && !pidsOf(qemu).includes(pid ?? -1)) {
    say(`its pid is told as ${pid}, not ${pidsOf(qemu)}`);
  }
  if (!["stopped", "running", "paused", "suspended", "crashed", "broken"].includes(state)) {
    say("nothing is under way");
  }
  if (state === "running" && live?.status !== "running") say(`QEMU says '${live?.status}'`);
  if (state === "paused" && live?.status === "running") say("QEMU says that it runs");
  const hasTpm = guest.record?.devices.tpm?.enabled ?? false;
  const isTpmLost = state === "paused" && /TPM emulator has ended/.test(problem ?? "");
  if (hasProcess(state) && hasTpm && swtpm.length === 0 && !isTpmLost) {
    say(`it has lost its TPM emulator, and says: ${problem}`);
  }
  if (swtpm.length > 0 && (!hasProcess(state) || !hasTpm)) say(`swtpm runs: ${swtpm.map(textOf)}`);
  return found;
}

function checkRegistry(world: World, guests: readonly GuestView[]): string[] {
  const states = registryStates(world.layout);
  const found = guests.filter(({ id }) => !states.has(id)).map(({ id }) => `${id} is in no registry`);
  for (const [id, written] of states) {
    const guest = guests.find((one) => one.id === id);
    const state = guest?.state ?? "stopped";
    const meant = state === "suspended" ? "suspended" : hasProcess(state) ? "running" : "stopped";
    if (!guest) found.push(`the registry names ${id}, and the supervisor does not`);
    else if (written !== meant) found.push(`${id} is ${state}, and the registry says '${written}'`);
  }
  return found;
}

/** A guest is suspended as long as its manifest is there, and nothing half done is left. */
function checkState({ layout }: World, { id, kind, state }: GuestView): string[] {
  if (kind === null) return [];
  const { folder, manifest, memory } = layout.guest(kind, id).state;
  const meant = state === "suspended" ? [manifest, memory].map((path) => basename(path)).sort() : [];
  const seen = namesIn(folder);
  if (seen.join() === meant.join()) return [];
  return [`${id} is ${state}, and of its saved state there is: ${seen}`];
}

function checkFiles(world: World, { guests }: Look, known: Known): string[] {
  const { layout, place } = world;
  const running = guests.filter(({ state }) => hasProcess(state)).map(({ id }) => layout.runtime(id));
  const found: string[] = [];
  const same = (what: string, seen: readonly string[], meant: readonly string[]) => {
    const more = seen.filter((one) => !meant.includes(one)),
      less = meant.filter((one) => !seen.includes(one));
    if (more.length > 0) found.push(`${what}: ${more} should not be there`);
    if (less.length > 0) found.push(`${what}: ${less} should be there`);
  };
  same("run/g", namesIn(`${layout.runFolder}/g`), running.map(({ folder }) => basename(folder)));
  for (const group of groupsOf(place.root)) {
    same(group, foldersIn(group), running.map(({ folder }) => basename(folder)));
  }
  const inUse = listeningSockets(place.root);
  const ours = [
    layout.socket,
    ...running.flatMap(({ qmp, agent, serial, tpm, vnc }) => [qmp, agent, serial, tpm, vnc]),
  ];
  const stray = inUse.filter((path) => !ours.includes(path));
  if (stray.length > 0) found.push(`somebody listens on ${stray}`);
  same("vm/intents", namesIn(layout.intents), []);
  const crashes = namesIn(layout.crashFolder).filter((name) => /^supervisor-/.test(name));
  if (crashes.length > 0) found.push(`a supervisor has crashed by itself: ${crashes}`);
  found.push(...guests.flatMap((guest) => checkState(world, guest)));
  same("temporary files", leftovers(place.root), []);
  const ids: string[] = guests.map(({ id }) => id);
  const folders = guestFolders(layout).filter((id) => ids.includes(id) || !known.keptFolders.has(id));
  same("folders of guests", folders, ids);
  if (place.isOwn && mounts() !== known.mounts) found.push(`what is mounted has changed: ${mounts()}`);
  for (const folder of place.temporary) same(folder, namesIn(folder), []);
  return found;
}
