/** The wizard of `rayvisor provision`, with what this host and its policy know. */
import type { ProvisionPlanView, StatusView } from "../actions/views.ts";
import type { ApiClient } from "../api/client.ts";
import { fail, Failure } from "../core/problem.ts";
import { inspectMedium } from "../media/inspect.ts";
import type { Terminal } from "../ports/terminal.ts";
import { workingFolder } from "../ports/paths.ts";
import { type Answers, withPathsFrom } from "../provision/answers.ts";
import { type Draft, draftToml, wizardAnswers, type WizardFacts } from "../provision/wizard.ts";
import { askAnswers } from "./wizard_clack.ts";

export interface GivenAnswers {
  readonly answers: Answers;
  readonly text: string;
  /** Folder that relative paths are taken from. */
  readonly folder: string;
}

/** Asks for everything. Failure `cancelled` when the operator leaves, `already_exists` before anything is asked in vain. */
export async function askOnTerminal(terminal: Terminal, s: ApiClient, id: string): Promise<GivenAnswers> {
  const { guests } = await s.perform<StatusView>("status");
  if (guests.some((guest) => guest.id === id)) {
    fail("already_exists", `there is a guest '${id}' already, and it is left as it is`, {
      hint: "choose another id, or delete that one first (`rayvisor vm delete`)",
    });
  }
  const folder = workingFolder();
  const said = await askAnswers({ terminal }, { id }, {
    allowed: (draft) => refusals(s, id, draft, folder),
    facts: (draft) => factsOf(draft, folder),
  });
  if (said === "cancelled") fail("cancelled", "nothing was done");
  return { answers: withPathsFrom(said.answers, folder), text: said.text, folder };
}

/** What would be refused of what was said so far, by policy or for the media; nothing as long as that is no whole. */
async function refusals(s: ApiClient, id: string, draft: Draft, folder: string): Promise<string[]> {
  if (!wizardAnswers(draft).ok) return [];
  try {
    const plan = await s.perform<ProvisionPlanView>("provision.plan", {
      id,
      answers: draftToml(draft),
      folder,
    });
    const denied = plan.decisions.flatMap(({ action, effect, reasons }) =>
      effect === "deny" ? [`${action} would be denied: ${reasons[0]?.why ?? "by policy"}`] : []
    );
    return [...denied, ...plan.obstacle ? [plan.obstacle.message] : [], ...plan.remarks];
  } catch (error) {
    return [error instanceof Failure ? error.message : String(error)];
  }
}

/** What the medium that was named has on it. */
async function factsOf(draft: Draft, folder: string): Promise<WizardFacts> {
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
