/** Answers to the screen's questions, told apart by their tags. An answer that nobody waits for any more is dropped. Pure. */
import type {
  CommandView,
  ExplainView,
  FirmwareView,
  GuestDetail,
  NetView,
} from "../../../src/actions/views.ts";
import { isObject } from "../../../src/core/json.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { hasProcess } from "../../../src/lifecycle/states.ts";
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { commandLines } from "./command_lines.ts";
import { choiceOf, questionsOf, refusalOf } from "./network.ts";
import { EXPLAINED } from "./possible.ts";
import { explainTag, firmwareTag, showTag } from "./questions.ts";
import type { GuestsState, Shown } from "./state.ts";

type Answer = Extract<Message, { type: "answered" }>;
type Step = Next<GuestsState>;

export function answered(state: GuestsState, answer: Answer, model: Model): Step {
  const { tag } = answer;
  if (!tag.startsWith("guests:")) return { state };
  if (state.asking !== undefined && tag === showTag(state.asking)) {
    return detailsCame(state, state.asking, answer, model);
  }
  if (state.shown && tag === firmwareTag(state.shown.vm)) return firmwareCame(state, state.shown, answer);
  if (tag.startsWith("guests:explain:")) return { state: explanationCame(state, answer) };
  if (tag.startsWith("guests:argv:")) return argvCame(state, tag.slice("guests:argv:".length), answer);
  if (state.network && tag === `guests:net:${state.network.vm}`) return networkCame(state, answer);
  if (state.network && tag.startsWith(`guests:net:${state.network.vm}:`)) return refusalCame(state, answer);
  return { state };
}

/** The supervisor is of this same program: an object is the view that was asked for. */
function viewOf<T>({ result }: Answer): T | undefined {
  return result.ok && isObject(result.value) ? result.value as T : undefined;
}

function problemOf({ result }: Answer): Problem | undefined {
  return result.ok ? undefined : result.problem;
}

function detailsCame(state: GuestsState, vm: string, answer: Answer, model: Model): Step {
  const detail = viewOf<GuestDetail>(answer);
  const before = state.shown?.vm === vm ? state.shown : undefined;
  const isSameRun = before?.detail?.pid === detail?.pid;
  const shown: Shown = {
    vm,
    detail,
    problem: problemOf(answer),
    firmware: isSameRun ? before?.firmware : undefined,
    at: model.now,
  };
  const isProven = shown.firmware !== undefined && "firmware_ran" in shown.firmware &&
    shown.firmware.firmware_ran;
  const canProve = detail?.record?.storage.ovmf_vars !== undefined && hasProcess(detail.state) &&
    detail.pid !== null;
  return {
    state: { ...state, asking: undefined, shown },
    effects: canProve && !isProven
      ? [{ do: "ask", tag: firmwareTag(vm), action: "vm.firmware", params: { id: vm } }]
      : [],
  };
}

function firmwareCame(state: GuestsState, shown: Shown, answer: Answer): Step {
  const firmware = viewOf<FirmwareView>(answer) ?? problemOf(answer);
  return { state: { ...state, shown: { ...shown, firmware } } };
}

function explanationCame(state: GuestsState, answer: Answer): GuestsState {
  const { explained } = state;
  const view = viewOf<ExplainView>(answer);
  if (explained === undefined || view === undefined) return state;
  const action = EXPLAINED.find((one) => explainTag(explained.vm, one, explained.basis) === answer.tag);
  if (action === undefined) return state;
  return {
    ...state,
    explained: { ...explained, refusals: { ...explained.refusals, [action]: refusalOf(view) } },
  };
}

function argvCame(state: GuestsState, vm: string, { result }: Answer): Step {
  if (!result.ok) return failed(state, `Command lines of ${vm}`, result.problem);
  if (!Array.isArray(result.value)) return { state };
  const lines = commandLines(result.value as readonly CommandView[]); // as viewOf
  return {
    state,
    messages: [{
      type: "open",
      overlay: { kind: "text", title: `Command lines of ${vm}`, lines, scroll: 0 },
    }],
  };
}

function networkCame(state: GuestsState, answer: Answer): Step {
  const view = viewOf<NetView>(answer);
  if (view === undefined || state.network === undefined) {
    const problem = problemOf(answer);
    const next = { ...state, network: undefined };
    return problem ? failed(next, `Network of ${state.network?.vm}`, problem) : { state: next };
  }
  return { state: { ...state, network: { ...state.network, view } }, effects: questionsOf(view) };
}

function refusalCame(state: GuestsState, answer: Answer): Step {
  const { network } = state;
  if (network === undefined) return { state };
  const profile = answer.tag.slice(`guests:net:${network.vm}:`.length);
  const view = viewOf<ExplainView>(answer);
  const refusal = view ? refusalOf(view) : problemOf(answer)?.message ?? null;
  const next = { ...network, refusals: { ...network.refusals, [profile]: refusal } };
  const overlay = choiceOf(next);
  return overlay
    ? { state: { ...state, network: undefined }, messages: [{ type: "open", overlay }] }
    : { state: { ...state, network: next } };
}

function failed(state: GuestsState, title: string, problem: Problem): Step {
  return {
    state: { ...state, refused: { title, problem } },
    messages: [{ type: "toast", tone: "bad", text: `${title}: ${problem.message}` }],
  };
}
