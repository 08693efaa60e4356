/** The provisioning runs of a supervisor: those that are under way, and those that were interrupted. */
import type { ProvisionView } from "../actions/views.ts";
import { GUEST_KINDS, parseVmId, type VmId } from "../core/ids.ts";
import { fail, Failure } from "../core/problem.ts";
import { isNotFound, readTextBounded, removeTree } from "../ports/files.ts";
import { listFolders } from "../ports/folders.ts";
import { parseAnswers } from "../provision/answers.ts";
import { MAX_RUN_BYTES, parseRun } from "../provision/run_state.ts";
import type { ActionId } from "../actions/table.ts";
import type { Actor } from "../audit/record.ts";
import type { QmpEvent } from "../qmp/events.ts";
import { ProvisionRun } from "./provision_run.ts";
import type { Supervisor } from "./supervisor.ts";

/** What would take the guest out of the hands of a run that is under way. */
const KEPT_OFF: readonly ActionId[] = ["vm.start", "vm.suspend", "vm.delete", "vm.reset", "baseline.create"];

export class Provisions {
  readonly #runs = new Map<VmId, ProvisionRun>();

  constructor(private readonly s: Supervisor) {}

  get(vm: VmId): ProvisionRun | undefined {
    return this.#runs.get(vm);
  }

  add(run: ProvisionRun): void {
    this.#runs.set(run.vm, run);
  }

  views(): ProvisionView[] {
    return [...this.#runs.values()].map((run) => run.view());
  }

  /** Failure `busy` for what a person or program asks of a guest that a run is busy with. */
  keepOff(action: ActionId, vm: VmId, actor: Actor): void {
    if (actor.kind === "supervisor" || !this.#runs.get(vm)?.driver || !KEPT_OFF.includes(action)) return;
    fail("busy", `${action} is not possible: ${vm} is being provisioned`, {
      hint: `\`rayvisor provision ${vm} --cancel\` calls the run off`,
    });
  }

  /** What QEMU says of a guest. */
  event(vm: VmId, event: QmpEvent): void {
    const run = this.#runs.get(vm);
    if (!run || run.state.step !== "install") return;
    if (event.name === "RESET" && event.data.guest) void run.see({ kind: "reset" });
    else if (event.name === "SHUTDOWN" && event.data.guest && event.data.reason === "guest-shutdown") {
      void run.see({ kind: "shut_down" });
    } else run.touch();
  }

  /** A guest's agent answers, or its process has ended. */
  changed(vm: VmId): void {
    this.#runs.get(vm)?.touch();
  }

  /** A guest was found, by a supervisor that has just started, to have shut itself down. */
  async foundShutDown(vm: VmId): Promise<void> {
    const run = this.#runs.get(vm);
    if (run?.state.step === "install" && run.state.install.starts > 0) await run.see({ kind: "shut_down" });
  }

  /** Forgets the run of a guest that is no more. */
  async forget(vm: VmId): Promise<void> {
    const run = this.#runs.get(vm);
    this.#runs.delete(vm);
    if (run) await removeTree(run.files.folder);
  }

  /** Finds the runs that a supervisor before this one has not brought to their end. */
  async load(): Promise<void> {
    const { layout, root } = this.s.parts;
    for (const kind of GUEST_KINDS) {
      for (const name of await listFolders(`${root}/vm/${kind}`)) {
        const vm = parseVmId(name);
        if (vm) await this.#loadOne(layout.guest(kind, vm).provision, vm);
      }
    }
  }

  async #loadOne(files: ProvisionRun["files"], vm: VmId): Promise<void> {
    let why: string;
    try {
      const state = parseRun(await readTextBounded(files.run, MAX_RUN_BYTES), vm);
      if (state.ok) {
        const answers = parseAnswers(state.value.answers, "the answers of the run");
        if (answers.ok) return this.add(new ProvisionRun(files, state.value, answers.value));
        why = answers.error[0]?.message ?? "its answers can't be read";
      } else why = state.error;
    } catch (error) {
      if (isNotFound(error)) return;
      why = error instanceof Error ? error.message : String(error);
    }
    this.s.putOnRecord("provision.unreadable", vm, { why });
  }

  /** Interrupts all runs and waits for them: the supervisor goes. Their guests go on, without a network. */
  async interrupt(): Promise<void> {
    const drivers = [...this.#runs.values()].flatMap(({ driver }) => driver ?? []);
    const why = new Failure({
      code: "cancelled",
      message: "the supervisor ended; the run can be gone on with",
    });
    for (const { abort } of drivers) abort.abort(why);
    await Promise.all(drivers.map(({ over }) => over));
  }
}
