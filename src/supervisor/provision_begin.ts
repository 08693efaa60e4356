/** The actions of provisioning: a run is begun or gone on with, called off, or only planned. */
import type { ActionParams } from "../actions/params.ts";
import type { DoneView, ProvisionPlanView } from "../actions/views.ts";
import { fail, Failure, problemOf } from "../core/problem.ts";
import { formatUtc } from "../core/time.ts";
import { needSwtpm } from "../host/probe.ts";
import { dirname, exists, makeFolder } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import { type Answers, parseAnswers, summaryOfAnswers, withPathsFrom } from "../provision/answers.ts";
import { newRun } from "../provision/run_state.ts";
import { stepsOf } from "../provision/steps.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Change } from "./changes.ts";
import { firmwareFor } from "./prepare.ts";
import { drive } from "./provision_drive.ts";
import { checkWindowsMedia } from "./provision_media.ts";
import { plannedSteps } from "./provision_plan.ts";
import { foresee, type Foreseen, type Medium } from "./provision_record.ts";
import { ProvisionRun } from "./provision_run.ts";
import { checkImage, plannedRecord, RUN_ACTOR, undo } from "./provision_steps.ts";
import { checkRoom } from "./space.ts";
import { rightsInForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

type Begin = ActionParams<"provision.begin">;

/** Begins a run, or goes on with one that was interrupted. It then goes on by itself; who asked may wait for its end. */
export async function beginProvision(s: Supervisor, params: Begin): Promise<Change> {
  const known = s.provisions.get(params.id);
  if (known?.driver) fail("busy", `${params.id} is being provisioned already`);
  if (known) return await goOn(s, known, params);
  if (params.answers === undefined) {
    fail("usage", `there is no interrupted run of ${params.id} to go on with: a new one wants answers`, {
      hint: `\`rayvisor provision ${params.id} --answers FILE.toml\`, or without flags on a terminal`,
    });
  }
  const answers = readAnswers(params.answers, params.folder ?? "/");
  await refuseTaken(s, answers, params.id);
  const { record, machine } = await look(s, answers, params);
  return {
    vm: params.id,
    ask: record,
    detail: { type: answers.type, machine },
    act: async () => {
      const files = s.parts.layout.guest(answers.type, params.id).provision;
      const { clock, random } = s.parts;
      const state = newRun({
        run: random.uuid(),
        vm: params.id,
        type: answers.type,
        begun_at: formatUtc(clock.now()),
        answers: params.answers ?? "",
        folder: params.folder ?? "/",
        password: params.password ?? null,
        baseline: answers.baseline.take ? answers.baseline.name : null,
      });
      const run = new ProvisionRun(files, state, answers);
      await makeFolder(files.folder);
      await run.save(state);
      s.provisions.add(run);
      return started(s, run);
    },
    after: (done) => ended(s, params, done),
  };
}

async function goOn(s: Supervisor, run: ProvisionRun, params: Begin): Promise<Change> {
  if (params.answers !== undefined && params.answers !== run.state.answers) {
    fail("wrong_state", `a run of ${run.vm} with other answers was interrupted`, {
      hint: `go on with it: \`rayvisor provision ${run.vm}\`; or undo it first: \`... --undo\``,
    });
  }
  const { record } = await look(s, run.answers, {
    ...params,
    password: run.state.step === "media" ? params.password ?? run.state.password ?? undefined : "not needed",
  }, { sources: sourcesNeeded(run) });
  return {
    vm: run.vm,
    ask: record,
    detail: { goes_on_with: run.state.run, step: run.state.step },
    act: async () => {
      const password = run.state.step === "media" ? params.password ?? run.state.password : null;
      await run.save({ ...run.state, failed: null, password });
      return started(s, run);
    },
    after: (done) => ended(s, params, done),
  };
}

/** Media are copied in the first step; an image may be wanted again as long as the guest is not installed. */
function sourcesNeeded({ state, answers }: ProvisionRun): boolean {
  return state.step === "media" || (answers.type === "linux" && !state.install.done);
}

/** Only the beginning is this action's: what the run then does are actions of their own. */
function started(s: Supervisor, run: ProvisionRun): DoneView {
  drive(s, run);
  return { done: "provision.begin", vm: run.vm };
}

async function ended(s: Supervisor, params: Begin, done: DoneView): Promise<DoneView> {
  const driver = s.provisions.get(params.id)?.driver;
  if (params.wait !== true || !driver) return done;
  const failure = await driver.over;
  if (failure) throw failure;
  const guest = s.guests.get(params.id);
  return { ...done, ...(guest ? { state: guest.state } : {}) };
}

function readAnswers(text: string, folder: string): Answers {
  const read = parseAnswers(text, "answers");
  return read.ok
    ? withPathsFrom(read.value, folder)
    : fail("invalid_answers", summaryOfAnswers("answers", read.error).message, { problems: read.error });
}

/** Nothing that is there is written over. */
async function refuseTaken(s: Supervisor, answers: Answers, id: Begin["id"]): Promise<void> {
  if (s.guests.has(id)) {
    fail("already_exists", `there is a guest '${id}' already, and it is left as it is`, {
      hint: "choose another id, or delete that one first (`rayvisor vm delete`)",
    });
  }
  const { folder } = s.parts.layout.guest(answers.type, id);
  const names = await listFolder(folder);
  if (names.length > 0) {
    fail("already_exists", `${folder} holds ${names.length} files of a guest that is in no registry`, {
      hint: "look at them, and remove the folder by hand if nothing in it is needed",
      path: folder,
    });
  }
}

/** Everything that can be known to stand in the way before anything is done. */
async function look(s: Supervisor, answers: Answers, params: Begin, { sources } = { sources: true }) {
  const { id } = params;
  const host = await s.parts.capabilities();
  const { record, media, machine } = await plannedRecord(s, { vm: id, answers });
  refuseDenied(id, await foresee(s, record, answers));
  await firmwareFor(record, host);
  if (answers.firmware.tpm) needSwtpm(host);
  if (answers.user.password.from !== "nowhere" && answers.user.password.from !== "hash" && !params.password) {
    fail("usage", `the answers want a password of ${answers.user.name}, and none was given`, {
      hint: "the command reads it from user.password_file, or asks for it on a terminal",
    });
  }
  if (sources) await checkSources(s, answers, media);
  await checkRoom(s, `${id} can't be provisioned`, [
    dirname(dirname(s.parts.layout.guest(answers.type, id).folder)),
  ]);
  return { record, machine };
}

/** Failure, why, when what a guest is to be made from is not there, or is not what the answers say. */
async function checkSources(s: Supervisor, answers: Answers, media: readonly Medium[]): Promise<void> {
  if (answers.type === "linux") {
    const { image, image_format } = answers.disk;
    if (!await exists(image)) fail("not_found", `there is no image ${image}`, { path: image });
    await checkImage(image, image_format);
  }
  for (const { from, path } of media) {
    const file = from ?? `${s.parts.root}/${path}`;
    if (path !== media.at(-1)?.path && !await exists(file)) {
      fail("not_found", `there is no medium ${file}`, { path: file });
    }
  }
  if (answers.type === "windows") await checkWindowsMedia(answers);
}

function refuseDenied(id: string, foreseen: readonly Foreseen[]): void {
  const denied = foreseen.filter(({ decision }) => decision.effect === "deny");
  const [first] = denied;
  if (!first) return;
  fail(
    "denied",
    `${id} can't be provisioned: ${first.action} would be denied: ${first.decision.reasons[0].why}`,
    {
      reasons: denied.flatMap(({ decision }) => decision.reasons),
      hint: "change the policy or the answers; nothing was done",
    },
  );
}

/** Calls a run off. The guest is ended; with `undo` all that the run has made goes too. */
export async function cancelProvision(
  s: Supervisor,
  params: ActionParams<"provision.cancel">,
): Promise<Change> {
  const run = s.provisions.get(params.id) ??
    fail("wrong_state", `no run of ${params.id} is under way, and none was interrupted`);
  const guest = s.guests.get(params.id);
  return {
    vm: run.vm,
    ...(guest ? { guest } : {}),
    ask: guest?.record ?? (await plannedRecord(s, run)).record,
    act: async () => {
      const { driver } = run;
      driver?.abort.abort(
        new Failure({ code: "cancelled", message: `the provisioning of ${run.vm} was called off` }),
      );
      await driver?.over;
      if (s.guests.get(run.vm)?.run) await s.perform("vm.kill", { id: run.vm }, RUN_ACTOR);
      if (params.undo) await undo(s, run);
      return {
        done: "provision.cancel",
        vm: run.vm,
        notes: [params.undo ? "all that it had made is gone" : "it can be gone on with"],
      };
    },
  };
}

/** What a run would do and what policy says of it; does nothing. */
export async function planProvision(
  s: Supervisor,
  params: ActionParams<"provision.plan">,
): Promise<ProvisionPlanView> {
  const answers = readAnswers(params.answers, params.folder ?? "/");
  const { record, media } = await plannedRecord(s, { vm: params.id, answers });
  const foreseen = await foresee(s, record, answers);
  const obstacle = await checkSources(s, answers, media).then(() => null, problemOf);
  return {
    vm: params.id,
    type: answers.type,
    record: { ...record },
    decisions: foreseen.map(({ action, decision }) => ({
      action,
      effect: decision.effect,
      reasons: decision.reasons,
    })),
    obstacle,
    remarks: remarksOn(s, record),
    steps: await plannedSteps(s, {
      answers,
      id: params.id,
      record,
      media,
      steps: stepsOf({ baseline: answers.baseline.take }),
    }),
  };
}

function remarksOn(s: Supervisor, record: VmRecord): string[] {
  const remarks: string[] = [];
  if (record.type === "windows" && rightsInForce(s.policy, record)?.rights.gpu === "none") {
    remarks.push(
      'it has no display device, which Windows Setup may want: windows.devices.gpu = "virtio" gives it one',
    );
  }
  if (s.kvm?.usable === false) remarks.push(`software emulation, about ten times slower: ${s.kvm.why}`);
  return remarks;
}
