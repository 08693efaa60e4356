/** A suspend or resume that the last supervisor did not see to its end: what is found of it is brought to a good end. */
import type { FoundQemu } from "../lifecycle/derive.ts";
import { clearLeftovers, findState, forgetState } from "../suspend/files.ts";
import { cancelMigration } from "../suspend/migration.ts";
import { verdictOf } from "../suspend/verdict.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { halt } from "./halt.ts";
import { stateProblem } from "./resume_guest.ts";
import type { Supervisor } from "./supervisor.ts";
import { END_QEMU, stateOf } from "./suspend_guest.ts";

/** For a guest whose QEMU answers: what there is of it when nothing of a suspend or resume is open any more. */
export async function settleState(s: Supervisor, guest: Guest, run: GuestRun): Promise<FoundQemu> {
  const files = stateOf(s, guest);
  const { status } = await run.qmp.execute("query-status");
  const verdict = verdictOf({ ...await findState(files), qemu: status });
  if (verdict === "end_qemu" || verdict === "end_empty") {
    await halt(run, END_QEMU, { clock: s.parts.clock });
    run.qmp.close();
    run.agent.close();
    return { kind: "none" };
  }
  if (verdict === "drop_state") forgetState(files);
  if (verdict === "let_run") {
    await cancelMigration(run.qmp, s.parts.clock);
    await run.qmp.execute("cont");
  }
  await clearLeftovers(files);
  return { kind: "answers", runState: (await run.qmp.execute("query-status")).status };
}

/** For a guest without a process: whether it is suspended. What is left of an attempt is cleared away. */
export async function recoverState(s: Supervisor, guest: Guest): Promise<"stopped" | "suspended"> {
  if (guest.kind === undefined) return "stopped";
  const files = stateOf(s, guest);
  const verdict = verdictOf({ ...await findState(files), qemu: undefined });
  await clearLeftovers(files);
  if (verdict !== "suspended") return "stopped";
  guest.adopt("suspended");
  guest.lastError = await stateProblem(s, guest);
  return "suspended";
}
