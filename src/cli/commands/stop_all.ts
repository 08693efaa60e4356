/** `vm stop --all`: every guest that runs, at the same time. For the shutdown of the host. */
import { actionSpec } from "../../actions/table.ts";
import type { DoneView, GuestView } from "../../actions/views.ts";
import { Failure, type Problem, problemOf } from "../../core/problem.ts";
import type { Context } from "../context.ts";
import { isServing } from "../connect.ts";
import { withSupervisor } from "./shared.ts";

export interface StopAllView {
  readonly done: "vm.stop";
  readonly stopped: readonly DoneView[];
}

/** Asks all of them, and waits for all. A Failure that names each that did not stop, with the code of the first. */
export async function stopAll(c: Context, grace: number | undefined): Promise<StopAllView> {
  return await withSupervisor(c, async (s) => {
    const guests = await s.perform<GuestView[]>("vm.list", {}, c.deadline);
    const running = guests.filter(({ state }) => actionSpec("vm.stop").states?.includes(state));
    const asked = running.map(({ id }) =>
      s.perform<DoneView>("vm.stop", { id, ...(grace === undefined ? {} : { grace_s: grace }) }, c.deadline)
    );
    const answers = await Promise.allSettled(asked);
    const problems = answers.flatMap((answer): Problem[] =>
      answer.status === "rejected" ? [problemOf(answer.reason)] : []
    );
    const [first] = problems;
    if (first) {
      throw new Failure({
        ...first,
        message: `${problems.length} of ${running.length} guests did not stop: ${first.message}`,
        problems,
      });
    }
    return {
      done: "vm.stop",
      stopped: answers.flatMap((answer) => answer.status === "fulfilled" ? [answer.value] : []),
    };
  });
}

/** Whether there can be anything to stop: a host that goes down starts no supervisor for it when no guest may run. */
export async function mayHaveGuests(c: Context): Promise<boolean> {
  if (await isServing(c.layout.socket)) return true;
  const { listFolder } = await import("../../ports/folders.ts");
  return (await listFolder(c.layout.runtimeFolder)).length > 0;
}
