/** Ending a guest: the escalation of an orderly stop, and the kill. */
import type { Clock } from "../ports/clock.ts";
import { sendSignal } from "../ports/processes.ts";
import { fail } from "../core/problem.ts";
import type { GuestRun } from "./guest.ts";
import type { StopStep } from "./stop_plan.ts";

/**
 * Goes through the steps until the guest is gone. Each step is told to `say` before it is taken; a step that can't be
 * taken (agent hung, QMP dead) leads to the next one at once. Returns the step that did it.
 */
export async function halt(
  run: GuestRun,
  plan: readonly StopStep[],
  clock: Clock,
  say: (step: StopStep) => void,
): Promise<StopStep["step"]> {
  let gone = false;
  const goneAt = run.gone.then(() => {
    gone = true;
  });
  for (const step of plan) {
    say(step);
    const taken = await take(run, step);
    if (taken) await orAfter(goneAt, step.waitMs, clock);
    if (gone) return step.step;
  }
  return fail("outcome_unknown", `QEMU (pid ${run.qemu.pid}) did not end after SIGKILL`, {
    hint: "it hangs in the kernel, for example on a dead disk; the guest counts as running until it is gone",
  });
}

/** Ends QEMU at once and waits until the kernel says so. */
export async function killNow(run: GuestRun, clock: Clock): Promise<void> {
  await halt(run, [{ step: "kill", waitMs: 10_000 }], clock, () => {});
}

/** Whether the step could be taken at all. */
async function take(run: GuestRun, step: StopStep): Promise<boolean> {
  try {
    if (step.step === "agent") {
      // No answer by design: the guest's end is the answer, so nothing is waited for here.
      run.agent.shutdown();
    } else if (step.step === "acpi") {
      await run.qmp.execute("system_powerdown");
    } else if (step.step === "quit") {
      await run.qmp.execute("quit").catch(() => {}); // QEMU may be gone before it answers
    } else {
      await sendSignal(run.qemu, "SIGKILL");
      if (run.swtpm) await sendSignal(run.swtpm, "SIGKILL");
    }
    return true;
  } catch {
    return false;
  }
}

async function orAfter(event: Promise<void>, ms: number, clock: Clock): Promise<void> {
  let cancel = () => {};
  const timer = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([event, timer]);
  cancel();
}
