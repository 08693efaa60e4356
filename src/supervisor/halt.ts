/** Ending a guest: the escalation of an orderly stop, and the kill. */
import type { Clock } from "../ports/clock.ts";
import { sendSignal } from "../ports/processes.ts";
import { fail } from "../core/problem.ts";
import type { GuestRun } from "./guest.ts";
import type { StopStep } from "./stop_plan.ts";

export interface HaltOptions {
  readonly clock: Clock;
  /** Told before each step, with the milliseconds since the first one. */
  readonly say?: (step: StopStep, afterMs: number) => void;
  /** Ends the escalation between two steps; its reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface Halted {
  /** The step that did it. */
  readonly step: StopStep["step"];
  readonly tookMs: number;
}

/**
 * Goes through the steps until the guest is gone. A step that can't be taken (agent hung, QMP dead) leads to the next one
 * at once.
 */
export async function halt(
  run: GuestRun,
  plan: readonly StopStep[],
  { clock, say, signal }: HaltOptions,
): Promise<Halted> {
  const began = clock.monotonic();
  let gone = false;
  const goneAt = run.gone.then(() => {
    gone = true;
  });
  for (const step of plan) {
    signal?.throwIfAborted();
    say?.(step, clock.monotonic() - began);
    // A QEMU that hangs answers nothing: the answer to a step is waited for no longer than its effect.
    const failed = take(run, step).then((taken) => taken ? new Promise<void>(() => {}) : undefined);
    await orAfter(Promise.race([goneAt, failed]), step.waitMs, clock, signal);
    if (gone) return { step: step.step, tookMs: clock.monotonic() - began };
  }
  return fail("outcome_unknown", `QEMU (pid ${run.qemu.pid}) did not end after SIGKILL`, {
    hint: "it hangs in the kernel, for example on a dead disk; the guest counts as running until it is gone",
  });
}

/** Ends QEMU at once and waits until the kernel says so. */
export async function killNow(run: GuestRun, clock: Clock): Promise<void> {
  await halt(run, [{ step: "kill", waitMs: 10_000 }], { clock });
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

/** Waits for the event, for at most so long, and no longer than nobody calls it off. */
async function orAfter(event: Promise<void>, ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const onAbort = () => resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) resolve();
  await Promise.race([event, promise]);
  signal?.removeEventListener("abort", onAbort);
  cancel();
}
