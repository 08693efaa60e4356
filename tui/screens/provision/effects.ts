/** The work of the screen `provision`: asks media, policy and this host, keeps answers, begins a run. Loaded when it is asked for. */
import type { ProvisionPlanView } from "../../../src/actions/views.ts";
import type { Judged } from "../../../src/cli/wizard_facts.ts";
import { fail, problemOf } from "../../../src/core/problem.ts";
import { workingFolder } from "../../../src/ports/paths.ts";
import { type Answers, withPathsFrom } from "../../../src/provision/answers.ts";
import { type Draft, draftToml, wizardAnswers, type WizardFacts } from "../../../src/provision/wizard.ts";
import type { WorkHost } from "../../screen.ts";
import { cleanAll } from "../../text.ts";
import type { HostLook, Plan, ProvisionMessage, ProvisionWork, Saved } from "./state.ts";

/** `work` is what this screen's reducer has made. */
export async function provisionWork(work: unknown, host: WorkHost): Promise<void> {
  const message = await done(work as ProvisionWork, host);
  // Media and files have their say in it.
  if (!host.signal.aborted) host.dispatch(cleanAll(message));
}

async function done(wanted: ProvisionWork, host: WorkHost): Promise<ProvisionMessage> {
  const { number } = "number" in wanted ? wanted : { number: 0 };
  switch (wanted.kind) {
    case "look":
      return { kind: "looked", number, ...await look(wanted, host) };
    case "host":
      return { kind: "host", number, host: await lookAtHost(wanted.draft, host) };
    case "plan":
      return { kind: "planned", number, plan: await plan(wanted, host) };
    case "save":
      return { kind: "saved", number, came: await save(wanted) };
    case "begin":
      return { kind: "begun", id: wanted.id, ...await begin(wanted, host) };
  }
}

async function look(
  { id, draft }: Extract<ProvisionWork, { readonly kind: "look" }>,
  { perform, root }: WorkHost,
): Promise<Judged & { readonly facts: WizardFacts }> {
  const folder = workingFolder();
  const [{ factsOf, judge }, { policyChoices }] = await Promise.all([
    import("../../../src/cli/wizard_facts.ts"),
    import("../../../src/cli/wizard_policy.ts"),
  ]);
  const [medium, choices, judged] = await Promise.all([
    factsOf(draft, folder),
    policyChoices(root, draft),
    judge(perform, { id, draft, folder }),
  ]);
  return { facts: { ...medium, ...choices }, ...judged };
}

/** The answers with absolute paths. Failure `invalid_answers` when they are no whole: the wizard ends with one. */
function wholeOf(draft: Draft): Answers {
  const read = wizardAnswers(draft);
  if (!read.ok) fail("invalid_answers", read.error[0]?.message ?? "the answers are no whole");
  return withPathsFrom(read.value, workingFolder());
}

async function lookAtHost(draft: Draft, { root, signal }: WorkHost): Promise<HostLook> {
  try {
    const [{ optionsFor }, { runPreflight }, { systemPort }] = await Promise.all([
      import("../../../src/provision/host_options.ts"),
      import("../../../src/preflight/run.ts"),
      import("../../../src/preflight/system_port.ts"),
    ]);
    const { checks } = await runPreflight(optionsFor(root, wholeOf(draft)), systemPort, { signal });
    return { kind: "looked", faults: checks.filter(({ status }) => status === "FAIL" || status === "WARN") };
  } catch (error) {
    return { kind: "failed", problem: problemOf(error) };
  }
}

async function plan(
  { id, draft }: Extract<ProvisionWork, { readonly kind: "plan" }>,
  { perform }: WorkHost,
): Promise<Plan> {
  try {
    const params = { id, answers: draftToml(draft), folder: workingFolder() };
    return { kind: "came", plan: await perform<ProvisionPlanView>("provision.plan", params) };
  } catch (error) {
    return { kind: "failed", problem: problemOf(error) };
  }
}

/** Keys whose values are paths: a file may lie elsewhere than the folder that they were said in. */
const PATHS = ["media.windows_iso", "media.virtio_iso", "disk.image", "user.password_file"];

async function save(
  { path, draft, over }: Extract<ProvisionWork, { readonly kind: "save" }>,
): Promise<Saved> {
  const folder = workingFolder();
  const absolute = (text: string) => text.startsWith("/") ? text : `${folder}/${text}`;
  const file = absolute(path);
  try {
    const { exists, writeFileAtomic } = await import("../../../src/ports/files.ts");
    if (!over && await exists(file)) return { kind: "there", path: file };
    const moved = Object.entries(draft).map(([key, value]) =>
      [key, PATHS.includes(key) && typeof value === "string" ? absolute(value) : value] as const
    );
    await writeFileAtomic(file, draftToml(Object.fromEntries(moved)));
    return { kind: "saved", path: file };
  } catch (error) {
    return { kind: "failed", problem: problemOf(error) };
  }
}

async function begin(
  { id, draft, password }: Extract<ProvisionWork, { readonly kind: "begin" }>,
  { perform }: WorkHost,
): Promise<{ readonly problem?: ReturnType<typeof problemOf> }> {
  try {
    const { user } = wholeOf(draft);
    const given = user.password.from === "file"
      ? await (await import("../../../src/unattended/password.ts")).readPasswordFile(user.password.path)
      : password?.reveal();
    await perform("provision.begin", {
      ...{ id, answers: draftToml(draft), folder: workingFolder(), wait: false },
      ...(given === undefined ? {} : { password: given }),
    });
    return {};
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
