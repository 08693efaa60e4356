/** Carries a provisioning run out, step by step, and sees to its end. */
import { Failure, problemOf } from "../core/problem.ts";
import { osText } from "../provision/run_state.ts";
import { nextStep, type Step } from "../provision/steps.ts";
import type { ProvisionRun } from "./provision_run.ts";
import { conclude, DO, failedState, secure, undo } from "./provision_steps.ts";
import type { Supervisor } from "./supervisor.ts";

/** Sets a run going, at the step where it is. */
export function drive(s: Supervisor, run: ProvisionRun): void {
  const abort = new AbortController();
  const over = Promise.withResolvers<Failure | undefined>();
  run.driver = { abort, over: over.promise };
  s.emit({ event: "RAYOS_PROVISION:begin", fields: { vm: run.vm, step: run.state.step } });
  void goThrough(s, run, abort.signal)
    .catch((error: unknown) => giveUp(s, run, error))
    .then((failure) => {
      run.driver = undefined;
      over.resolve(failure ?? undefined);
    });
}

async function goThrough(s: Supervisor, run: ProvisionRun, signal: AbortSignal): Promise<undefined> {
  await s.jobs.whenFree(run.vm); // whoever began it holds the guest for a moment more
  const going = { baseline: run.state.baseline !== null };
  for (let step: Step | undefined = run.state.step; step; step = nextStep(step, going)) {
    signal.throwIfAborted();
    if (step !== run.state.step) await run.save({ ...run.state, step });
    s.emit({ event: "RAYOS_PROVISION:step", fields: { vm: run.vm, step } });
    await DO[step](s, run, signal);
  }
  const { os, install } = run.state;
  await conclude(s, run);
  s.emit({
    event: "RAYOS_PROVISION:done",
    fields: { vm: run.vm, restarts: install.resets, ...(os ? { os: osText(os) } : {}) },
  });
}

/**
 * The network goes whatever happened. What policy has refused before the guest ever ran leaves nothing behind, nor what fails
 * before there is more than copies of media: other answers, or the same ones, begin anew. What is called off can be gone on with.
 */
async function giveUp(s: Supervisor, run: ProvisionRun, error: unknown): Promise<Failure> {
  const { message, code } = problemOf(error);
  const { step } = run.state;
  await secure(s, run, "provisioning failed");
  const refused = code === "denied" && s.guests.get(run.vm)?.run === undefined && !run.state.install.done;
  const nothingMade = step === "media" && code !== "cancelled";
  try {
    if (refused || nothingMade) await undo(s, run);
    else await run.save(failedState(run.state, error));
  } catch { /* on a full disk: the next supervisor finds the run where it was */ }
  s.emit({ event: "RAYOS_PROVISION:failed", fields: { vm: run.vm, step, reason: message } });
  return error instanceof Failure ? error : new Failure(problemOf(error), { cause: error });
}
