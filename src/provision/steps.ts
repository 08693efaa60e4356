/** The steps of a provisioning run, in their order. Pure. */

export const STEPS = ["media", "disk", "define", "install", "detach", "verify", "baseline"] as const;
export type Step = typeof STEPS[number];

/** What each step does, for people. */
export const STEP_TITLES: Readonly<Record<Step, string>> = {
  media: "brings the install media together and builds the one with the answers",
  disk: "makes the disk",
  define: "enters the guest into the registry, with UEFI variables and TPM",
  install: "lets the guest install itself, until it shuts itself down",
  detach: "takes media and network away",
  verify: "boots the guest by itself, without media and network, until its agent answers",
  baseline: "keeps disk, UEFI variables and TPM state as the baseline",
};

/** The step after one; undefined after the last. A run without a baseline ends with the one before it. */
export function nextStep(step: Step, run: { readonly baseline: boolean }): Step | undefined {
  const next = STEPS[STEPS.indexOf(step) + 1];
  return next === "baseline" && !run.baseline ? undefined : next;
}

/** Steps that a run makes, in order. */
export function stepsOf(run: { readonly baseline: boolean }): readonly Step[] {
  return STEPS.filter((step) => step !== "baseline" || run.baseline);
}
