/** The room on file systems, as it concerns the supervisor and its guests. */
import type { StorageView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import { fail } from "../core/problem.ts";
import { formatBytes, MIB } from "../core/units.ts";
import { fileSystemOf, spaceOf } from "../ports/disk_space.ts";
import { dirname } from "../ports/files.ts";
import { confine } from "../../registry/paths.ts";
import { decide } from "../../policy/decide.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { disksWithoutRoom } from "./io_errors.ts";
import { judge, type LevelChange, levelOf, roomText, shortOf, type SpaceState } from "./space_rules.ts";
import { SpaceWatch, type WatchedGuest, type WatchedSpace } from "./space_watch.ts";
import type { Supervisor } from "./supervisor.ts";

/** The watch of a supervisor's file systems; it does nothing before it is started. */
export function spaceWatch(s: Supervisor): SpaceWatch<VmId> {
  const { layout, clock, root } = s.parts;
  const watch: SpaceWatch<VmId> = new SpaceWatch<VmId>({
    clock,
    // All that may be a file system of its own; folders of disks come with the guests.
    places: [
      root,
      dirname(layout.registryFile),
      dirname(layout.rayosLog),
      layout.crashFolder,
      layout.runFolder,
    ],
    fileSystemOf,
    spaceOf,
    guests: () =>
      Promise.all([...s.guests.values()].flatMap((guest) => guest.run ? [watched(s, guest)] : [])),
    say: (change) => say(s, change),
    waits: (vm, where) => {
      const guest = s.guests.get(vm);
      if (guest?.stall) guest.stall = { ...guest.stall, where };
    },
    goOn: (vm) => void goOn(s, watch, vm),
  });
  return watch;
}

function say(s: Supervisor, { level, sample, of }: LevelChange): void {
  s.emit({
    event: `RAYOS_STORAGE:${level}`,
    fields: {
      path: sample.path,
      short_of: wordFor(of),
      free_mib: Math.floor(sample.freeBytes / MIB),
      total_mib: Math.floor(sample.totalBytes / MIB),
      ...(sample.totalInodes > 0 ? { free_inodes: sample.freeInodes } : {}),
    },
  }, "storage");
}

function wordFor(of: keyof SpaceState): "space" | "inodes" {
  return of === "bytes" ? "space" : "inodes";
}

/** Where the disks of a run lie. A record does not change while its guest runs. */
const folders = new WeakMap<GuestRun, Promise<ReadonlyMap<string, string>>>();

async function watched(s: Supervisor, guest: Guest): Promise<WatchedGuest<VmId>> {
  const { id: vm, record, run } = guest;
  if (!record || !run) return { vm, folders: [] };
  let found = folders.get(run);
  if (!found) folders.set(run, found = diskFolders(s, record));
  const of = await found;
  const own = s.parts.layout.guest(record.type, vm).folder;
  const all = { vm, folders: [own, ...of.values()] };
  const failed = disksWithoutRoom(guest)?.map((disk) => of.get(disk));
  if (!failed) return all;
  // A disk that is not known by name may be any of them.
  return { ...all, waitsIn: failed.every((folder) => folder !== undefined) ? failed : [...of.values()] };
}

async function diskFolders(s: Supervisor, record: VmRecord): Promise<ReadonlyMap<string, string>> {
  const entries = Object.entries(record.storage.disks).map(async ([name, path]) => {
    const real = await confine(s.parts.root, path, { mustExist: false, kind: "file" })
      .catch(() => `${s.parts.root}/${path}`); // QEMU has it open whatever its path has become
    return [name, dirname(real)] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Lets a guest go on that QEMU stopped for want of room, by the same gate as an operator. Never throws: that it failed is on
 * record, and it is tried again.
 */
async function goOn(s: Supervisor, watch: SpaceWatch<VmId>, vm: VmId): Promise<void> {
  const guest = s.guests.get(vm);
  if (!guest || !disksWithoutRoom(guest)) return;
  try {
    if (await isRefusedAgain(s, guest)) return watch.forget(vm);
    // What is under way, or came meanwhile, is somebody's wish: to wait for it and resume then would undo it.
    if (s.jobs.on(vm) || !disksWithoutRoom(guest)) return watch.forget(vm);
    await s.perform("vm.resume", { id: vm }, { kind: "supervisor" }, { trigger: "recovery" });
  } catch { /* told and on record */ }
}

/** Whether policy does not let it go on, as before: asked again and again, it would only fill the trail. */
async function isRefusedAgain(s: Supervisor, guest: Guest): Promise<boolean> {
  const facts = await s.policyFactsNow(guest);
  const { stall, record } = guest;
  if (!stall || !record) return true;
  const { effect, reasons } = decide(s.policy, {
    action: "vm.resume",
    trigger: "recovery",
    guest: record,
    facts,
  });
  const { refused: before, ...rest } = stall;
  guest.stall = effect === "deny" ? { ...rest, refused: reasons[0].why } : rest;
  return effect === "deny" && before === reasons[0].why;
}

/** A file system with the level that it has now, whether or not it is watched. */
async function lookAt(s: Supervisor, folder: string): Promise<WatchedSpace | undefined> {
  const fileSystem = await fileSystemOf(folder);
  const space = await spaceOf(folder);
  if (fileSystem === undefined || !space) return undefined;
  const state = judge(space, s.space.stateOf(fileSystem));
  const path = s.space.spaces.find((known) => known.fileSystem === fileSystem)?.path ?? folder;
  return { fileSystem, path, ...space, ...state, level: levelOf(state) };
}

/** Each file system once, by the first of the folders on it. */
async function lookAtAll(s: Supervisor, folders: readonly string[]): Promise<WatchedSpace[]> {
  const found = await Promise.all([...new Set(folders)].map((folder) => lookAt(s, folder)));
  const known = found.filter((space) => space !== undefined);
  return [...new Map(known.toReversed().map((space) => [space.fileSystem, space])).values()];
}

const lowNote = (space: WatchedSpace) =>
  `${space.path} runs out of ${wordFor(shortOf(space))}: ${roomText(space, shortOf(space))}`;

/**
 * Refuses what would write to folders of which one has no room: Failure `no_space`; `run/` and `logs/` are among them always. Gives
 * a note for each file system that is low. One that can't be looked at refuses nothing: whoever writes to it hears why not.
 */
export async function checkRoom(s: Supervisor, what: string, folders: readonly string[]): Promise<string[]> {
  const { layout } = s.parts;
  const spaces = await lookAtAll(s, [...folders, layout.runFolder, dirname(layout.auditFile)]);
  const full = spaces.find(({ level }) => level === "full");
  if (full) {
    fail("no_space", `${what}: ${full.path} is full (${roomText(full, shortOf(full))})`, {
      path: full.path,
      hint: "make room there, and ask again; guests that run go on, and stand still while they find no room",
    });
  }
  return spaces.filter(({ level }) => level === "low").map(lowNote);
}

/** What the operator should know of a new disk that may become larger than the room there is. */
export async function newDiskNotes(s: Supervisor, path: string, bytes: number): Promise<string[]> {
  const space = await lookAt(s, dirname(path));
  if (!space) return [];
  const notes = space.level === "ok" ? [] : [lowNote(space)];
  if (bytes <= space.freeBytes) return notes;
  return [
    `the disk may grow to ${formatBytes(bytes)}, and ${space.path} has ${
      formatBytes(space.freeBytes)
    } free: ` +
    "a guest that finds no room stands still until there is some",
    ...notes,
  ];
}

/** File systems as clients see them. */
export function storageViews(spaces: readonly WatchedSpace[]): StorageView[] {
  return spaces.map((space) => ({
    path: space.path,
    free_mib: Math.floor(space.freeBytes / MIB),
    total_mib: Math.floor(space.totalBytes / MIB),
    free_inodes: space.totalInodes > 0 ? space.freeInodes : null,
    level: space.level,
    short_of: space.level === "ok" ? null : wordFor(shortOf(space)),
  }));
}
