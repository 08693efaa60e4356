/** A guest's run: start, stop, kill, and what happens to it meanwhile. */
import type { DoneView } from "../actions/views.ts";
import { decide } from "../../policy/decide.ts";
import type { AgentRight } from "../../policy/types.ts";
import { fail, Failure, problemOf } from "../core/problem.ts";
import { endProcess } from "../ports/processes.ts";
import { dirname, removeTree } from "../ports/files.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { removeState } from "../suspend/files.ts";
import { baseOf, type Change, done } from "./changes.ts";
import { reportPath, writeCrashReport } from "./crash_report.ts";
import type { Ended, Guest, GuestRun } from "./guest.ts";
import { halt, type Halted, killNow } from "./halt.ts";
import { applyStall } from "./io_errors.ts";
import { launch, type RunListeners } from "./launch.ts";
import { deathByLimit, dropGroup, granted, reviewLimits } from "./limits.ts";
import { planFor, type PreparedGuest, prepareTpmState } from "./prepare.ts";
import type { QmpEvent } from "../qmp/events.ts";
import { onQmpEvent, reactToEarly } from "./reacting.ts";
import { reviewMarks } from "./policy_live.ts";
import { rightsInForce } from "./policy_source.ts";
import { networkLost } from "./network.ts";
import { hide } from "./presentation.ts";
import { forget, monitorLost } from "./recover.ts";
import { remember } from "./remember.ts";
import { checkRoom } from "./space.ts";
import { planRestart } from "./restart.ts";
import { detachable, prepareResume, type Resume, takeOrDrop } from "./resume_guest.ts";
import { stopPlan } from "./stop_plan.ts";
import type { Supervisor } from "./supervisor.ts";
import { isSaved, stateOf } from "./suspend_guest.ts";
import { watchTpm } from "./tpm_lost.ts";

const READY_TIMEOUT_MS = 10 * 60_000;

/** Looks at everything a start needs, and hands back the start. A suspended guest goes on, unless `cold`. */
export async function startGuest(
  s: Supervisor,
  guest: Guest,
  wait: "running" | "ready",
  cold: boolean,
): Promise<Change> {
  const found = await prepareStart(s, guest, cold).catch(async (error: unknown) => {
    if (await isDenied(s, guest)) return undefined;
    throw error;
  });
  // What policy denies is told by policy, with its reasons, not by what else stands in the way.
  if (!found) return { ...baseOf(guest), act: () => fail("denied", `${guest.id} may not be started`) };
  const { prepared, resume, notes } = found;
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // only somebody who waits for it hears of it
  return {
    ...baseOf(guest),
    more: { deviceModels: prepared.deviceModels, images: prepared.images },
    ...(wait === "ready" ? { after: (done) => readyOrGone(s, guest, ready.promise, done) } : {}),
    act: async (decision, signal) => {
      const { share, limits } = granted(prepared, decision);
      const dropped = takeOrDrop(s, guest, resume, cold);
      if (!guest.apply("start")) fail("wrong_state", `${guest.id} is ${guest.state}`);
      guest.share = share;
      guest.lastError = undefined;
      guest.restart?.cancel();
      let recorded: Promise<string[]> | undefined;
      s.emit({
        event: "RAYOS_VM:start",
        fields: { vm: guest.id, kind: prepared.record.type, accel: prepared.plan.accelerator },
      });
      const way = detachable(signal);
      try {
        await (resume?.verify(signal) ?? removeState(stateOf(s, guest)));
        await prepareTpmState(s, prepared, signal);
        const listeners = listenersOf(s, guest, ready);
        recorded = remember(s, guest, "running"); // written while QEMU starts, which takes longer
        const run = await launch({
          id: guest.id,
          plan: resume?.planOf(prepared) ?? prepared.plan,
          ...(resume ? { letRun: (run) => resume.letRun(run, way) } : {}),
          runtime: prepared.runtime,
          logs: prepared.logs,
          share,
          limits,
          groups: s.parts.groups,
          clock: s.parts.clock,
          listeners,
          history: guest.history,
          agentRights: () => agentRightsOf(s, guest),
          signal: way.signal,
        });
        takeOver(s, guest, run, ready);
      } catch (error) {
        guest.apply("start_failed");
        if (resume?.consumed) guest.apply("dropped");
        guest.lastError = problemOf(error).message;
        guest.clearRun();
        await remember(s, guest, guest.state === "suspended" ? "suspended" : "stopped");
        throw resume ? resume.explain(error) : error;
      }
      const more = [...notes, ...await recorded];
      if (resume && guest.run) await resume.finish(guest.run);
      return {
        ...done("vm.start", guest),
        notes: [
          ...(resume ? [resume.note] : dropped ? ["its saved state was dropped"] : []),
          ...prepared.plan.notes.map((note) => note.text),
          ...more,
        ],
      };
    },
  };
}

/** All that a start needs, the saved state that it goes on from, and what is to be said of the room that it has. */
async function prepareStart(
  s: Supervisor,
  guest: Guest,
  cold: boolean,
): Promise<{ prepared: PreparedGuest; resume: Resume | undefined; notes: readonly string[] }> {
  const prepared = await planFor(s, guest);
  const resumes = guest.state === "suspended" && !cold;
  const resume = resumes ? await prepareResume(s, guest, prepared) : undefined;
  const { folder } = s.parts.layout.guest(prepared.record.type, guest.id);
  const folders = [folder, ...prepared.images.map(({ path }) => dirname(path))];
  return { prepared, resume, notes: await checkRoom(s, `${guest.id} can't be started`, folders) };
}

/** Whether policy denies a start whatever the plan is. */
async function isDenied(s: Supervisor, guest: Guest): Promise<boolean> {
  if (!guest.record) return false;
  const facts = await s.policyFactsNow(guest);
  return decide(s.policy, { action: "vm.start", trigger: "operator", guest: guest.record, facts }).effect ===
    "deny";
}

/** From here on the guest is one that runs. Also for a guest that was found running. */
export function takeOver(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  ready: PromiseWithResolvers<void>,
): void {
  guest.run = run;
  guest.cpuCap = run.group?.limits.cpuPercent;
  guest.apply("started");
  applyStall(guest);
  s.space.lookSoon(); // what lies elsewhere is watched from now on
  s.emit({
    event: "RAYOS_VM:running",
    fields: { vm: guest.id, kind: guest.kind ?? "linux", accel: run.accelerator, pid: run.qemu.pid },
  });
  if (run.accelerator === "tcg") {
    s.emit({
      event: "RAYOS_EMULATION",
      fields: { vm: guest.id, reason: run.notes.join("; ") || "KVM is not usable" },
    });
  }
  watchTpm(s, guest, run);
  void run.qmp.closed.then(() => monitorLost(s, guest, run)).catch((error: unknown) => {
    guest.problems = [...guest.problems, problemOf(error)];
  });
  if (run.agent.answers) markReady(s, guest, ready);
  void reviewLimits(s); // the policy may be another than the one that its limits are from
  reactToEarly(s, guest, run);
  run.gone.then((ended) => onGone(s, guest, { run, ended, ready })).catch((error: unknown) => {
    guest.lastError = `cleaning up after its end failed: ${problemOf(error).message}`;
  });
}

async function readyOrGone(
  s: Supervisor,
  guest: Guest,
  ready: Promise<void>,
  done: DoneView,
): Promise<DoneView> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = s.parts.clock.after(READY_TIMEOUT_MS, () => {
      const message = `${guest.id} runs, but its guest agent has not answered for ${
        READY_TIMEOUT_MS / 60_000
      } min`;
      reject(new Failure({ code: "outcome_unknown", message }));
    });
  });
  try {
    await Promise.race([ready, late]);
    return { ...done, state: guest.state };
  } finally {
    cancel();
  }
}

/** What QEMU and the agent say, turned into the guest's state. */
export function listenersOf(s: Supervisor, guest: Guest, ready: PromiseWithResolvers<void>): RunListeners {
  const early: QmpEvent[] = [];
  return {
    early,
    onEvent: (event) => {
      onQmpEvent(s, guest, early, event);
      if (event.at !== undefined) s.counters.delay(s.parts.clock.now() - event.at);
    },
    onAgentReady: () => markReady(s, guest, ready),
    onAgentLost: () => {
      guest.readySince = undefined;
    },
  };
}

function markReady(s: Supervisor, guest: Guest, ready: PromiseWithResolvers<void>): void {
  if (guest.readySince !== undefined || !guest.run) return;
  guest.readySince = s.parts.clock.now();
  const event = guest.kind === "windows" ? "RAYOS_WINDOWS_VM_READY" : "RAYOS_LINUX_VM_READY";
  s.observe(
    "vm.ready",
    { event, fields: { vm: guest.id, after_ms: guest.readySince - guest.run.startedAt } },
    guest.id,
  );
  s.provisions.changed(guest.id);
  ready.resolve();
}

/** Agent calls that the policy in force grants a guest. */
export function agentRightsOf(s: Supervisor, guest: Guest): readonly AgentRight[] {
  const rights = guest.record && rightsInForce(s.policy, guest.record)?.rights;
  return rights?.enabled ? rights.guestAgent : [];
}

/** Orderly stop; called off it leaves the guest as it is by then. */
export async function stopGuest(
  s: Supervisor,
  guest: Guest,
  graceMs: number,
  signal?: AbortSignal,
): Promise<Halted> {
  const run = guest.run ?? fail("wrong_state", `${guest.id} has no QEMU process`);
  const wasPaused = guest.state === "paused";
  const { pauseReason } = guest;
  const plan = stopPlan({ graceMs, agentAnswers: run.agent.answers, paused: wasPaused });
  if (!guest.apply("stop")) fail("wrong_state", `${guest.id} is ${guest.state}`);
  try {
    const halted = await halt(run, plan, {
      clock: s.parts.clock,
      say: ({ step }, afterMs) =>
        s.emit({
          event: "RAYOS_VM:stop",
          fields: { vm: guest.id, kind: guest.kind ?? "linux", step, after_ms: Math.round(afterMs) },
        }),
      ...(signal ? { signal } : {}),
    });
    await settled(guest);
    return halted;
  } catch (error) {
    if (guest.run === run && guest.apply("stop_called_off")) {
      if (wasPaused) {
        guest.apply("paused");
        guest.pauseReason = pauseReason;
      } else applyStall(guest);
    }
    throw error;
  }
}

/** Ends QEMU at once; a start that is under way, and a restart that is planned, are called off. */
export async function killGuest(s: Supervisor, guest: Guest): Promise<void> {
  s.emit({ event: "RAYOS_VM:kill", fields: { vm: guest.id, kind: guest.kind ?? "linux" } });
  guest.restart?.cancel();
  if (!guest.run) {
    const start = s.jobs.on(guest.id);
    start?.callOff("called off by a kill");
    await start?.over;
  }
  if (guest.stray) {
    await endProcess(guest.stray);
    await forget(s, guest);
  }
  const { run } = guest;
  if (!run) return;
  guest.apply("stop");
  await killNow(run, s.parts.clock);
  await settled(guest);
}

const settling = new WeakMap<Guest, Promise<void>>();

/** Waits until what follows the end of QEMU is done too: registry written, sockets removed. */
export async function settled(guest: Guest): Promise<void> {
  await guest.run?.gone;
  await settling.get(guest);
}

/** What is known when QEMU has ended. */
interface End {
  readonly run: GuestRun;
  readonly ended: Ended;
  readonly ready: PromiseWithResolvers<void>;
}

function onGone(s: Supervisor, guest: Guest, end: End): Promise<void> {
  if (guest.run !== end.run) return Promise.resolve(); // it was given up as one that can't be talked to
  const work = cleanUp(s, guest, end);
  settling.set(guest, work);
  return work;
}

/** The guest keeps the state of one that has a process until nothing of its run is left: only then can it start anew. */
async function cleanUp(s: Supervisor, guest: Guest, { run, ended, ready }: End): Promise<void> {
  const saved = await isSaved(s, guest);
  const crash = saved ? undefined : guest.crash;
  const orderly = saved || !crash && (guest.state === "stopping" || guest.shutdownSeen);
  hide(s, "guest ended", guest);
  await networkLost(s, guest, "guest_ended");
  run.qmp.close();
  run.agent.close();
  const how = await deathByLimit(s, run.group) ??
    (ended.exit ? ended.exit.signal ?? `exit code ${ended.exit.code}` : "unknown");
  const fields = { vm: guest.id, kind: guest.kind ?? "linux", reason: crash?.failing ?? sanitizeLine(how) };
  if (run.swtpm) await endProcess(run.swtpm); // --terminate makes it end by itself, but not after a kill
  await dropGroup(s, guest, run.group);
  const report = orderly ? undefined : crash?.report ?? await reportEnd(s, guest, run, { ended, how });
  await removeTree(s.parts.layout.runtime(guest.id).folder);
  guest.apply(saved ? "suspended" : orderly ? "ended" : crash ? "failed" : "died");
  guest.clearRun();
  s.provisions.changed(guest.id);
  if (report === undefined) {
    const came = saved ? "suspended" : "stopped";
    s.observe(`vm.${came}`, { event: `RAYOS_VM:${came}`, fields }, guest.id);
  } else {
    guest.lastError = crash ? `it was ended after a failure: ${crash.failing}` : `QEMU ended unasked: ${how}`;
    s.observe("vm.crash", { event: "RAYOS_VM:crash", fields }, guest.id, { report });
  }
  if (saved) guest.lastError = undefined;
  await remember(s, guest, saved ? "suspended" : "stopped");
  if (report !== undefined) await planRestart(s, guest);
  reviewMarks(s); // with one guest less a sum may be within its limit again
  ready.reject(
    new Failure({ code: "failed", message: `${guest.id} ended before it was ready (${how})` }),
  );
}

/** The report of an end that nobody asked for; its path. */
async function reportEnd(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  { ended, how }: { ended: Ended; how: string },
): Promise<string> {
  const at = s.parts.clock.now();
  await writeCrashReport(s, guest, run, { kind: guest.crash?.failing ?? "died", at, ended, reason: how });
  return reportPath(s.parts.layout, guest.id, at);
}
