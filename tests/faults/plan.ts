/**
 * What a round does, from a seed: pure. The same seed gives the same plan; which process is hit by a fault, and what an action
 * comes to, depends on the moment all the same.
 */
import { ACTION_IDS, type ActionId } from "../../src/actions/table.ts";
import { Choices } from "../../src/dev/fuzz_random.ts";

export const FAULTS = [
  "kill_supervisor",
  "stop_supervisor",
  "freeze_supervisor",
  "rival_supervisor",
  "kill_qemu",
  "freeze_qemu",
  "kill_swtpm",
  "freeze_swtpm",
  "fill_root",
  "fill_run",
  "restart_full",
  "slow_swtpm",
  "clock_jump",
  "spoil_policy",
  "reload_policy",
] as const;
export type FaultKind = typeof FAULTS[number];

/** How often each comes, by weight. */
const FAULT_WEIGHTS: Readonly<Record<FaultKind, number>> = {
  kill_supervisor: 8,
  stop_supervisor: 2,
  freeze_supervisor: 2,
  rival_supervisor: 2,
  kill_qemu: 6,
  freeze_qemu: 2,
  kill_swtpm: 4,
  freeze_swtpm: 2,
  fill_root: 4,
  fill_run: 3,
  restart_full: 2,
  slow_swtpm: 4,
  clock_jump: 3,
  spoil_policy: 2,
  reload_policy: 2,
};

export interface Fault {
  readonly kind: FaultKind;
  /** Which of the processes that are there is meant: counted round. */
  readonly pick: number;
  /** How long it lasts, or how slow it makes; of a clock how far it jumps. */
  readonly ms: number;
}

/** When a fault comes: some time after the round's beginning, or with the n-th event, at that time at the latest. */
export interface Moment {
  readonly afterMs: number;
  readonly orEvent?: number;
}

export interface Ask {
  readonly action: ActionId;
  /** As the API takes them. Of `job.cancel`, `pick` says which job is meant, counted round. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly by: "api" | "command";
  /** Pause before it. */
  readonly gapMs: number;
  /** All before it have their answers first. */
  readonly alone: boolean;
  /** The one who asked is killed after so long. */
  readonly clientDiesAfterMs?: number;
}

export interface Round {
  readonly asks: readonly Ask[];
  readonly faults: readonly { readonly fault: Fault; readonly when: Moment }[];
}

export interface PlanInput {
  readonly seed: number;
  readonly round: number;
  /** Ids of the guests that stay. */
  readonly guests: readonly string[];
  /** Faults that can be brought about on this host. */
  readonly able: readonly FaultKind[];
}

/** Actions with their weights; those that this program does not have are left out. */
const ASK_WEIGHTS: Readonly<Record<string, number>> = {
  "vm.start": 20,
  "vm.stop": 6,
  "vm.kill": 4,
  "vm.pause": 4,
  "vm.resume": 5,
  "vm.reset": 3,
  "vm.suspend": 6,
  "vm.present": 3,
  "vm.hide": 2,
  "vm.define": 3,
  "vm.delete": 3,
  "net.set": 1,
  "policy.apply": 1,
  "job.cancel": 4,
  "status": 1,
  "vm.list": 1,
  "vm.show": 2,
  "vm.firmware": 1,
};

/** Names of guests that a round may define and delete. */
export function throwAways(round: number): string[] {
  return [1, 2].map((n) => `t${round}-${n}`);
}

export function planRound(input: PlanInput): Round {
  const choices = new Choices(Math.imul(input.seed, 0x9e3779b1) ^ Math.imul(input.round + 1, 0x85ebca6b));
  const count = 5 + choices.below(16);
  // Half of the rounds are about one or two guests: their actions meet.
  const crowd = choices.oneIn(2) ? input.guests : [choices.of(input.guests), choices.of(input.guests)];
  const asks = Array.from({ length: count }, () => planAsk(choices, input, crowd));
  const faults = Array.from({ length: 1 + choices.below(3) }, () => planFault(choices, input, asks));
  return { asks, faults };
}

function planAsk(choices: Choices, input: PlanInput, crowd: readonly string[]): Ask {
  const action = weighted(choices, ASK_IDS, (id) => ASK_WEIGHTS[id] ?? 0);
  const byCommand = choices.oneIn(3);
  const params = paramsOf(choices, action, { input, crowd, byCommand });
  // Nothing in these guests answers: whoever waits for it is one who dies.
  const waits = params.wait === "ready";
  return {
    action,
    params,
    by: byCommand ? "command" : "api",
    gapMs: choices.oneIn(3) ? 0 : choices.below(400),
    alone: choices.oneIn(5),
    ...(byCommand && (waits || choices.oneIn(6)) ? { clientDiesAfterMs: choices.below(700) } : {}),
  };
}

const ASK_IDS = ACTION_IDS.filter((id) => id in ASK_WEIGHTS);

function paramsOf(
  choices: Choices,
  action: ActionId,
  { input, crowd, byCommand }: { input: PlanInput; crowd: readonly string[]; byCommand: boolean },
): Record<string, unknown> {
  const id = choices.of(choices.oneIn(12) ? throwAways(input.round) : crowd);
  switch (action) {
    case "vm.start":
      return {
        id,
        ...(byCommand && choices.oneIn(8) ? { wait: "ready" } : {}),
        ...(choices.oneIn(8) ? { cold: true } : {}),
      };
    case "vm.stop":
      return { id, grace_s: choices.below(3) };
    case "vm.define":
      return { definition: definitionOf(choices, choices.of(throwAways(input.round))) };
    case "vm.delete":
      return { id: choices.of(throwAways(input.round)), disks: !choices.oneIn(4) };
    case "net.set":
      return { id, profile: choices.oneIn(3) ? "restricted" : "off" };
    case "policy.apply":
      return { variant: choices.below(2) };
    case "job.cancel":
      return { pick: choices.below(8) };
    case "status":
    case "vm.list":
      return {};
    default:
      return { id };
  }
}

function definitionOf(choices: Choices, id: string): Record<string, unknown> {
  return { id, type: "linux", memory_mib: 64, disk: { bytes: 1024 * 1024 }, tpm: choices.oneIn(3) };
}

function planFault(choices: Choices, { able }: PlanInput, asks: readonly Ask[]): Round["faults"][number] {
  const kind = weighted(choices, able, (kind) => FAULT_WEIGHTS[kind]);
  const span = asks.reduce((sum, { gapMs }) => sum + gapMs, 500);
  return {
    fault: { kind, pick: choices.below(16), ms: lastsMs(choices, kind) },
    when: {
      afterMs: choices.below(span),
      ...(choices.oneIn(2) ? { orEvent: 1 + choices.below(20) } : {}),
    },
  };
}

const DAY_MS = 86_400_000;

function lastsMs(choices: Choices, kind: FaultKind): number {
  switch (kind) {
    case "clock_jump":
      return choices.of([1000, 60_000, 3_600_000, DAY_MS, 400 * DAY_MS]) * choices.of([1, -1]);
    case "slow_swtpm":
      return choices.below(choices.oneIn(12) ? 22_000 : 1500); // a start waits for 20 s at most
    default:
      return 50 + choices.below(2000);
  }
}

/** One of `list`, each as often as its weight says. */
function weighted<T>(choices: Choices, list: readonly T[], weightOf: (one: T) => number): T {
  let at = choices.below(list.reduce((sum, one) => sum + weightOf(one), 0));
  for (const one of list) {
    at -= weightOf(one);
    if (at < 0) return one;
  }
  throw new RangeError("nothing to choose from");
}

/** A plan in words, one line a step, for whoever looks for the cause of a failure. */
export function planText({ asks, faults }: Round): string {
  return [
    ...asks.map(({ action, params, by, gapMs, alone, clientDiesAfterMs }) =>
      `+${gapMs} ms${alone ? ", alone" : ""}: ${action} ${JSON.stringify(params)} by ${by}` +
      (clientDiesAfterMs === undefined ? "" : `, who dies after ${clientDiesAfterMs} ms`)
    ),
    ...faults.map(({ fault: { kind, pick, ms }, when: { afterMs, orEvent } }) =>
      `at ${afterMs} ms${orEvent === undefined ? "" : ` or event ${orEvent}`}: ${kind} ${pick} (${ms} ms)`
    ),
  ].join("\n");
}
