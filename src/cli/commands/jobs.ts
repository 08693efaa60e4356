/** `rayvisor jobs`: actions that are under way, and calling them off. */
import { actionSpec } from "../../actions/table.ts";
import type { JobView } from "../../actions/views.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { formatDuration } from "../../core/units.ts";
import { type AnyCommand, Command } from "../command.ts";
import { table } from "../output.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";

export function jobsCommand(context: MakeContext): AnyCommand {
  const jobs = new Command("jobs").description("actions that are under way: look at them, call them off");
  jobs.command("list", { isDefault: true }).description(actionSpec("job.list").summary)
    .action(async (_options, command) => {
      const c = context(command);
      const found = await withSupervisor(c, (s) => s.perform<JobView[]>("job.list", {}, c.deadline));
      c.output.result(found, (view) => renderJobs(view, Date.now()));
    });
  jobs.command("cancel <job>").description(actionSpec("job.cancel").summary)
    .action(async (job, _options, command) => {
      const c = context(command);
      const done = await withSupervisor(c, (s) => s.perform("job.cancel", { job }, c.deadline));
      c.output.result(done, () => `job ${job} was called off; \`rayvisor jobs\` shows whether it has ended`);
    });
  return jobs;
}

function renderJobs(jobs: readonly JobView[], now: number): string {
  if (jobs.length === 0) return "nothing is under way";
  return table([
    ["JOB", "ACTION", "GUEST", "STATE", "FOR", "ASKED BY", "PROGRESS"],
    ...jobs.map(({ job, action, vm, state, actor, asked_at, progress }) => [
      job,
      action,
      vm ?? "-",
      state.replace("_", " "),
      formatDuration(now - Date.parse(asked_at)),
      actor,
      sanitizeLine(progress ?? "", 80),
    ]),
  ]);
}
