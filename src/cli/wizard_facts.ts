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

/** What would be refused, by policy or for the media, a line each; nothing as long as the answers are no whole. */
export async function refusalsOf(
  ask: (action: ActionId, params: Readonly<Record<string, unknown>>) => Promise<unknown>,
  { id, draft, folder }: Said,
): Promise<string[]> {
  if (!wizardAnswers(draft).ok) return [];
  try {
    const params = { id, answers: draftToml(draft), folder };
    const plan = await ask("provision.plan", params) as ProvisionPlanView; // the action's answer
    const denied = plan.decisions.flatMap(({ action, effect, reasons }) =>
      effect === "deny" ? [`${action} would be denied: ${reasons[0]?.why ?? "by policy"}`] : []
    );
    return [...denied, ...plan.obstacle ? [plan.obstacle.message] : [], ...plan.remarks];
  } catch (error) {
    return [problemOf(error).message];
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
