/** What each step of a provisioning run does. Each may be entered again after it was cut off anywhere. */
import { fail, Failure, problemOf } from "../core/problem.ts";
import { isObject } from "../core/json.ts";
import { formatUtc } from "../core/time.ts";
import { dirname, exists, makeFolder, removeTree, writeFileAtomic } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import { installMove, phaseOf, type RunState } from "../provision/run_state.ts";
import type { Step } from "../provision/steps.ts";
import { backingChain } from "../qemu/image_chain.ts";
import { copyImage, createDisk } from "../qemu/images.ts";
import { readBaseline } from "./baseline.ts";
import { bootFromMedium } from "./boot_key.ts";
import type { Guest } from "./guest.ts";
import { halt } from "./halt.ts";
import { networkOff, networkOn } from "./network.ts";
import { pinnedMachine } from "./prepare.ts";
import { bringMedium, checkHash, type Passing, tenths } from "./provision_media.ts";
import { makeSeed } from "./provision_seed.ts";
import { mediaOf, recordFor } from "./provision_record.ts";
import type { ProvisionRun } from "./provision_run.ts";
import { settled } from "./run_guest.ts";
import type { Supervisor } from "./supervisor.ts";
import { END_QEMU } from "./suspend_guest.ts";

/** Who asks for what a run does: on record as any other request. */
export const RUN_ACTOR = { kind: "supervisor" } as const;

/** Time for a guest that was verified to shut down, seconds. */
const VERIFY_GRACE_S = 300;

type Doing = (s: Supervisor, run: ProvisionRun, signal: AbortSignal) => Promise<void>;

export const DO: Readonly<Record<Step, Doing>> = { media, disk, define, install, detach, verify, baseline };

/** Where things of a run lie, relative to the data root, and its media. */
export function placesOf(s: Supervisor, run: Pick<ProvisionRun, "vm" | "answers">) {
  const { layout, root } = s.parts;
  const { folder, provision } = layout.guest(run.answers.type, run.vm);
  const relative = (path: string) => path.slice(root.length + 1);
  const media = mediaOf(run.answers, root, {
    media: relative(provision.media),
    seed: relative(provision.seed),
  });
  return { folder: relative(folder), disk: `${folder}/disk.qcow2`, media };
}

async function media(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  const { files } = run;
  // What an attempt that was cut off has left may hold the password.
  await keepOnly(files.folder, (name) => `${files.folder}/${name}` === files.run);
  const going = passing(s, run, "media", signal);
  for (const medium of placesOf(s, run).media) {
    if (medium.name === "seed") continue;
    await checkHash(medium.from ?? `${s.parts.root}/${medium.path}`, medium.sha256, going);
    await bringMedium(s.parts.root, medium, going);
  }
  await makeSeed(run, signal);
}

/** Tells of a large file that is gone through. */
function passing(s: Supervisor, { vm }: ProvisionRun, step: Step, signal: AbortSignal): Passing {
  return {
    signal,
    tell: (phase) => s.emit({ event: "RAYOS_PROVISION:step", fields: { vm, step, phase } }),
  };
}

async function disk(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  // The medium carries it by now.
  if (run.state.password !== null) await run.save({ ...run.state, password: null });
  await removeParts(s, run);
  await makeDisk(s, run, signal);
}

/** Images that were being made when a supervisor died. */
async function removeParts(s: Supervisor, run: ProvisionRun): Promise<void> {
  await keepOnly(
    s.parts.layout.guest(run.answers.type, run.vm).folder,
    (name) => !/\.qcow2\.[0-9a-f]{8}\.tmp$/.test(name),
  );
}

async function keepOnly(folder: string, keep: (name: string) => boolean): Promise<void> {
  for (const name of await listFolder(folder)) if (!keep(name)) await removeTree(`${folder}/${name}`);
}

/** The guest's disk as it is before anything is installed. Only ever where this run has made it, or there is none. */
async function makeDisk(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  const { answers } = run;
  const { disk: path } = placesOf(s, run);
  await removeTree(path);
  if (answers.type === "windows") return await createDisk(path, answers.disk.size);
  const { image, image_format: format, size } = answers.disk;
  await checkImage(image, format);
  const going = passing(s, run, "disk", signal);
  await checkHash(image, answers.disk.image_sha256, going);
  const { onPercent } = await tenths(image, "copied", going.tell);
  await copyImage({
    from: { path: image, format },
    to: path,
    toFormat: "qcow2",
    ...(size === undefined ? {} : { grownTo: size }),
    signal,
    onPercent,
  });
}

/** An image that comes from elsewhere may name any file of the host as the one it rests on. */
export async function checkImage(path: string, format: "qcow2" | "raw"): Promise<void> {
  await backingChain(
    path,
    format,
    (other) =>
      fail("path_escape", `${path} rests on another image, ${JSON.stringify(other)}, which is not followed`, {
        hint: "make it one that stands alone: qemu-img convert -O qcow2 IMAGE NEW",
        path,
      }),
  );
}

/** What is entered into the registry, with the run's media, and where its disk lies. */
export async function plannedRecord(s: Supervisor, run: Pick<ProvisionRun, "vm" | "answers">) {
  const { folder, media } = placesOf(s, run);
  const machine = pinnedMachine(await s.parts.capabilities());
  return { record: recordFor(run.answers, run.vm, { folder, machine, media }), media, machine };
}

async function define(s: Supervisor, run: ProvisionRun): Promise<void> {
  if (s.guests.has(run.vm)) return;
  await removeParts(s, run);
  const { record } = await plannedRecord(s, run);
  await s.perform("vm.define", { record }, RUN_ACTOR);
}

async function install(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  const within = AbortSignal.any([signal, timeLimit(s, run, signal)]);
  const move = installMove(run.state, s.guests.get(run.vm)?.run !== undefined);
  if (move === "start_anew") await renew(s, run, within);
  const guest = s.guest(run.vm);
  const ran = guest.run !== undefined;
  if (move === "start" || move === "start_anew") {
    await run.see({ kind: "started" });
    run.wrote = false;
    if (!ran) await s.perform("vm.start", { id: run.vm, cold: true }, RUN_ACTOR);
  }
  if (move !== "over") {
    const started = guest.run ?? fail("failed", `${run.vm} ended as soon as it was started`);
    // That it has shut itself down is to be seen also by a supervisor that was not there when it did.
    await started.qmp.execute("set-action", { shutdown: "pause" });
    const { during_install, profile } = run.answers.network;
    if (run.answers.type === "windows" && !run.state.install.booted) {
      tellPhase(s, run, guest, phaseOf(run.state, run.wrote));
      await bootFromMedium(s, guest, ran ? "unseen" : "started", within);
      await run.see({ kind: "booted" });
    }
    if (during_install) {
      await networkOn(s, guest, { profile, reason: "provisioning", provisioning: true }, within);
    }
    await untilInstalled(s, run, guest, within);
  }
  // It stands there, shut down, with its network: both end with QEMU, which a guest that stands still gives no card back to.
  if (guest.run) await halt(guest.run, END_QEMU, { clock: s.parts.clock });
  await settled(guest);
}

/** Aborts when the installation has taken as long as the answers let it. */
function timeLimit(s: Supervisor, { answers, vm }: ProvisionRun, signal: AbortSignal): AbortSignal {
  const minutes = answers.install.timeout_minutes;
  const late = new AbortController();
  const cancel = s.parts.clock.after(
    minutes * 60_000,
    () =>
      late.abort(
        new Failure({
          code: "failed",
          message: `${vm} has not finished within ${minutes} minutes (install.timeout_minutes)`,
          hint: "it still runs, without a network: look at it, then go on with the run or call it off",
        }),
      ),
  );
  signal.addEventListener("abort", cancel, { once: true });
  return late.signal;
}

/** Disk, UEFI variables and TPM as they were before the guest was let run the first time. */
async function renew(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  s.emit({
    event: "RAYOS_PROVISION:step",
    fields: { vm: run.vm, step: "install", reason: "it ended unseen and is installed anew" },
  });
  // The record goes first: what it names must never be half there. It is defined again with everything that it lacks.
  if (s.guests.has(run.vm)) await s.perform("vm.delete", { id: run.vm }, RUN_ACTOR);
  const { record } = await plannedRecord(s, run);
  for (const path of [record.storage.ovmf_vars, record.storage.tpm_state]) {
    if (path !== undefined) await removeTree(`${s.parts.root}/${path}`);
  }
  await makeDisk(s, run, signal);
  await define(s, run);
}

/** Waits until the guest has shut itself down. */
async function untilInstalled(
  s: Supervisor,
  run: ProvisionRun,
  guest: Guest,
  signal: AbortSignal,
): Promise<void> {
  const started = guest.run;
  const unwatch = watchDisk(s, run);
  let told = "";
  try {
    while (!run.state.install.done) {
      const phase = phaseOf(run.state, run.wrote);
      if (phase !== told) tellPhase(s, run, guest, told = phase);
      if (guest.run !== started) {
        fail("failed", `${run.vm} ended before it had installed itself${because(guest)}`);
      }
      if (guest.pauseReason === "panic" || guest.pauseReason === "watchdog") {
        fail("failed", `${run.vm} has failed while it installed itself (${guest.pauseReason})`);
      }
      if (guest.readySince !== undefined && !run.state.install.agent) {
        await run.see({ kind: "agent" });
        void tellOs(run, guest);
        continue;
      }
      await run.change(signal);
    }
  } finally {
    unwatch();
  }
}

/** A guest that restarts without end must not fill the log. */
function tellPhase(s: Supervisor, run: ProvisionRun, guest: Guest, phase: string): void {
  if (guest.words.take(s.parts.clock.now()) === undefined) return;
  s.emit({ event: "RAYOS_PROVISION:step", fields: { vm: run.vm, step: "install", phase } });
}

function because({ lastError }: Guest): string {
  return lastError === undefined ? "" : `: ${lastError}`;
}

/** Sees from outside whether the guest writes to its disk. */
function watchDisk(s: Supervisor, run: ProvisionRun): () => void {
  return s.sampler.listen((sample) => {
    if (run.wrote) return;
    const blocks = sample.guests.find(({ id }) => id === run.vm)?.block ?? [];
    if (!blocks.some(({ node, written_bytes }) => node.startsWith("disk") && written_bytes > 0)) return;
    run.wrote = true;
    run.touch();
  });
}

/** What the guest's agent says that it is, as far as policy lets the host ask. */
async function tellOs(run: ProvisionRun, guest: Guest): Promise<void> {
  try {
    const { os } = await guest.run?.agent.describe() ?? {};
    if (!isObject(os)) return;
    const word = (...keys: string[]) => keys.map((key) => os[key]).find((value) => typeof value === "string");
    await run.see({
      kind: "os",
      name: word("prettyName", "name", "id") ?? "unknown",
      // Of Windows it is the build.
      version: word(...(guest.kind === "windows" ? ["kernelRelease"] : ["versionId", "kernelRelease"])) ?? "",
    });
  } catch { /* it is only told, and may have ended */ }
}

async function detach(s: Supervisor, run: ProvisionRun): Promise<void> {
  const guest = s.guest(run.vm);
  const { record } = guest;
  if (record?.storage.cdroms) {
    const { cdroms: _, ...storage } = record.storage;
    guest.record = { ...record, storage };
    try {
      await s.parts.store.put(guest.record);
    } catch (error) {
      guest.record = record;
      throw error;
    }
  }
  await removeTree(run.files.media);
  await removeTree(run.files.seed);
}

async function verify(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<void> {
  const guest = s.guest(run.vm);
  const within = AbortSignal.any([signal, timeLimit(s, run, signal)]);
  if (!guest.run) await s.perform("vm.start", { id: run.vm, cold: true }, RUN_ACTOR);
  const started = guest.run;
  while (guest.readySince === undefined) {
    if (guest.run !== started || !started) {
      fail("failed", `${run.vm} ended before its agent had answered${because(guest)}`);
    }
    await run.change(within);
  }
  await tellOs(run, guest);
  const stopped = await s.perform("vm.stop", { id: run.vm, grace_s: VERIFY_GRACE_S }, RUN_ACTOR);
  const by = isObject(stopped) ? stopped["ended_by"] : undefined;
  if (by === "quit" || by === "kill") {
    fail(
      "failed",
      `${run.vm} did not shut down when it was asked to: what is on its disk may be half written`,
    );
  }
}

async function baseline(s: Supervisor, run: ProvisionRun): Promise<void> {
  const { baseline: name, begun_at } = run.state;
  if (name === null) return;
  const guest = s.guest(run.vm);
  const there = await readBaseline(s, guest, name);
  if (there && there.created_at >= begun_at) return; // this run has made it
  await s.perform("baseline.create", { id: run.vm, name }, RUN_ACTOR);
}

/** What stays of a run that is over; then the run is forgotten. */
export async function conclude(s: Supervisor, run: ProvisionRun): Promise<void> {
  const { files } = run;
  const { run: name, begun_at, os, baseline, install } = run.state;
  await makeFolder(dirname(files.done));
  await writeFileAtomic(
    files.done,
    JSON.stringify(
      {
        version: 0,
        vm: run.vm,
        run: name,
        begun_at,
        ended_at: formatUtc(s.parts.clock.now()),
        os,
        restarts: install.resets,
        baseline,
      },
      null,
      2,
    ) + "\n",
  );
  await s.provisions.forget(run.vm);
}

/** Takes away all that a run has made. The guest must not run. */
export async function undo(s: Supervisor, run: ProvisionRun): Promise<void> {
  if (s.guests.has(run.vm)) await s.perform("vm.delete", { id: run.vm, disks: true }, RUN_ACTOR);
  const { folder } = s.parts.layout.guest(run.answers.type, run.vm);
  if (await exists(folder)) await removeTree(folder);
  await s.provisions.forget(run.vm);
}

/** What a run leaves when it ends otherwise than well: never a network. */
export async function secure(s: Supervisor, run: ProvisionRun, why: string): Promise<void> {
  const guest = s.guests.get(run.vm);
  if (!guest?.run) return;
  await networkOff(s, guest, why).catch((error: unknown) => {
    s.putOnRecord("provision.network_left", run.vm, { why: problemOf(error).message });
  });
}

/** A state that says why an attempt failed. */
export function failedState(state: RunState, error: unknown): RunState {
  const { code, message } = problemOf(error);
  return { ...state, failed: { code, message } };
}
