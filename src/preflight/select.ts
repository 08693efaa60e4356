/** Which checks a run has. Pure. */
import { fail } from "../core/problem.ts";
import { didYouMean } from "../core/suggest.ts";
import { type Check, CHECK_GROUPS, type PreflightOptions } from "./types.ts";

/**
 * The checks of the profile; with `only` those that it names, by id or by group. A check that is named by its id is run whatever the
 * profile. Failure `usage` for a name that is neither.
 */
export function selectChecks(
  checks: readonly Check[],
  { only, profile }: Pick<PreflightOptions, "only" | "profile">,
): readonly Check[] {
  const names: readonly string[] = [...CHECK_GROUPS, ...checks.map(({ id }) => id)];
  for (const name of only) {
    if (names.includes(name)) continue;
    const near = didYouMean(name, names);
    fail("usage", `there is no check and no group of checks '${name}'`, {
      hint: near ? `did you mean '${near}'?` : "docs/preflight.md lists them",
    });
  }
  return checks.filter(({ id, group, profiles }) =>
    only.includes(id) || ((only.length === 0 || only.includes(group)) && profiles.includes(profile))
  );
}
