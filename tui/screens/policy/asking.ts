/** What the policy screen asks of the supervisor, and what becomes of the answers. Pure. */
import type { ExplainView, GuestDetail, PolicyCheckView } from "../../../src/actions/views.ts";
import { ACTIONS, isPolicyAction } from "../../../policy/actions.ts";
import type { PolicyAction } from "../../../policy/types.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import { clean } from "../../text.ts";
import { type Answer, type Candidate, fileOf, type PolicyState, valueOf } from "./state.ts";

/** Every action that policy decides about. */
export const POLICY_ACTIONS: readonly PolicyAction[] = Object.keys(ACTIONS).filter(isPolicyAction);

/** Whether an action is about a network profile. */
export function takesProfile(action: PolicyAction): boolean {
  return action === "net.set";
}

/** Network profiles that may be asked about: those of the file, those of the guest, and none. */
export function profilesOf(state: PolicyState): readonly string[] {
  const own = valueOf(state.rights)?.rights.networkProfiles ?? [];
  return [...new Set(["off", ...own, ...fileOf(state)?.networkProfiles ?? []])];
}

/** The profile that is asked about: what was chosen as long as there is one of that name, else the first that is a network. */
export function profileOf(state: PolicyState): string {
  const all = profilesOf(state);
  const { profile } = state.whatIf;
  return profile !== undefined && all.includes(profile) ? profile : all[1] ?? "off";
}

type Asked = { readonly state: PolicyState; readonly effects: readonly Effect[] };

/** Asks for the rights of the guest and for the decision, anew. */
export function askAll(state: PolicyState): Asked {
  return joined(joined(askRights(state), askWhatIf), askCheck);
}

export function joined(first: Asked, then: (state: PolicyState) => Asked): Asked {
  const next = then(first.state);
  return { state: next.state, effects: [...first.effects, ...next.effects] };
}

export function askRights(state: PolicyState): Asked {
  const { vm } = state;
  if (vm === undefined) return { state: { ...state, rights: { kind: "unasked" } }, effects: [] };
  const { tag, runs } = nextTag(state, "rights");
  return {
    state: { ...state, runs, rights: { kind: "asked", tag, before: valueOf(state.rights) } },
    effects: [{ do: "ask", tag, action: "vm.show", params: { id: vm } }],
  };
}

export function askWhatIf(state: PolicyState): Asked {
  const { vm, whatIf } = state;
  if (vm === undefined) {
    return { state: { ...state, whatIf: { ...whatIf, answer: { kind: "unasked" } } }, effects: [] };
  }
  const { tag, runs } = nextTag(state, "explain");
  const params = {
    id: vm,
    action: whatIf.action,
    ...(takesProfile(whatIf.action) ? { profile: profileOf(state) } : {}),
  };
  const answer: Answer<ExplainView> = { kind: "asked", tag, before: valueOf(whatIf.answer) };
  return {
    state: { ...state, runs, whatIf: { ...whatIf, answer } },
    effects: [{ do: "ask", tag, action: "policy.explain", params }],
  };
}

/** What the file that was chosen would change. */
export function askCheck(state: PolicyState): Asked {
  const { candidate } = state;
  if (candidate?.kind !== "checked") return { state, effects: [] };
  const { tag, runs } = nextTag(state, "check");
  const check: Answer<PolicyCheckView> = { kind: "asked", tag, before: undefined };
  return {
    state: { ...state, runs, candidate: { ...candidate, check } },
    effects: [{ do: "ask", tag, action: "policy.check", params: paramsOf(candidate) }],
  };
}

/** What `policy.check` and `policy.apply` are given. */
export function paramsOf(
  { file }: Extract<Candidate, { kind: "checked" }>,
): Readonly<Record<string, unknown>> {
  const { text, path, signature } = file;
  return { text, name: path, ...(signature === undefined ? {} : { signature }) };
}

function nextTag(state: PolicyState, what: string): { readonly tag: string; readonly runs: number } {
  const runs = state.runs + 1;
  return { tag: `policy:${what}:${runs}`, runs };
}

/** Takes an answer where its question is still the one that is open. */
export function answered(
  state: PolicyState,
  { tag, result }: Extract<Message, { type: "answered" }>,
): PolicyState {
  const answer = <T>(before: Answer<T>, read: (value: unknown) => T): Answer<T> => {
    if (before.kind !== "asked" || before.tag !== tag) return before;
    if (result.ok) return { kind: "known", value: read(result.value) };
    const { message, problems = [] } = result.problem;
    return { kind: "failed", why: clean([message, ...problems.map((one) => one.message)].join("; "), 500) };
  };
  // The supervisor is of this same program; its answers are described in actions/views.ts.
  const rights = answer(state.rights, (value) => (value as GuestDetail).rights);
  const known = answer(state.whatIf.answer, (value) => value as ExplainView);
  const { candidate } = state;
  const checked = candidate?.kind === "checked"
    ? { ...candidate, check: answer(candidate.check, (value) => value as PolicyCheckView) }
    : candidate;
  return { ...state, rights, whatIf: { ...state.whatIf, answer: known }, candidate: checked };
}

/** The guest that is chosen: the one that was, or the first that there is. */
export function guestOf(state: PolicyState, { guests }: Pick<Model, "guests">): string | undefined {
  return guests.some(({ id }) => id === state.vm) ? state.vm : guests[0]?.id;
}
