/** `rayvisor provision`: from a bare host to an installed guest. */
import type { DoneView, ProvisionPlanView, ProvisionView, StatusView } from "../../actions/views.ts";
import type { ApiClient } from "../../api/client.ts";
import type { LoggedEvent } from "../../audit/log.ts";
import { fail, Failure } from "../../core/problem.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { dirname, readFileBounded } from "../../ports/files.ts";
import { realPath } from "../../ports/paths.ts";
import { onSignal } from "../../ports/terminal.ts";
import { type Answers, parseAnswersBytes, summaryOfAnswers, withPathsFrom } from "../../provision/answers.ts";
import { type Step, STEP_TITLES, stepsOf } from "../../provision/steps.ts";
import { type AnyCommand, Command, Option } from "../command.ts";
import type { Context } from "../context.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";

const MAX_ANSWERS_BYTES = 256 * 1024;

interface Flags {
  readonly answers?: string | undefined;
  readonly dryRun?: true | undefined;
  readonly detach?: true | undefined;
  readonly cancel?: true | undefined;
  readonly undo?: true | undefined;
  /** False with `--no-preflight`. */
  readonly preflight?: boolean | undefined;
  readonly template?: "linux" | "windows" | undefined;
}

export function provisionCommand(context: MakeContext): AnyCommand {
  return new Command("provision")
    .description(
      "install a guest, unattended: by an answers file, or asking on a terminal; goes on with an interrupted run",
    )
    .argument("[id]", "id of the guest")
    .option("--answers <file>", "answers file; nothing is asked")
    .option("--dry-run", "say what would be done, every file and command, and what policy says of it")
    .option("--detach", "do not wait for the end; `rayvisor events` tells of it")
    .option("--no-preflight", "do not look at the host first")
    .option("--cancel", "call the run off: its guest is ended; it can be gone on with")
    .option("--undo", "call the run off and take away all that it has made")
    .addOption(
      new Option("--template <kind>", "print a commented answers file").choices(
        ["linux", "windows"] as const,
      ),
    )
    .action(async (id, options, command) => await provision(context(command), id, options));
}

async function provision(c: Context, id: string | undefined, flags: Flags): Promise<void> {
  if (flags.template) {
    const { answersTemplate } = await import("../../provision/answers_text.ts");
    return c.output.result(
      { template: answersTemplate(flags.template) },
      ({ template }) => template.trimEnd(),
    );
  }
  if (id === undefined) fail("usage", "provision wants the id of a guest");
  if (flags.cancel || flags.undo) {
    const params = { id, ...(flags.undo ? { undo: true } : {}) };
    const done = await withSupervisor(c, (s) => s.perform<DoneView>("provision.cancel", params, c.deadline));
    return c.output.result(done, () => `${id}: called off; ${(done.notes ?? []).join("; ")}`);
  }
  await withSupervisor(c, async (s) => {
    const open = await openRun(c, s, id);
    const given = flags.answers !== undefined
      ? await fromFile(flags.answers)
      : open
      ? undefined
      : await asked(c, s, id);
    if (flags.dryRun) return await dryRun(c, s, id, given);
    await carryOut(c, s, id, { given, flags });
  });
}

interface Given {
  readonly answers: Answers;
  readonly text: string;
  /** Folder that relative paths are taken from. */
  readonly folder: string;
}

async function openRun(c: Context, s: ApiClient, id: string): Promise<ProvisionView | undefined> {
  const { provisioning } = await s.perform<StatusView>("status", {}, c.deadline);
  return provisioning.find(({ vm }) => vm === id);
}

async function fromFile(file: string): Promise<Given> {
  const path = await realPath(file) ?? fail("not_found", `there is no answers file ${file}`, { path: file });
  const bytes = await readFileBounded(path, MAX_ANSWERS_BYTES);
  const read = parseAnswersBytes(bytes, file);
  if (!read.ok) throw new Failure(summaryOfAnswers(file, read.error));
  const folder = dirname(path);
  return { answers: withPathsFrom(read.value, folder), text: new TextDecoder().decode(bytes), folder };
}

async function asked(c: Context, s: ApiClient, id: string): Promise<Given> {
  const { terminal } = c.output;
  if (c.output.json || !terminal.inIsTerminal || !terminal.outIsTerminal) {
    fail("usage", `no run of ${id} is under way, and nobody can be asked without a terminal`, {
      hint:
        `give answers: \`rayvisor provision ${id} --answers FILE.toml\`; --template linux|windows prints one`,
    });
  }
  const { askOnTerminal } = await import("../ask_answers.ts");
  return await askOnTerminal(terminal, s, id);
}

async function dryRun(c: Context, s: ApiClient, id: string, given: Given | undefined): Promise<void> {
  if (!given) fail("usage", "--dry-run wants answers: an interrupted run has its plan already");
  const plan = await s.perform<ProvisionPlanView>("provision.plan", {
    id,
    answers: given.text,
    folder: given.folder,
  }, c.deadline);
  c.output.result(plan, renderPlan);
  if (plan.decisions.some(({ effect }) => effect === "deny")) {
    throw new Failure({
      code: "denied",
      message: `${id} can't be provisioned as the policy stands`,
      reasons: plan.decisions.flatMap(({ reasons, effect }) => effect === "deny" ? reasons : []),
    });
  }
  if (plan.obstacle) throw new Failure(plan.obstacle);
}

async function carryOut(
  c: Context,
  s: ApiClient,
  id: string,
  { given, flags }: { given: Given | undefined; flags: Flags },
): Promise<void> {
  if (given && flags.preflight !== false) {
    const { checkHost } = await import("../provision_preflight.ts");
    await checkHost(c, given.answers);
  }
  const password = given && await passwordOf(c, given);
  const following = new AbortController();
  const events = await s.events(id, following.signal);
  const unhear = onSignal("SIGINT", () => {
    c.output.note("calling it off ...");
    void s.perform("provision.cancel", { id }).catch(() => following.abort());
  });
  const told = tell(c, events, given?.answers.baseline.take ?? true);
  try {
    const done = await s.perform<DoneView>("provision.begin", {
      id,
      ...(given ? { answers: given.text, folder: given.folder } : {}),
      ...(password === undefined ? {} : { password }),
      wait: !flags.detach,
    }, c.deadline);
    following.abort();
    await told;
    c.output.result(
      done,
      () =>
        flags.detach
          ? `the provisioning of ${id} has begun; \`rayvisor events --vm ${id}\` tells of it`
          : `${id} is provisioned; start it with \`rayvisor vm start ${id}\``,
    );
  } finally {
    unhear();
    following.abort();
  }
}

async function passwordOf(c: Context, { answers }: Given): Promise<string | undefined> {
  const { readPassword } = await import("../read_password.ts");
  return await readPassword(c, answers.user.password, answers.user.name);
}

/** One line a step, on standard error, as it comes. */
async function tell(c: Context, events: AsyncIterable<LoggedEvent>, baseline: boolean): Promise<void> {
  const steps = stepsOf({ baseline });
  for await (const { event, fields } of events) {
    if (event !== "RAYOS_PROVISION:step") continue;
    const { step, phase, reason } = fields;
    const at = steps.indexOf(step as Step);
    if (phase !== undefined || reason !== undefined) {
      c.output.note(`      ${sanitizeLine(String(phase ?? reason), 120)}`);
    } else if (at >= 0) c.output.note(`[${at + 1}/${steps.length}] ${step}: ${STEP_TITLES[step as Step]}`);
  }
}

function renderPlan(plan: ProvisionPlanView): string {
  const decisions = plan.decisions.map(({ action, effect, reasons }) =>
    `  ${action}: ${effect}${
      effect === "deny" ? ` (${reasons.map(({ rule, why }) => `${rule}: ${why}`).join("; ")})` : ""
    }`
  );
  const steps = plan.steps.flatMap(({ step, title, does }, i) => [
    `${i + 1}. ${step}: ${title}`,
    ...does.map((line) => `   ${sanitizeLine(line, Infinity)}`),
  ]);
  const remarks = plan.remarks.map((remark) => `remark: ${sanitizeLine(remark, 300)}`);
  return [
    `${plan.vm} (${plan.type}); nothing was done`,
    "",
    "policy:",
    ...decisions,
    ...remarks,
    "",
    ...steps,
  ].join(
    "\n",
  );
}
