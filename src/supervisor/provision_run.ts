/** A provisioning run as the supervisor holds it: its state on disk, and what waits for it to change. */
import type { ProvisionView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import type { Failure } from "../core/problem.ts";
import { writeFileAtomic } from "../ports/files.ts";
import type { Answers } from "../provision/answers.ts";
import { osText, phaseOf, type RunState, runText, seen, type Sight } from "../provision/run_state.ts";
import type { ProvisionFiles } from "../../registry/layout.ts";

/** What carries a run out at the moment. */
export interface Driver {
  readonly abort: AbortController;
  /** Settles when nothing of it is under way any more: undefined when it ended well. */
  readonly over: Promise<Failure | undefined>;
}

export class ProvisionRun {
  /** Absent: the run was interrupted, or has failed. */
  driver: Driver | undefined;
  /** The guest has written to its disk since it was started. */
  wrote = false;
  #state: RunState;
  readonly #waiting = new Set<() => void>();

  constructor(readonly files: ProvisionFiles, state: RunState, readonly answers: Answers) {
    this.#state = state;
  }

  get vm(): VmId {
    return this.#state.vm as VmId; // the schema of the file, and of the action, has checked it
  }

  get state(): RunState {
    return this.#state;
  }

  /** Takes a state over when it is on disk. */
  async save(state: RunState): Promise<void> {
    await writeFileAtomic(this.files.run, runText(state));
    this.#state = state;
    this.#wake();
  }

  /**
   * Takes over what is seen of the guest. It is on disk when this resolves; where the disk takes nothing, it counts all the
   * same: the guest has done it.
   */
  async see(sight: Sight): Promise<void> {
    const next = seen(this.#state, sight);
    if (next === this.#state) return;
    this.#state = next;
    this.#wake();
    await writeFileAtomic(this.files.run, runText(this.#state)).catch(() => {});
  }

  /** Resolves when something of the run, or of its guest, has changed. Rejects with the signal's reason. */
  async change(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(resolve);
    try {
      await promise;
    } finally {
      this.#waiting.delete(resolve);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Something about its guest has changed. */
  touch(): void {
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  view(): ProvisionView {
    const { step, begun_at, install, os, failed, baseline } = this.#state;
    return {
      vm: this.vm,
      step,
      state: this.driver ? "running" : failed ? "failed" : "interrupted",
      phase: step === "install" ? phaseOf(this.#state, this.wrote) : null,
      begun_at,
      restarts: install.resets,
      os: os && osText(os),
      baseline,
      why: failed?.message ?? null,
    };
  }
}
