/** The wizard of `rayvisor provision`, with what this host and its policy know. */
import type { StatusView } from "../actions/views.ts";
import type { ApiClient } from "../api/client.ts";
import { fail } from "../core/problem.ts";
import type { Terminal } from "../ports/terminal.ts";
import { workingFolder } from "../ports/paths.ts";
import { type Answers, withPathsFrom } from "../provision/answers.ts";
import { factsOf, judge } from "./wizard_facts.ts";
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
    allowed: async (draft) => {
      const said = { id, draft, folder };
      const { refusals, remarks } = await judge((action, params) => s.perform(action, params), said);
      return [...refusals, ...remarks];
    },
    facts: (draft) => factsOf(draft, folder),
  });
  if (said === "cancelled") fail("cancelled", "nothing was done");
  return { answers: withPathsFrom(said.answers, folder), text: said.text, folder };
}
