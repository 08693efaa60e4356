/** Starting a suspended guest: a new QEMU takes its state over and goes on where the old one stood; or the state is dropped. */
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import { misfits, qemuMisfit } from "../suspend/check.ts";
import { awaitingState, comparable } from "../suspend/command_line.ts";
import { clearLeftovers, forgetState, lookAtFiles, readManifest, writeStandstill } from "../suspend/files.ts";
import { loadMemory, memoryFault } from "../suspend/load.ts";
import { type Manifest, versionText } from "../suspend/manifest.ts";
import { exists } from "../ports/files.ts";
import type { SavedState } from "../../registry/layout.ts";
import type { Guest, GuestRun } from "./guest.ts";
import type { PreparedGuest } from "./prepare.ts";
import type { Supervisor } from "./supervisor.ts";
import { stateOf } from "./suspend_guest.ts";

/** A state that fits, and how far its resume has come. */
export class Resume {
  /** The state is used up: from then on a failure can't go back to it. */
  consumed = false;
  /** Why QEMU did not let the guest run, though it is loaded. */
  #stands: Problem | undefined;

  constructor(
    private readonly s: Supervisor,
    private readonly guest: Guest,
    private readonly files: SavedState,
    readonly saved: Manifest,
  ) {}

  /** The plan of a QEMU that takes the state over. */
  planOf({ plan }: PreparedGuest): PreparedGuest["plan"] {
    return { ...plan, qemu: { ...plan.qemu, args: awaitingState(plan.qemu.args) } };
  }

  /** Reads the saved memory through before anything is started. Failure `wrong_state` when it is not what was saved. */
  async verify(signal: AbortSignal): Promise<void> {
    const fault = await memoryFault(this.files.memory, this.saved.memory, signal);
    if (fault !== undefined) refuse(this.guest, [`the saved memory is damaged: ${fault}`]);
  }

  /** Loads the state into a QEMU that waits for it, uses it up, and lets the guest run. From then on there is no way back. */
  async letRun(run: GuestRun, { signal, detach }: Detachable): Promise<void> {
    const { files, guest, s } = this;
    const { qemu } = await run.qmp.execute("query-version");
    const other = qemuMisfit(this.saved, versionText(qemu));
    if (other.length > 0) refuse(guest, other); // it was exchanged since the supervisor asked for its version
    const { stream: socket } = s.parts.layout.runtime(guest.id);
    await loadMemory({ qmp: run.qmp, clock: s.parts.clock, socket, memory: files.memory, signal });
    // A supervisor that finds the guest loaded and the state used up reads here that it was about to run.
    await writeStandstill(files, "run");
    signal.throwIfAborted();
    detach();
    forgetState(files);
    this.consumed = true;
    try {
      await run.qmp.execute("cont");
    } catch (error) {
      if (run.qmp.isClosed) throw error;
      this.#stands = problemOf(error); // ended now, its memory would be lost: it stands still, for the operator to look at
    }
  }

  /** What follows when the guest is one that runs. Failure when it could not be let run. */
  async finish(run: GuestRun): Promise<void> {
    await clearLeftovers(this.files);
    await lookAtAgentPort(run);
    const stands = this.#stands;
    if (!stands) return;
    this.guest.apply("paused");
    this.guest.lastError = `it stands still: ${stands.message}`;
    fail(
      "failed",
      `the memory of ${this.guest.id} is loaded, but QEMU does not let it run: ${stands.message}`,
      {
        hint: `\`rayvisor vm resume ${this.guest.id}\` tries again; its state on disk is used up`,
      },
    );
  }

  /** What a failed start is told as: the state is kept, or used up. */
  explain(error: unknown): Failure {
    const problem = problemOf(error);
    if (problem.code === "cancelled" || problem.hint !== undefined) return new Failure(problem);
    const hint = this.consumed
      ? "its state on disk is used up: the next start boots it anew"
      : `its state is kept; ${coldHint(this.guest)}`;
    return new Failure({ ...problem, hint });
  }

  get note(): string {
    return `goes on from ${this.saved.saved_at}; the guest's own clock does so too, until it sets it`;
  }
}

/** The resume of a guest that is suspended. Failure `wrong_state` with everything that keeps its state from being used. */
export async function prepareResume(s: Supervisor, guest: Guest, prepared: PreparedGuest): Promise<Resume> {
  const files = stateOf(s, guest);
  const read = await readManifest(files, guest.id);
  if (!read) return refuse(guest, ["its manifest is not there"]);
  if (!read.ok) return refuse(guest, [unreadable(read.error)]);
  const wrong = misfits(read.value, {
    qemuVersion: versionText(prepared.host.qemu.version),
    args: comparable(prepared.plan.qemu.args, s.parts.root),
    ...await lookAtFiles(s.parts.root, files, read.value),
  });
  if (wrong.length > 0) refuse(guest, wrong);
  return new Resume(s, guest, files, read.value);
}

/** What is wrong with the state of a guest that is suspended, as far as one look tells; undefined when nothing is. */
export async function stateProblem(s: Supervisor, guest: Guest): Promise<string | undefined> {
  const files = stateOf(s, guest);
  const read = await readManifest(files, guest.id);
  if (read && !read.ok) return unreadable(read.error);
  return await exists(files.memory) ? undefined : "the saved memory is not there";
}

function unreadable(why: string): string {
  return `the manifest of its saved state can't be read: ${why}`;
}

const MOST_TOLD = 5;

function refuse(guest: Guest, wrong: readonly string[]): never {
  const told = wrong.slice(0, MOST_TOLD).map((one) => sanitizeLine(one, 400)).join("; ");
  const more = wrong.length > MOST_TOLD ? `; and ${wrong.length - MOST_TOLD} more` : "";
  guest.lastError = `can't be resumed: ${told}${more}`;
  return fail("wrong_state", `${guest.id} ${guest.lastError}`, {
    hint: `its state is kept; ${coldHint(guest)}`,
    problems: wrong.map((message) => ({ code: "wrong_state", message })),
  });
}

function coldHint(guest: Guest): string {
  return `\`rayvisor vm start ${guest.id} --cold\` drops it and boots the guest anew`;
}

/**
 * Makes sure that no saved state of a guest that is to boot can be used again, on disk too; its files are removed later. True
 * when there was one, which is put on record. Synchronous: it is part of the step by which a start begins.
 */
function dropState(s: Supervisor, guest: Guest): boolean {
  forgetState(stateOf(s, guest));
  if (!guest.apply("dropped")) return false;
  const fields = { vm: guest.id, kind: guest.kind ?? "linux", reason: "cold start" };
  s.observe("vm.state_dropped", { event: "RAYOS_VM:dropped", fields }, guest.id);
  return true;
}

/** What becomes of a saved state when a start begins: it will be taken over, or it is dropped. True when it was dropped. */
export function takeOrDrop(s: Supervisor, guest: Guest, resume: Resume | undefined, cold: boolean): boolean {
  const resumes = guest.state === "suspended" && !cold;
  if (resumes !== (resume !== undefined)) {
    fail("wrong_state", `${guest.id} is ${guest.state}, which it was not when this start was prepared`, {
      hint: "ask again",
    });
  }
  return !resume && dropState(s, guest);
}

/** A signal that can be cut off from the one it follows. */
export interface Detachable {
  readonly signal: AbortSignal;
  readonly detach: () => void;
}

export function detachable(from: AbortSignal): Detachable {
  const own = new AbortController();
  const follow = () => own.abort(from.reason);
  if (from.aborted) follow();
  from.addEventListener("abort", follow, { once: true });
  return { signal: own.signal, detach: () => from.removeEventListener("abort", follow) };
}

/** The guest had opened its agent's port before it was found or loaded, so that no event tells of it. */
export async function lookAtAgentPort(run: GuestRun): Promise<void> {
  const ports = await run.qmp.execute("query-chardev");
  run.agent.portChanged(ports.some((port) => port.label === QEMU_IDS.agentChardev && port["frontend-open"]));
}
