/** One guest as the supervisor holds it: its record, its state, and what runs of it. */
import { type GuestEvent, type GuestState, type PauseReason, transition } from "../lifecycle/states.ts";
import type { GuestGroup } from "../cgroup/group.ts";
import type { GuestKind, VmId } from "../core/ids.ts";
import type { Problem } from "../core/problem.ts";
import type { Instant } from "../core/time.ts";
import type { Accelerator } from "../host/capabilities.ts";
import type { ExitStatus, ProcessIdentity } from "../ports/processes.ts";
import type { QmpClient } from "../qmp/client.ts";
import type { NarrowingStep } from "../../policy/narrowing.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { QmpEvent } from "../qmp/events.ts";
import { WordLimit } from "../core/word_limit.ts";
import type { AgentLink } from "./agent_link.ts";
import type { Failing } from "./reactions.ts";
import type { GuestNetwork } from "./network.ts";
import { RunHistory } from "./run_history.ts";
import type { SerialLog } from "./serial.ts";
import type { Stall } from "./stall.ts";

/** What a running guest takes of the host; counted from the moment its start is decided. */
export interface Share {
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly cpuPercent: number;
}

/** How QEMU ended. `exit` is null when it was not our child and the kernel tells nobody. */
export interface Ended {
  readonly exit: ExitStatus | null;
}

/** Bytes. */
export interface LogStart {
  readonly qemu: number;
  readonly swtpm: number;
}

/** That a guest's end, when it comes, is the crash that it has been given a report of. */
export interface ExpectedCrash {
  readonly failing: Failing;
  /** Absent: none is written yet. */
  readonly report: string | undefined;
}

/** The processes of a guest and the ways to talk to them. */
export interface GuestRun {
  readonly qemu: ProcessIdentity;
  readonly swtpm: ProcessIdentity | undefined;
  /** Resolves when the TPM emulator has ended; never where there is none. */
  readonly tpmGone: Promise<void>;
  readonly qmp: QmpClient;
  readonly agent: AgentLink;
  readonly serial: SerialLog;
  readonly accelerator: Accelerator;
  readonly startedAt: Instant;
  readonly notes: readonly string[];
  /** The group in which the kernel holds its processes to their limits; absent where nothing does. */
  readonly group: GuestGroup | undefined;
  /** Size of the logs when the processes were started: what comes after are this run's words. */
  readonly logStart: LogStart;
  /** As QEMU says itself. */
  readonly qemuVersion: string;
  /** What this QEMU said before the guest counted as running: of no other one's end may it be told. */
  readonly early: QmpEvent[];
  /** Resolves when the QEMU process has ended. */
  readonly gone: Promise<Ended>;
}

export interface PendingRestart {
  readonly at: Instant;
  /** In words: which one of how many. */
  readonly count: string;
  cancel(): void;
}

export class Guest {
  #state: GuestState = "stopped";
  record: VmRecord | undefined;
  /** What is wrong with the record or the files; makes the guest `broken`. */
  problems: readonly Problem[] = [];
  /** Why the last run ended badly. */
  lastError: string | undefined;
  run: GuestRun | undefined;
  share: Share | undefined;
  /** Percent of the host's processors that the kernel lets it use; set while it is in a group. */
  cpuCap: number | undefined;
  readySince: Instant | undefined;
  /** What the policy in force takes away from it while it runs, or can't take away. */
  narrowed: readonly NarrowingStep[] = [];
  /** Why it stands still, or is about to. */
  pauseReason: PauseReason | undefined;
  /** Which disks QEMU could not write or read, from then until it goes on. */
  stall: Stall | undefined;
  /** The network that is on. */
  network: GuestNetwork | undefined;
  /** Cards that are dead, and that the guest has not let go of. */
  readonly pendingCards = new Set<string>();
  /** A QEMU of it that runs and can't be talked to. */
  stray: ProcessIdentity | undefined;
  /** When it is started again after a crash, and the means to call that off. */
  restart: PendingRestart | undefined;
  /** Calls off the next try to write its state into the registry, where the last one failed. */
  unwritten: (() => void) | undefined;
  /** The guest said that it shuts down, or was asked to: its end is no crash. */
  shutdownSeen = false;
  /** Its end is a crash although it was asked for. */
  crash: ExpectedCrash | undefined;
  /** It has said since its last reset that its crash kernel runs. */
  crashKernelSaid = false;
  /** Report of what its present run has failed by. */
  lastReport: string | undefined;
  history = new RunHistory();
  /** When policy has reset it because it had failed. */
  failureResets: readonly Instant[] = [];
  /** How often it may make the supervisor say something: as often as an ordinary guest ever would. */
  readonly words = new WordLimit(20, 10_000);

  constructor(readonly id: VmId) {}

  get state(): GuestState {
    return this.#state;
  }

  get kind(): GuestKind | undefined {
    return this.record?.type;
  }

  /** Applies an event; false when it means nothing in the present state. */
  apply(event: GuestEvent): boolean {
    const next = transition(this.#state, event);
    if (next.ok) this.adopt(next.value);
    return next.ok;
  }

  /** Takes over a state that was found, not reached (start of the supervisor). */
  adopt(state: GuestState): void {
    this.#state = state;
    if (state !== "paused") this.pauseReason = undefined;
  }

  /** Forgets the run; the state says how it ended. */
  clearRun(): void {
    this.run = undefined;
    this.share = undefined;
    this.stray = undefined;
    this.cpuCap = undefined;
    this.readySince = undefined;
    this.narrowed = [];
    this.stall = undefined;
    this.shutdownSeen = false;
    this.crash = undefined;
    this.pauseReason = undefined;
    this.crashKernelSaid = false;
    this.lastReport = undefined;
    this.history = new RunHistory();
    this.pendingCards.clear();
  }
}
