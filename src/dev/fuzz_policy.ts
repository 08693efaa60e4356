/**
 * What must hold for any bytes that are given as a policy or a registry: no exception, no hang, no fault that loads, and a
 * decision for whatever loads. The generator of inputs is here too; running it is up to `fuzz.ts` and to a test.
 */
import { PLAIN_HOST, plainGuest } from "../../policy/cases.ts";
import { ACTIONS } from "../../policy/actions.ts";
import { explain } from "../../policy/decide.ts";
import { loadPolicyBytes } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { isRuleId } from "../../policy/rules.ts";
import type { GuestAsk, PolicyAction, PolicyRequest } from "../../policy/types.ts";
import { parseRegistry } from "../../registry/schema.ts";
import type { PolicyRevision } from "../core/ids.ts";
import type { Problem } from "../core/problem.ts";
import { mutate, mutateJson } from "./fuzz_mutate.ts";
import { Choices } from "./fuzz_random.ts";
import { faultOfLoaded } from "./fuzz_oracle.ts";

export type Target = "policy" | "registry";
export interface Input {
  readonly target: Target;
  readonly bytes: Uint8Array;
}
export interface Outcome {
  /** What does not hold, or undefined. */
  readonly broken?: string;
  readonly loaded: boolean;
  readonly decisions: number;
}

const encoder = new TextEncoder();
const ROOT = "/var/rayos";

/** An endless source of inputs from a corpus of texts; the same seed gives the same inputs. */
export class Inputs {
  private readonly choices: Choices;
  private readonly blocks: readonly string[];
  constructor(private readonly policies: readonly string[], private readonly registry: string, seed: number) {
    this.choices = new Choices(seed);
    this.blocks = policies.flatMap((text) =>
      text.replace(/[ \t]+#[^"'\n]*$|^#.*\n/gm, "").split(/\n(?=\[)/).slice(1)
    );
  }

  next(): Input {
    const { choices } = this;
    if (choices.oneIn(8)) {
      return { target: "registry", bytes: this.bytesOf(mutateJson(this.registry, choices)) };
    }
    // Small files mostly: a few tables, put together at random.
    const whole = choices.oneIn(12);
    const text = whole
      ? choices.of(this.policies)
      : ["version = 0", ...Array.from({ length: 1 + choices.below(4) }, () => choices.of(this.blocks))].join(
        "\n",
      );
    return { target: "policy", bytes: this.bytesOf(choices.oneIn(10) ? text : mutate(text, choices)) };
  }

  private bytesOf(text: string): Uint8Array {
    const bytes = encoder.encode(text);
    if (this.choices.oneIn(40) && bytes.length > 0) {
      bytes[this.choices.below(bytes.length)] = this.choices.below(256);
    }
    return bytes;
  }
}

/** Tries one input. Never throws. `thorough`: also asks a second, independent reader of TOML about what was loaded. */
export function probe({ target, bytes }: Input, thorough: boolean): Outcome {
  try {
    return target === "policy" ? probePolicy(bytes, thorough) : probeRegistry(bytes);
  } catch (error) {
    return { broken: `throws ${String(error).slice(0, 200)}`, loaded: false, decisions: 0 };
  }
}

function probePolicy(bytes: Uint8Array, thorough: boolean): Outcome {
  const result = loadPolicyBytes(bytes, "fuzz.toml", "none" as PolicyRevision, ROOT);
  if (!result.ok) {
    const broken = faultOfProblems(result.error, bytes);
    return { ...(broken === undefined ? {} : { broken }), loaded: false, decisions: 0 };
  }
  const { decisions, broken } = decideAll(result.value);
  const text = new TextDecoder().decode(bytes);
  const fault = broken ?? (thorough ? faultOfLoaded(text, ROOT) : undefined);
  return { ...(fault === undefined ? {} : { broken: fault }), loaded: true, decisions };
}

function probeRegistry(bytes: Uint8Array): Outcome {
  const result = parseRegistry(new TextDecoder().decode(bytes), "fuzz.json", ROOT);
  const isSilent = !result.ok && (result.error.length === 0 || result.error.some((p) => p.message === ""));
  return { ...(isSilent ? { broken: "refused without a word" } : {}), loaded: result.ok, decisions: 0 };
}

/** What is wrong with a refusal: it must say what, where in the text, and by which rule. */
function faultOfProblems(problems: readonly Problem[], bytes: Uint8Array): string | undefined {
  if (problems.length === 0) return "refused without a problem";
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
  for (const { message, hint = "", place, reasons = [] } of problems) {
    if (!place) return `a problem without a place: ${message}`;
    const line = lines[place.line - 1];
    if (line === undefined || place.column < 1 || place.column > line.length + 1) {
      return `a place outside the text, ${place.line}:${place.column}: ${message}`;
    }
    if (reasons.length === 0 || !reasons.every(({ rule }) => isRuleId(rule))) return `no rule: ${message}`;
    // deno-lint-ignore no-control-regex -- exactly these must not be there
    if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(message + hint)) return "a control character in a message";
    if (message.length > 2000 || hint.length > 2000) return `a message of ${message.length} characters`;
  }
  return undefined;
}

const actions = Object.keys(ACTIONS) as PolicyAction[];

/** A decision on every action for a guest of every profile; they must be complete, whatever they say. */
function decideAll(loaded: LoadedPolicy): { decisions: number; broken?: string } {
  let decisions = 0;
  for (const [name, profile] of Object.entries(loaded.policy.profiles)) {
    const guest: GuestAsk = { ...plainGuest(profile.kind), policy_profile: name };
    for (const action of actions) {
      const request: PolicyRequest = { ...REQUEST, action, guest };
      const { decision, layers } = explain({ mode: "normal", loaded }, request);
      decisions++;
      if (decision.reasons.length === 0 || !decision.reasons.every(({ rule }) => isRuleId(rule))) {
        return { decisions, broken: `a decision without a reason: ${action}` };
      }
      const isUnevaluable = layers.some(({ reasons }) => reasons.some(({ rule }) => rule === "unevaluable"));
      if (isUnevaluable) return { decisions, broken: `could not be evaluated: ${decision.reasons[0].why}` };
    }
  }
  return { decisions };
}

const REQUEST = {
  trigger: "operator",
  facts: PLAIN_HOST,
  network: { profile: "restricted" },
  agentCall: "ping",
  snapshot: { count: 1 },
} as const;

/** A shorter input that is still broken in the same way (the same `same`), within a bounded number of tries. */
export function minimise(input: Input, same: (input: Input) => boolean, tries = 400): Input {
  let best = input;
  let left = tries;
  for (let size = best.bytes.length >> 1; size >= 1 && left > 0; size >>= 1) {
    for (let at = 0; at < best.bytes.length && left > 0;) {
      left--;
      const bytes = new Uint8Array([...best.bytes.subarray(0, at), ...best.bytes.subarray(at + size)]);
      const shorter: Input = { ...best, bytes };
      if (same(shorter)) best = shorter;
      else at += size;
    }
  }
  return best;
}
