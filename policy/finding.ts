/** What a layer is asked and what it answers. */
import type { LoadedPolicy } from "./model.ts";
import { type RightSources, whereIn } from "./rights.ts";
import type { RuleId } from "./rules.ts";
import type { GuestAsk, Obligation, PolicyReason, PolicyRequest, Rights } from "./types.ts";

export interface Question {
  readonly loaded: LoadedPolicy;
  readonly request: PolicyRequest;
  readonly guest: GuestAsk;
  /** Absent where the guest's profile is unknown or for the other kind: that is denied elsewhere. */
  readonly rights?: Rights;
  readonly sources?: RightSources;
}

export type Finding =
  | { readonly deny: PolicyReason }
  | { readonly narrow?: PolicyReason; readonly obligation?: Obligation };

export const deny = (rule: RuleId, why: string, where?: string): Finding => ({
  deny: where === undefined ? { rule, why } : { rule, why, where },
});

/** Where a right stands, with its line. */
export function whereOf(question: Question, right: keyof Rights): string {
  const source = question.sources?.[right];
  if (source === undefined) return "profiles";
  // A built-in profile has no key that an operator could look up.
  return source.layer === "builtin" ? `${source.key} (built in)` : whereIn(question.loaded, source.key);
}

/** Denies, or where `limits.clamp` is true lowers the request and says so. */
export function cap(question: Question, rule: RuleId, why: string, where: string, to: Obligation): Finding {
  if (question.rights?.clamp !== true) return deny(rule, why, where);
  return { narrow: { rule, why: `${why}; lowered, because limits.clamp is true`, where }, obligation: to };
}
