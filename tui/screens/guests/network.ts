/** The choice of a guest's network: each profile that there is, with why policy refuses it. Pure. */
import type { ExplainView, NetView } from "../../../src/actions/views.ts";
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import type { Effect, Overlay } from "../../model.ts";
import { perform } from "./messages.ts";
import type { NetworkChoice } from "./state.ts";

/** Stands for whatever is asked of a policy that describes no profile: why there is no network is to be told all the same. */
const ANY = "any";

/** Profiles that may be of interest, `off` left out: it is always possible. */
export function candidatesOf(view: NetView): readonly string[] {
  const known = new Set([...view.profiles, ...view.defined]);
  if (view.asked !== null && view.asked !== "on") known.add(view.asked);
  known.add(view.network);
  known.delete("off");
  return known.size === 0 ? [ANY] : [...known];
}

/** What policy has to be asked to know which of them it refuses. */
export function questionsOf(view: NetView): readonly Effect[] {
  return candidatesOf(view).map((profile): Effect => ({
    do: "ask",
    tag: `guests:net:${view.vm}:${profile}`,
    action: "policy.explain",
    params: { id: view.vm, action: "net.set", profile },
  }));
}

/** Why policy refuses it, with the rule's id; null: it does not. */
export function refusalOf({ decision: { effect, reasons } }: ExplainView): string | null {
  const [first] = reasons;
  return effect === "allow" ? null : `${first.rule}: ${first.why}`;
}

/** Whether every candidate has been answered about. */
export function isComplete({ view, refusals }: NetworkChoice): boolean {
  return view !== undefined && candidatesOf(view).every((profile) => Object.hasOwn(refusals, profile));
}

/** The question to the operator; undefined as long as something is unanswered. */
export function choiceOf(choice: NetworkChoice): Overlay | undefined {
  const { view, refusals } = choice;
  if (view === undefined || !isComplete(choice)) return undefined;
  const row = (profile: string, refusal: string | null) => {
    const disabled = profile === view.network ? "it is so now" : refusal;
    return {
      label: profile === ANY && !view.defined.includes(ANY) ? "a profile" : sanitizeLine(profile, 64),
      ...(disabled === null ? {} : { disabled: sanitizeLine(disabled, 400) }),
      then: [perform("net.set", { id: view.vm, profile })],
    };
  };
  const choices = [
    row("off", null),
    ...candidatesOf(view).map((profile) => row(profile, refusals[profile] ?? null)),
  ];
  const at = Math.max(0, choices.findIndex((choice) => choice.disabled === undefined));
  return {
    kind: "choose",
    title: `Network of ${view.vm}: now ${
      sanitizeLine(view.network, 64)
    }; policy grants at most ${view.granted}`,
    at,
    choices,
  };
}
