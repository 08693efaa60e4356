/**
 * The start of a supervisor: what the registry names is looked up in fact. Guests that run are taken over, hidden and
 * without a network; what is left of guests that don't is ended and cleared away; what was begun is finished or undone.
 */
import { deriveGuest } from "../lifecycle/derive.ts";
import { problemOf } from "../core/problem.ts";
import type { OwnProcess } from "../ports/own_processes.ts";
import {
  endProcess,
  isAlive,
  LONGEST_TIMER_MS,
  type ProcessIdentity,
  waitForEnd,
} from "../ports/processes.ts";
import { removeTree } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import { basename } from "../core/file_names.ts";
import { hasRunByTrail } from "./has_run.ts";
import { Guest, type GuestRun } from "./guest.ts";
import { clearStall, findStall } from "./io_errors.ts";
import { MARK } from "./launch.ts";
import { deathByLimit, dropGroup, groupLeft } from "./limits.ts";
import { meet, type Meeting, type Met, type Parts, shareAsked } from "./meet.ts";
import { cutFoundNetwork, networkLost } from "./network.ts";
import { reactToFound } from "./reacting.ts";
import { recoverState, settleState } from "./recover_state.ts";
import { remember } from "./remember.ts";
import { lookAtAgentPort } from "./resume_guest.ts";
import { takeOver } from "./run_guest.ts";
import { readRunRecord, type RunRecord, writeRunRecord } from "./run_record.ts";
import type { Supervisor } from "./supervisor.ts";
import { standStill } from "./tpm_lost.ts";

/** How long a start of the supervisor waits for a QEMU that is silent. */
const GREET_MS = 5_000;
/** From the end of QMP to that of a QEMU that ends. */
const LAST_BREATH_MS = 2_000;
/** How often a QEMU that can't be talked to, whose end no event tells, is looked at. */
const STRAY_PAUSE_MS = 1_000;

/**
 * Fills the supervisor with the registry's guests. Failure `invalid_registry` when the file can't be used at all.
 *
 * @param left processes that a supervisor of this root has started and that live, the oldest first
 */
export async function recoverGuests(s: Supervisor, left: readonly OwnProcess[]): Promise<void> {
  const read = await s.parts.store.read();
  for (const record of read.vms.values()) {
    const guest = new Guest(record.id);
    guest.record = record;
    s.guests.set(record.id, guest);
  }
  for (const { id, problems } of read.broken) {
    const guest = new Guest(id as Guest["id"]); // shown as what the file says; it can only be looked at
    guest.problems = problems;
    guest.adopt("broken");
    s.guests.set(id, guest);
  }
  await endStrangers(s, left);
  await Promise.all(
    [...s.guests.values()].map((guest) =>
      recoverOne(s, guest, left).catch((error: unknown) => {
        // One guest that can't be looked at must not keep the others from being supervised.
        guest.problems = [...guest.problems, problemOf(error)];
        guest.adopt("broken");
      })
    ),
  );
}

/** Ends what a dead supervisor has left that belongs to no guest: its tools, and guests that are in no registry. */
async function endStrangers(s: Supervisor, left: readonly OwnProcess[]): Promise<void> {
  const strangers = left.filter(({ env }) => !s.guests.has(env.get(MARK.vm) ?? ""));
  await Promise.all(strangers.map(async ({ identity, env }) => {
    await endProcess(identity);
    s.putOnRecord("process.ended", undefined, {
      pid: identity.pid,
      vm: env.get(MARK.vm) ?? null,
      why: "left over",
    });
  }));
  const own = new Set([...s.guests.keys()].map((id) => basename(s.parts.layout.runtime(id).folder)));
  const folder = s.parts.layout.runtimeFolder;
  for (const name of await listFolder(folder)) if (!own.has(name)) await removeTree(`${folder}/${name}`);
}

/** Processes of one guest that live. */
interface Found {
  readonly qemu: ProcessIdentity | undefined;
  readonly swtpm: ProcessIdentity | undefined;
  /** Of a start that was cut off beside one that runs, or without any. */
  readonly rest: readonly ProcessIdentity[];
}

/** The recorded process is the guest's where it lives; else the oldest one, which holds the images. */
async function find(guest: Guest, left: readonly OwnProcess[], known: RunRecord | undefined): Promise<Found> {
  const own = left.filter(({ env }) => env.get(MARK.vm) === guest.id);
  const pick = async (role: "qemu" | "swtpm") => {
    const recorded = known?.[role];
    if (recorded && await isAlive(recorded)) return recorded;
    return own.find(({ env }) => env.get(MARK.role) === role)?.identity;
  };
  const qemu = await pick("qemu");
  const swtpm = await pick("swtpm");
  const rest = own.map(({ identity }) => identity)
    .filter(({ pid }) => pid !== qemu?.pid && pid !== swtpm?.pid);
  return { qemu, swtpm, rest };
}

async function recoverOne(s: Supervisor, guest: Guest, left: readonly OwnProcess[]): Promise<void> {
  const runtime = s.parts.layout.runtime(guest.id);
  const read = await readRunRecord(runtime.record);
  const known = read?.vm === guest.id ? read : undefined;
  const { qemu, swtpm, rest } = await find(guest, left, known);
  await Promise.all(rest.map((identity) => endProcess(identity)));
  if (!qemu) return await absent(s, guest, swtpm);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  const parts: Parts = { qemu, swtpm, known, ready };
  await take(s, guest, parts, await meet(s, guest, parts, GREET_MS));
}

/** QMP has ended under a guest that was talked to: where QEMU goes on, it is tried anew. */
export async function monitorLost(s: Supervisor, guest: Guest, run: GuestRun): Promise<void> {
  const { qemu, swtpm } = run;
  if (await waitForEnd(qemu, LAST_BREATH_MS) || guest.run !== run) return; // its end is dealt with elsewhere
  await networkLost(s, guest, "monitor_lost");
  run.agent.close();
  run.serial.close();
  guest.run = undefined;
  clearStall(guest); // whether it still stands still is asked when it answers
  const known = await readRunRecord(s.parts.layout.runtime(guest.id).record);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  await take(s, guest, { qemu, swtpm, known, ready }, {
    found: { kind: "silent", why: "it has closed its control socket" },
  });
}

/** It counts, and can be killed; it is taken over when it answers, and forgotten when it has ended. */
function becomeUnreachable(s: Supervisor, guest: Guest, parts: Parts, why: string): void {
  const { qemu, known } = parts;
  guest.stray = qemu;
  guest.share ??= known?.share ?? shareAsked(guest);
  guest.problems = [{
    code: "failed",
    message: `its QEMU (pid ${qemu.pid}) runs, but can't be talked to: ${why}`,
    hint: `it is taken over when it answers; \`rayvisor vm kill ${guest.id}\` ends it`,
  }, ...guest.problems];
  guest.adopt("broken");
  recovered(s, guest, why);
  const isStill = () => guest.stray === qemu && s.guests.get(guest.id) === guest;
  const complain = (error: unknown) => {
    guest.problems = [...guest.problems, problemOf(error)];
  };
  void waitForEnd(qemu, Infinity, STRAY_PAUSE_MS).then(() => isStill() ? forget(s, guest) : undefined)
    .catch(complain);
  if (!guest.record) return;
  // It may only be busy, or another program may hold its socket.
  void meet(s, guest, parts, LONGEST_TIMER_MS).then((late) =>
    isStill() && late.run ? take(s, guest, parts, late) : undefined
  ).catch(complain);
}

/** A QEMU that could not be talked to has ended. */
export async function forget(s: Supervisor, guest: Guest): Promise<void> {
  guest.clearRun();
  await dropGroup(s, guest, await groupLeft(s, guest));
  await removeTree(s.parts.layout.runtime(guest.id).folder);
  if (!guest.record) return;
  guest.problems = [];
  guest.adopt("stopped");
  await remember(s, guest, await recoverState(s, guest));
}

/** Makes of a guest what was found of it. */
async function take(s: Supervisor, guest: Guest, parts: Parts, met: Meeting): Promise<void> {
  const { qemu, swtpm, known, ready } = parts;
  if (met.run) await cutFoundNetwork(s, guest, met.run);
  const found = met.run ? await settleState(s, guest, met.run) : met.found;
  const derived = deriveGuest(found, () => hasRunByTrail(s, guest.id));
  switch (derived.kind) {
    case "adopt": {
      const { run, record } = met as Met; // only a QEMU that answers is adopted
      const recordFile = s.parts.layout.runtime(guest.id).record;
      // On a full disk it is found by the marks of its processes again.
      if (known === undefined) await writeRunRecord(recordFile, record).catch(() => {});
      guest.share = record.share;
      guest.stray = undefined;
      guest.problems = [];
      guest.adopt("starting");
      takeOver(s, guest, run, ready);
      if (derived.state === "paused") {
        await reactToFound(s, guest, run, derived.reason);
        if (derived.reason === "io_error") await findStall(s, guest, run);
      }
      await lookAtAgentPort(run);
      // With its run record its TPM emulator may be lost too: QEMU alone still knows that there was one.
      if (!run.swtpm && (await run.qmp.execute("query-tpm")).length > 0) await standStill(s, guest, run);
      // It may have ended meanwhile: then that is on record.
      if (guest.run !== run) return;
      await remember(s, guest, "running");
      recovered(s, guest);
      return;
    }
    case "undo_start":
    case "finish_shutdown":
      met.run?.qmp.close();
      met.run?.agent.close();
      await endProcess(qemu);
      if (derived.kind === "finish_shutdown") await s.provisions.foundShutDown(guest.id);
      return await absent(
        s,
        guest,
        swtpm,
        derived.kind === "undo_start" ? "its start was cut off" : "it shut itself down",
      );
    case "unreachable":
      return becomeUnreachable(s, guest, parts, derived.why);
    case "stopped":
      return await absent(s, guest, swtpm);
  }
}

function recovered(s: Supervisor, guest: Guest, reason?: string): void {
  s.observe("vm.recovered", {
    event: "RAYOS_RECOVERED",
    fields: { vm: guest.id, as: guest.state, ...(reason === undefined ? {} : { reason }) },
  }, guest.id);
}

/** No QEMU of the guest runs: what else is left of it goes, and the registry is told. */
async function absent(
  s: Supervisor,
  guest: Guest,
  swtpm: ProcessIdentity | undefined,
  why = "no QEMU of it runs",
): Promise<void> {
  if (swtpm) await endProcess(swtpm);
  const group = await groupLeft(s, guest);
  const limit = await deathByLimit(s, group);
  await dropGroup(s, guest, group);
  await removeTree(s.parts.layout.runtime(guest.id).folder);
  const recorded = guest.record?.state;
  const state = await recoverState(s, guest);
  if (recorded === undefined || recorded === state) return;
  await remember(s, guest, state);
  const end = limit === undefined ? why : `${why}; it was ${limit}`;
  recovered(s, guest, `recorded as ${recorded}, but ${state === "suspended" ? "its state was saved" : end}`);
}
