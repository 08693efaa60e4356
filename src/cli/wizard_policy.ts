/** What the policy of a data root has to choose from, for a wizard. */
import { loadPolicyBytes, MAX_POLICY_BYTES } from "../../policy/load.ts";
import { layoutOf } from "../../registry/layout.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { readFileBounded } from "../ports/files.ts";
import { type Draft, kindOfDraft, type WizardFacts } from "../provision/wizard.ts";

/** Profiles for guests of the kind that was said, and network profiles but `off`. Nothing of a file that is not good. */
export async function policyChoices(
  root: string,
  draft: Draft,
): Promise<Pick<WizardFacts, "profiles" | "networkProfiles">> {
  const file = layoutOf(root).policyFile;
  const bytes = await readFileBounded(file, MAX_POLICY_BYTES).catch(() => undefined);
  // Only names are taken from it: what is allowed, the supervisor says.
  const loaded = bytes && loadPolicyBytes(bytes, file, "none" as PolicyRevision, root);
  if (!loaded?.ok) return {};
  const { profiles, network_profiles } = loaded.value.policy;
  const kind = kindOfDraft(draft);
  return {
    profiles: Object.entries(profiles).flatMap(([name, profile]) => profile.kind === kind ? [name] : []),
    networkProfiles: Object.keys(network_profiles).filter((name) => name !== "off"),
  };
}
