/** Suspending a guest to disk: its memory is saved while it stands still, and its processes are ended. */
import { isAlive } from "../ports/processes.ts";
import { formatUtc } from "../core/time.ts";
import { formatBytes, MIB } from "../core/units.ts";
import { fail, Failure, problemOf } from "../core/problem.ts";
import { spaceOf } from "../ports/disk_space.ts";
import { makeFolder } from "../ports/files.ts";
import { readKernelFiles } from "../ports/proc_files.ts";
import { comparable, imagesIn, optionIn, parseCmdline } from "../suspend/command_line.ts";
import {
  clearLeftovers,
  commitState,
  forgetState,
  hasState,
  stampImages,
  writeStandstill,
} from "../suspend/files.ts";
import { type Manifest, versionText } from "../suspend/manifest.ts";
import { saveMemory } from "../suspend/save.ts";
import type { SavedState } from "../../registry/layout.ts";
import { baseOf, type Change, done } from "./changes.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { halt } from "./halt.ts";
import { refuseCards } from "./network.ts";
import { hide } from "./presentation.ts";
import { settled } from "./run_guest.ts";
import type { Supervisor } from "./supervisor.ts";

/** Room for what a stream holds besides the guest's memory: video memory, devices, page headers. */
const SLACK_BYTES = 64 * MIB;
const PAGE_HEADERS = 1 / 256;

/** Once the state is whole QEMU is ended whatever it does. */
export const END_QEMU = [{ step: "quit", waitMs: 10_000 }, { step: "kill", waitMs: 10_000 }] as const;

/** Resolves when the state of a guest that is being suspended is whole, or nothing is left of the attempt. */
const suspending = new WeakMap<Guest, Promise<void>>();

/** Files of a guest's saved state. */
export function stateOf(s: Supervisor, guest: Guest): SavedState {
  return s.parts.layout.guest(guest.kind ?? "linux", guest.id).state;
}

export function suspendGuest(s: Supervisor, guest: Guest): Promise<Change> {
  return Promise.resolve({
    ...baseOf(guest),
    act: async (_decision, signal) => {
      const run = guest.run ?? fail("wrong_state", `${guest.id} has no QEMU process`);
      const saved = await save(s, guest, run, signal);
      await halt(run, END_QEMU, { clock: s.parts.clock });
      await settled(guest);
      return { ...done("vm.suspend", guest), notes: [`${formatBytes(saved.memory.bytes)} are on disk`] };
    },
  });
}

/** Saves the state of a guest that runs or is paused. On a failure it runs on, or stays paused, as it was. */
async function save(s: Supervisor, guest: Guest, run: GuestRun, calledOff: AbortSignal): Promise<Manifest> {
  const files = stateOf(s, guest);
  const over = Promise.withResolvers<void>();
  const ended = new AbortController();
  const signal = AbortSignal.any([calledOff, ended.signal]);
  suspending.set(guest, over.promise);
  // A QEMU that can't be talked to any more is taken over anew, or is gone: either way this attempt is over.
  void Promise.race([run.gone, run.qmp.closed]).then(() =>
    ended.abort(
      new Failure({ code: "failed", message: `QEMU of ${guest.id} ended, or closed its control socket` }),
    )
  );
  try {
    const then = await mayBeSaved(guest, run);
    const { pauseReason } = guest;
    await makeFolder(files.folder);
    await clearLeftovers(files);
    await roomFor(guest, files);
    if (!guest.apply("suspend")) fail("wrong_state", `${guest.id} is ${guest.state}`);
    s.emit({ event: "RAYOS_VM:suspend", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
    hide(s, "suspend", guest);
    try {
      return await saveStopped(s, guest, run, { files, then, signal });
    } catch (error) {
      await goOn(guest, run, files, then);
      if (guest.state === "paused") guest.pauseReason ??= pauseReason ?? "unknown";
      throw error;
    }
  } finally {
    suspending.delete(guest);
    over.resolve();
  }
}

/** What the guest does after a suspend that fails. Failure `wrong_state` when QEMU is in no state to be saved from. */
async function mayBeSaved(guest: Guest, run: GuestRun): Promise<"run" | "stay"> {
  const { status } = await run.qmp.execute("query-status");
  if (status !== "running" && status !== "paused") {
    fail("wrong_state", `${guest.id} can't be suspended: QEMU says that it is '${status}'`, {
      hint: "let it run again first (`rayvisor vm resume`), or stop it",
    });
  }
  await refuseCards(guest, run, "suspended");
  const blocked = (await run.qmp.execute("query-migrate"))["blocked-reasons"]?.[0];
  if (blocked !== undefined) fail("wrong_state", `${guest.id} can't be suspended: QEMU says: ${blocked}`);
  return status === "running" ? "run" : "stay";
}

async function roomFor(guest: Guest, files: SavedState): Promise<void> {
  const memory = (guest.share?.memoryMib ?? guest.record?.devices.memory_mb ?? 0) * MIB;
  const needed = Math.ceil(memory * (1 + PAGE_HEADERS)) + SLACK_BYTES;
  const free = (await spaceOf(files.folder))?.freeBytes;
  if (free === undefined || free >= needed) return; // where nothing is known, a full disk still only fails the attempt
  fail(
    "io",
    `${guest.id} can't be suspended: its memory may need ${formatBytes(needed)}, and ${
      formatBytes(free)
    } are free`,
    { path: files.folder },
  );
}

interface Saving {
  readonly files: SavedState;
  readonly then: "run" | "stay";
  readonly signal: AbortSignal;
}

async function saveStopped(s: Supervisor, guest: Guest, run: GuestRun, saving: Saving): Promise<Manifest> {
  const { files, signal } = saving;
  // Before the guest stops: a supervisor that finds it standing still reads here that nobody had paused it.
  await writeStandstill(files, saving.then);
  await run.qmp.execute("stop"); // QEMU flushes the images too
  const { stream: socket } = s.parts.layout.runtime(guest.id);
  const memory = await saveMemory({ qmp: run.qmp, clock: s.parts.clock, socket, files, signal });
  const manifest = await manifestOf(s, guest, run, memory);
  signal.throwIfAborted();
  await commitState(files, manifest); // nothing else happens between the look at the signal and the file
  return manifest;
}

async function manifestOf(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  memory: Manifest["memory"],
): Promise<Manifest> {
  const { clock, root, version } = s.parts;
  const cmdline = await readKernelFiles(`/proc/${run.qemu.pid}/cmdline`);
  if (!cmdline || !await isAlive(run.qemu)) {
    fail("failed", `the command line of QEMU ${run.qemu.pid} can't be read`);
  }
  const args = comparable(parseCmdline(cmdline), root);
  const { qemu, package: built } = await run.qmp.execute("query-version");
  return {
    version: 0,
    vm: guest.id,
    saved_at: formatUtc(clock.now()),
    rayvisor: version,
    qemu: { version: versionText(qemu), package: built },
    machine: optionIn(args, "-machine")?.split(",")[0] ?? "",
    accelerator: run.accelerator,
    cpu: optionIn(args, "-cpu") ?? "",
    uuid: optionIn(args, "-uuid") ?? "",
    vcpu: guest.share?.vcpu ?? 1,
    memory_mib: guest.share?.memoryMib ?? 1,
    args,
    images: await stampImages(root, imagesIn(args)),
    memory,
  };
}

/**
 * After an attempt that failed: removes what it has left, and lets the guest run on. It never runs while a manifest is there:
 * where that can't be removed, the guest stays as it is. Nor is anything asked of a QEMU that can't be talked to: whoever takes
 * it over reads on disk why it stands still.
 */
async function goOn(guest: Guest, run: GuestRun, files: SavedState, then: "run" | "stay"): Promise<void> {
  try {
    forgetState(files);
    if (run.qmp.isClosed) return;
    if (then === "run") await run.qmp.execute("cont");
    if (guest.apply("suspend_failed") && then === "stay") guest.apply("paused");
    await clearLeftovers(files);
  } catch (error) {
    if (guest.apply("suspend_failed")) guest.apply("paused");
    guest.lastError = `it stands still after a suspend that failed: ${problemOf(error).message}`;
  }
}

/**
 * Whether the guest, whose QEMU has ended, is suspended. Waits until a suspend that is under way has decided it, and removes
 * what it has left besides.
 */
export async function isSaved(s: Supervisor, guest: Guest): Promise<boolean> {
  await suspending.get(guest);
  if (guest.kind === undefined) return false;
  const files = stateOf(s, guest);
  await clearLeftovers(files).catch(() => {}); // they harm nobody, and the next start removes them
  return await hasState(files);
}
