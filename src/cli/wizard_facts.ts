/** What media and policy say of what was said in the wizard so far; for every wizard that asks. */
import type { ProvisionPlanView } from "../actions/views.ts";
import type { ActionId } from "../actions/table.ts";
import { problemOf } from "../core/problem.ts";
import { inspectMedium } from "../media/inspect.ts";
import { type Draft, draftToml, wizardAnswers, type WizardFacts } from "../provision/wizard.ts";

export interface Said {
  readonly id: string;
  readonly draft: Draft;
  /** Absolute path of the folder that relative paths are taken from. */
  readonly folder: string;
}

/** What is said of answers, a line each. */
export interface Judged {
  /** Policy, or the media, would refuse it. */
  readonly refusals: readonly string[];
  /** Stands in no run's way, and may not be meant. */
  readonly remarks: readonly string[];
}

/** What policy and media say; nothing as long as the answers are no whole. */
export async function judge(
  ask: (action: ActionId, params: Readonly<Record<string, unknown>>) => Promise<unknown>,
  { id, draft, folder }: Said,
): Promise<Judged> {
  if (!wizardAnswers(draft).ok) return { refusals: [], remarks: [] };
  try {
    const params = { id, answers: draftToml(draft), folder };
    const plan = await ask("provision.plan", params) as ProvisionPlanView; // the action's answer
    const denied = plan.decisions.flatMap(({ action, effect, reasons }) =>
      effect === "deny" ? [`${action} would be denied: ${reasons[0]?.why ?? "by policy"}`] : []
    );
    return { refusals: [...denied, ...plan.obstacle ? [plan.obstacle.message] : []], remarks: plan.remarks };
  } catch (error) {
    return { refusals: [problemOf(error).message], remarks: [] };
  }
}

/** What the medium that was named has on it. */
export async function factsOf(draft: Draft, folder: string): Promise<WizardFacts> {
  const named = draft["media.windows_iso"];
  if (typeof named !== "string") return {};
  const report = await inspectMedium(named.startsWith("/") ? named : `${folder}/${named}`).catch(() =>
    undefined
  );
  if (report?.kind !== "windows") return {};
  const languages = report.editions.flatMap((edition) => edition.languages);
  return {
    editions: report.editions.map(({ name }) => name),
    ...(languages.length > 0 ? { languages: [...new Set(languages)] } : {}),
  };
}
